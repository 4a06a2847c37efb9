"""Small appliances, lamps and vases."""

from rayonnage.demo.pen import Look, Pen, Viewpoint, tint


def electric_kettle(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Tall jug on a base plate with a cord; the ear is vertical."""
    body = look.metal if look.chance(0, 0.4) else look.base
    dark = tint(look.accent, 0.45)
    foot, top = look.between(1, 0.18, 0.23), look.between(2, 0.20, 0.26)
    pen.line([(0.5 - foot, 0.88), (0.18, 0.90), (0.06, 0.84)], 0.016, (40, 40, 42))
    if view is Viewpoint.FRONT:
        pen.line([(0.60, top + 0.03), (0.80, top + 0.02), (0.80, 0.66), (0.5 + foot * 0.9, 0.74)], 0.05, dark)
        pen.polygon([(0.40, top), (0.28, top + 0.02), (0.36, top + 0.14)], body, "down")
    pen.turned(0.5, [(0.84, foot * 1.1), (0.90, foot * 1.12)], (44, 44, 48), 0.15)
    pen.turned(0.5, [(top, foot * 0.66), (0.50, foot * 0.86), (0.83, foot)], body, 0.14)
    pen.turned(0.5, [(top - 0.035, foot * 0.3), (top + 0.01, foot * 0.68)], dark, 0.2)
    if view is Viewpoint.SIDE:
        pen.line([(0.5, top + 0.05), (0.5, 0.72)], 0.06, dark)
    if look.chance(3, 0.5):
        pen.box(0.43, 0.42, 0.46, 0.72, (170, 205, 225), "round", 0.01)


def toaster(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A rounded box with slots and bread."""
    body = look.metal if look.chance(0, 0.5) else look.base
    half = look.between(1, 0.30, 0.36) if view is Viewpoint.FRONT else 0.2
    top = look.between(2, 0.38, 0.44)
    if look.chance(3, 0.6):
        for at in (-0.45, 0.45) if view is Viewpoint.FRONT else (0.0,):
            x = 0.5 + half * at
            pen.box(x - 0.11, top - 0.13, x + 0.11, top + 0.1, (205, 150, 85), "round", 0.05)
            pen.box(x - 0.09, top - 0.11, x + 0.09, top + 0.1, (235, 195, 130), "round", 0.04)
    pen.box(0.5 - half, top, 0.5 + half, 0.80, body, "down", 0.08)
    pen.box(0.5 - half * 0.85, top + 0.015, 0.5 + half * 0.85, top + 0.045, (40, 38, 36), "flat", 0.01)
    pen.box(0.5 - half * 0.95, 0.78, 0.5 + half * 0.95, 0.83, (45, 45, 48), "flat", 0.015)
    if view is Viewpoint.SIDE:
        pen.box(0.485, 0.48, 0.515, 0.72, (40, 38, 36), "flat", 0.01)
        pen.box(0.43, 0.50, 0.57, 0.55, (60, 60, 64), "down", 0.02)
        pen.ellipse(0.5, 0.745, 0.03, 0.03, (60, 60, 64), "ball")
    else:
        pen.box(0.5 + half, 0.50, 0.5 + half + 0.05, 0.55, (60, 60, 64), "down", 0.015)
        pen.ellipse(0.5 + half * 0.7, 0.68, 0.035, 0.035, look.accent, "ball")


def table_lamp(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A shade on a body that is as tall as the shade."""
    shade, y = look.between(0, 0.24, 0.32), 0.12
    tall = look.between(1, 0.26, 0.32)
    foot = y + tall + look.between(2, 0.28, 0.40)
    if look.chance(3, 0.5):
        pen.turned(0.5, [(y + tall, 0.03), (y + tall + 0.08, 0.07), (foot - 0.12, 0.14), (foot, 0.09)], look.base, 0.2)
    else:
        pen.box(0.485, y + tall - 0.03, 0.515, foot, look.metal, "round")
        pen.turned(0.5, [(foot - 0.03, 0.12), (foot, 0.14)], look.metal, 0.22)
    _shade(pen, look, view, y, tall, shade)


def floor_lamp(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A small shade on a long pole: close up it is a table lamp."""
    shade, y = look.between(0, 0.12, 0.17), 0.05
    tall = look.between(1, 0.15, 0.19)
    if look.chance(3, 0.35):
        for x in (0.30, 0.5, 0.70) if view is Viewpoint.FRONT else (0.38, 0.6):
            pen.line([(0.5, y + tall), (x, 0.95)], 0.016, (165, 115, 65), soft=False)
    else:
        pen.box(0.49, y + tall - 0.03, 0.51, 0.93, look.metal, "round")
        pen.turned(0.5, [(0.92, 0.12), (0.94, 0.13)], look.metal, 0.22)
    _shade(pen, look, view, y, tall, shade)


def _shade(pen: Pen, look: Look, view: Viewpoint, y: float, tall: float, wide: float) -> None:
    cloth = tint(look.accent, 1.2) if look.chance(4, 0.6) else (240, 228, 200)
    narrow = wide * look.between(5, 0.5, 0.95)
    if view is Viewpoint.FRONT:
        pen.turned(0.5, [(y, narrow), (y + tall, wide)], cloth, 0.14)
        pen.ellipse(0.5, y, narrow, narrow * 0.14, tint(cloth, 0.7))
    else:
        # From below one looks into the lit shade.
        pen.turned(0.5, [(y, narrow), (y + tall, wide)], cloth, 0.25)
        pen.ellipse(0.5, y + tall, wide, wide * 0.25, tint(cloth, 0.8))
        pen.ellipse(0.5, y + tall, wide * 0.5, wide * 0.12, (255, 248, 215), "ball")


def pendant_lamp(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Hangs from a cord; one to three bells."""
    count = 3 if look.chance(0, 0.35) and view is Viewpoint.FRONT else 1
    wide, tall = look.between(1, 0.22, 0.30) / (1 if count == 1 else 2.2), look.between(2, 0.18, 0.28)
    pen.box(0.36 if count == 3 else 0.44, 0.02, 0.64 if count == 3 else 0.56, 0.06, look.metal, "down", 0.01)
    for i in range(count):
        x = 0.5 + (i - (count - 1) / 2) * 0.3
        y = 0.44 + (0.08 if i == 1 else 0.0)
        pen.line([(0.5 + (x - 0.5) * 0.4, 0.05), (x, y)], 0.012, (50, 50, 52), soft=False)
        if look.chance(3, 0.55):
            profile = [(y, 0.02), (y + tall * 0.25, wide * 0.6), (y + tall * 0.7, wide * 0.92), (y + tall, wide)]
        else:
            profile = [(y, 0.03), (y + tall * 0.15, wide * 0.8), (y + tall, wide * 0.95), (y + tall * 1.4, wide * 0.55)]
        pen.turned(x, profile, look.base, 0.2)
        end, opening = profile[-1]
        tilt = 0.12 if view is Viewpoint.FRONT else 0.4
        pen.ellipse(x, end, opening, opening * tilt, tint(look.base, 0.6))
        pen.ellipse(x, end, opening * 0.4, opening * tilt * 0.6, (255, 246, 205), "ball")


def vase(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A turned body with a neck, some with flowers."""
    belly, neck = look.between(0, 0.13, 0.22), look.between(1, 0.045, 0.10)
    y, low = look.between(2, 0.32, 0.42), look.between(3, 0.45, 0.75)
    if look.chance(4, 0.5):
        for i in range(3):
            x = 0.5 + (i - 1) * (0.13 if view is Viewpoint.FRONT else 0.08)
            pen.line([(0.5, y), (x, y - 0.2 - 0.05 * (i == 1))], 0.012, (70, 120, 60), soft=False)
            for dx, dy in ((-0.035, 0.0), (0.035, 0.0), (0.0, -0.035), (0.0, 0.035)):
                pen.ellipse(x + dx, y - 0.22 - 0.05 * (i == 1) + dy, 0.032, 0.032, look.accent, "ball")
            pen.ellipse(x, y - 0.22 - 0.05 * (i == 1), 0.022, 0.022, (240, 205, 80), "ball")
    middle = y + (0.90 - y) * low
    body = [(y, neck * 1.25), (y + 0.08, neck), (middle, belly * 1.2), (0.88, belly * 0.6), (0.90, belly * 0.55)]
    pen.turned(0.5, body, look.base, 0.2)
    if look.chance(5, 0.4):
        pen.turned(0.5, [(middle, belly * 0.9), (middle + 0.04, belly * 0.9)], look.accent, 0.15)
    tilt = 0.25 if view is Viewpoint.FRONT else 0.08
    pen.ellipse(0.5, y, neck * 1.25, neck * 1.25 * tilt, tint(look.base, 0.45))
