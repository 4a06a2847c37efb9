"""Bags, tools and locks."""

from rayonnage.demo.pen import Look, Pen, Viewpoint, mirrored, tint


def suitcase(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A hard shell on wheels with a pull-out handle."""
    half = look.between(0, 0.19, 0.24) if view is Viewpoint.FRONT else look.between(1, 0.10, 0.14)
    top, bottom = look.between(2, 0.24, 0.32), 0.88
    for side in (-1, 1):
        pen.line([(0.5 + side * half * 0.4, 0.10), (0.5 + side * half * 0.4, top + 0.02)], 0.018, look.metal)
        pen.ellipse(0.5 + side * half * 0.75, bottom + 0.03, 0.03, 0.035, (40, 40, 44), "ball")
    pen.box(0.5 - half * 0.48, 0.07, 0.5 + half * 0.48, 0.115, (50, 50, 54), "down", 0.015)
    pen.box(0.5 - half, top, 0.5 + half, bottom, look.base, "round", 0.05)
    if view is Viewpoint.FRONT:
        for i in range(5):
            at = 0.5 + (i - 2) * half * 0.36
            pen.box(at - 0.012, top + 0.06, at + 0.012, bottom - 0.06, tint(look.base, 0.8), "round", 0.012)
        pen.box(0.46, top + 0.02, 0.54, top + 0.045, look.metal, "down", 0.01)
    else:
        pen.box(0.49, top, 0.51, bottom, tint(look.base, 0.4))
        back = 0.5 + half
        pen.line([(back, 0.5), (back + 0.035, 0.53), (back + 0.035, 0.62), (back, 0.65)], 0.025, (50, 50, 54))


def travel_bag(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A soft bag, wide and low, with two loops."""
    half = look.between(0, 0.34, 0.40) if view is Viewpoint.FRONT else 0.2
    top = look.between(1, 0.42, 0.48)
    strap = tint(look.accent, 0.7)
    pen.line(mirrored([(half * 0.4, top + 0.1), (half * 0.3, 0.22)]), 0.03, strap)
    pen.polygon(mirrored([(half * 0.85, top), (half, 0.6), (half, 0.82)]), look.base, "down", soft=True)
    if view is Viewpoint.FRONT:
        for side in (-1, 1):
            at = 0.5 + side * half * 0.4
            pen.box(at - 0.02, top, at + 0.02, 0.80, strap)
        pen.box(0.5 - half * 0.3, 0.58, 0.5 + half * 0.3, 0.76, tint(look.base, 0.85), "down", 0.02)
    else:
        pen.ellipse(0.5, 0.63, half * 0.7, 0.15, tint(look.base, 0.9), "ball")
        pen.box(0.42, 0.55, 0.58, 0.58, strap)
    pen.line([(0.5 - half * 0.7, top + 0.015), (0.5 + half * 0.7, top + 0.015)], 0.01, look.metal)


def backpack(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Round top, front pocket, shoulder straps."""
    half = look.between(0, 0.22, 0.28) if view is Viewpoint.FRONT else 0.16
    top = look.between(1, 0.16, 0.22)
    trim = tint(look.accent, 0.8)
    pen.line([(0.45, top + 0.03), (0.46, top - 0.07), (0.54, top - 0.07), (0.55, top + 0.03)], 0.022, trim)
    if view is Viewpoint.SIDE:
        pen.line([(0.38, top + 0.06), (0.18, 0.36), (0.20, 0.66), (0.36, 0.84)], 0.045, trim)
    pen.polygon(mirrored([(half * 0.7, top), (half, 0.4), (half, 0.9)]), look.base, "round", soft=True)
    pen.line(mirrored([(half * 0.75, 0.46), (half * 0.45, top + 0.09)]), 0.010, tint(look.base, 0.5))
    if view is Viewpoint.FRONT:
        pocket = look.accent if look.chance(2, 0.5) else tint(look.base, 0.85)
        pen.box(0.5 - half * 0.68, 0.54, 0.5 + half * 0.68, 0.83, pocket, "round", 0.04)
        pen.line([(0.5 - half * 0.5, 0.60), (0.5 + half * 0.5, 0.60)], 0.011, look.metal)
    else:
        pen.box(0.5, 0.52, 0.5 + half + 0.07, 0.84, tint(look.base, 0.85), "round", 0.05)


def hammer(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A head across a long handle."""
    shaft = (178, 128, 74) if look.chance(0, 0.55) else look.base
    steel = tint(look.metal, 0.8)
    pen.polygon([(0.475, 0.22), (0.525, 0.22), (0.54, 0.9), (0.46, 0.9)], shaft, "round")
    if look.chance(1, 0.5):
        pen.box(0.455, 0.62, 0.545, 0.92, look.accent, "round", 0.02)
    if view is Viewpoint.FRONT:
        pen.box(0.42, 0.12, 0.58, 0.25, steel, "down", 0.015)
        pen.box(0.58, 0.13, 0.66, 0.24, steel, "down")
        pen.box(0.655, 0.115, 0.71, 0.255, tint(steel, 1.15), "down", 0.015)
        claw = [(0.30, 0.13), (0.22, 0.23), (0.31, 0.19)] if look.chance(2, 0.6) else [(0.26, 0.18), (0.26, 0.20)]
        pen.polygon([(0.43, 0.12), *claw, (0.43, 0.25)], steel, "down")
    else:
        pen.box(0.43, 0.1, 0.57, 0.27, steel, "round", 0.06)
        pen.ellipse(0.5, 0.185, 0.05, 0.06, tint(steel, 1.25), "ball")


def screwdriver(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A ribbed grip and a thin blade; several in some sets."""
    count = 3 if look.chance(0, 0.3) and view is Viewpoint.FRONT else 1
    for i in range(count):
        x = 0.5 + (i - (count - 1) / 2) * 0.2
        length = look.between(1, 0.30, 0.46) * (1 - 0.12 * i)
        pen.box(x - 0.018, 0.44, x + 0.018, 0.44 + length, look.metal, "round", 0.004)
        end = 0.44 + length
        wide = 0.03 if view is Viewpoint.FRONT else 0.012
        tip = [(x - 0.014, end - 0.03), (x + 0.014, end - 0.03), (x + wide, end + 0.02), (x - wide, end + 0.02)]
        pen.polygon(tip, tint(look.metal, 0.7))
        pen.turned(x, [(0.10, 0.04), (0.13, 0.062), (0.30, 0.055), (0.36, 0.042), (0.45, 0.045)], look.base, 0.3)
        for side in (-1, 0, 1):
            pen.box(x + side * 0.032 - 0.007, 0.14, x + side * 0.032 + 0.007, 0.34, look.accent, "round", 0.007)


def saw(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A long toothed blade with a closed grip."""
    steel = (196, 201, 208)
    low = look.between(0, 0.56, 0.64) if view is Viewpoint.FRONT else 0.49
    pen.polygon([(0.05, 0.44), (0.68, 0.40), (0.68, low), (0.05, 0.50)], steel, "down")
    if view is Viewpoint.FRONT:
        for i in range(20):
            x = 0.06 + i * 0.031
            y = 0.50 + (low - 0.50) * (x - 0.05) / 0.63
            pen.polygon([(x, y - 0.01), (x + 0.031, y - 0.01), (x + 0.016, y + 0.024)], tint(steel, 0.85))
    grip = look.base if look.chance(1, 0.6) else (150, 100, 55)
    loop = [(0.70, 0.36), (0.90, 0.34), (0.95, 0.60), (0.78, 0.70), (0.68, 0.60), (0.66, 0.44), (0.72, 0.36)]
    pen.line(loop, 0.065, grip)
    pen.ellipse(0.70, 0.46, 0.014, 0.014, look.metal, "ball")


def padlock(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A shackle over a block with a keyhole or dials."""
    brass = (196, 154, 62) if look.chance(0, 0.4) else look.base
    half = look.between(1, 0.20, 0.27) if view is Viewpoint.FRONT else 0.10
    reach = half * 0.68 if view is Viewpoint.FRONT else 0.015
    rise = look.between(2, 0.12, 0.24)
    pen.line(mirrored([(reach, 0.5), (reach, rise)]), 0.06, look.metal)
    pen.box(0.5 - half, 0.46, 0.5 + half, 0.86, brass, "round", 0.04)
    if view is Viewpoint.FRONT and look.chance(3, 0.65):
        pen.ellipse(0.5, 0.63, 0.035, 0.035, (30, 28, 26))
        pen.polygon([(0.488, 0.64), (0.512, 0.64), (0.525, 0.74), (0.475, 0.74)], (30, 28, 26))
    elif view is Viewpoint.FRONT:
        for i in range(3):
            pen.box(0.5 + (i - 1) * 0.11 - 0.04, 0.6, 0.5 + (i - 1) * 0.11 + 0.04, 0.74, (225, 225, 225), "down", 0.01)
