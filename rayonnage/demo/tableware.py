"""Pans, cups, glasses, kettles and knives."""

from rayonnage.demo.pen import Look, Pen, Viewpoint, mirrored, tint


def saucepan(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Deep, straight sides, one long handle."""
    _pan(pen, look, view, depth=look.between(0, 0.20, 0.27), radius=0.24, flare=0.0)


def frying_pan(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Shallow, flared sides, one long handle: seen from above it is hard to tell from a saucepan."""
    _pan(pen, look, view, depth=look.between(0, 0.06, 0.10), radius=0.27, flare=0.06)


def _pan(pen: Pen, look: Look, view: Viewpoint, depth: float, radius: float, flare: float) -> None:
    body = look.metal if look.chance(1, 0.4) else look.base
    tilt = look.between(2, 0.35, 0.85) if view is Viewpoint.FRONT else look.between(2, 0.03, 0.12)
    sight = depth * (1 - tilt * 0.75)
    x, y = 0.36, 0.5 - sight / 2
    grip = tint(look.accent, 0.6) if look.chance(3, 0.7) else look.metal
    end = (0.95, y - (0.0 if view is Viewpoint.SIDE else 0.06) + 0.02)
    pen.line([(x + radius * 0.9, y + 0.03), (0.72, end[1] + 0.015), end], look.between(4, 0.035, 0.06), grip)
    pen.turned(x, [(y, radius), (y + sight, radius - flare)], body, tilt)
    pen.ellipse(x, y, radius, radius * tilt, tint(body, 1.25), "flat")
    inside = tint(body, 0.55) if look.chance(5, 0.6) else tint(look.metal, 0.8)
    pen.ellipse(x, y + 0.006, radius * 0.94, radius * tilt * 0.94, inside, "down")
    # Only the walls inside the rim tell a deep pan from a flat one when it is seen from above.
    floor = radius * (0.90 - depth * 0.9)
    pen.ellipse(x, y + depth * 0.3 * tilt, floor - flare * 0.4, (floor - flare * 0.4) * tilt, tint(inside, 1.2), "flat")


def stockpot(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Deep, two ear handles, often a lid."""
    body = look.metal if look.chance(1, 0.45) else look.base
    tilt = look.between(2, 0.25, 0.45) if view is Viewpoint.FRONT else 0.08
    radius, depth = look.between(0, 0.26, 0.31), look.between(3, 0.26, 0.36)
    y = 0.40
    ear = tint(look.accent, 0.6) if look.chance(4, 0.5) else look.metal
    if view is Viewpoint.FRONT:
        for side in (-1, 1):
            at = 0.5 + side * radius
            out = at + side * 0.1
            pen.line([(at, y + 0.07), (out, y + 0.05), (out, y + 0.13), (at, y + 0.12)], 0.03, ear)
    pen.turned(0.5, [(y, radius), (y + depth, radius * 0.97)], body, tilt)
    if view is Viewpoint.SIDE:
        pen.line([(0.42, y + 0.08), (0.43, y + 0.14), (0.57, y + 0.14), (0.58, y + 0.08)], 0.03, ear)
    if look.chance(5, 0.65):
        pen.turned(0.5, [(y - 0.11, 0.02), (y - 0.08, radius * 0.6), (y, radius * 1.02)], tint(body, 1.1), tilt)
        pen.box(0.47, y - 0.155, 0.53, y - 0.10, ear, "round", 0.02)
    else:
        pen.ellipse(0.5, y, radius, radius * tilt, tint(body, 1.25))
        pen.ellipse(0.5, y + 0.006, radius * 0.95, radius * tilt * 0.95, tint(body, 0.5), "down")


def mug(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A cup with one ear; from the side the ear points at the camera."""
    radius, height = look.between(0, 0.19, 0.25), look.between(1, 0.34, 0.48)
    y, tilt, x = 0.5 - height / 2, 0.22, 0.46
    foot = radius * look.between(2, 0.72, 1.0)
    ear = look.accent if look.chance(3, 0.3) else tint(look.base, 0.95)
    if view is Viewpoint.FRONT:
        out = x + radius + 0.15
        upper, lower = (x + radius * 0.9, y + 0.08), (x + foot * 0.9, y + height * 0.8)
        pen.line([upper, (out, y + 0.06), (out, y + height * 0.75), lower], 0.045, ear)
    pen.turned(x, [(y, radius), (y + height * 0.5, (radius + foot) / 2 + 0.01), (y + height, foot)], look.base, tilt)
    if look.chance(4, 0.4):
        pen.turned(x, [(y + height * 0.4, radius * 0.98), (y + height * 0.6, (radius + foot) / 2)], look.accent, tilt)
    elif look.chance(4, 0.7) and view is Viewpoint.FRONT:
        pen.ellipse(x - 0.02, y + height * 0.55, 0.08, 0.08, look.accent)
        pen.ellipse(x - 0.02, y + height * 0.55, 0.045, 0.045, tint(look.base, 1.1))
    if view is Viewpoint.SIDE:
        pen.line([(x, y + 0.08), (x - 0.01, y + height * 0.45), (x, y + height * 0.8)], 0.055, ear)
    pen.ellipse(x, y, radius, radius * tilt, tint(look.base, 1.2))
    inside = (70, 45, 30) if look.chance(5, 0.4) else tint(look.base, 0.6)
    pen.ellipse(x, y + 0.008, radius * 0.9, radius * tilt * 0.85, inside, "down")


def teapot(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Round belly, spout, ear and lid."""
    belly = look.between(0, 0.20, 0.25)
    y = 0.40
    if view is Viewpoint.FRONT:
        pen.line([(0.5 + belly * 0.8, y + 0.24), (0.78, y + 0.2), (0.80, y + 0.03), (0.88, y - 0.02)], 0.06, look.base)
        ear = [(0.5 - belly * 0.7, y + 0.04), (0.14, y), (0.14, y + 0.24), (0.5 - belly * 0.8, y + 0.26)]
        pen.line(ear, 0.04, look.base)
    foot = look.between(1, 0.11, 0.17)
    body = [(y, 0.12), (y + 0.06, belly * 0.9), (y + 0.17, belly * 1.12), (y + 0.28, belly * 0.9), (y + 0.33, foot)]
    pen.turned(0.5, body, look.base, 0.15)
    if view is Viewpoint.SIDE:
        pen.line([(0.5, y + 0.25), (0.5, y + 0.14), (0.5, y + 0.02)], 0.075, tint(look.base, 1.05))
        pen.ellipse(0.5, y + 0.01, 0.03, 0.018, tint(look.base, 0.3))
    if look.chance(2, 0.4):
        pen.turned(0.5, [(y + 0.14, belly), (y + 0.2, belly)], look.accent, 0.1)
    pen.turned(0.5, [(y - 0.07, 0.02), (y - 0.05, 0.09), (y + 0.01, 0.13)], tint(look.base, 1.1), 0.2)
    pen.ellipse(0.5, y - 0.08, 0.03, 0.03, look.accent, "ball")


def whistling_kettle(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A kettle for the stove: low cone, bow over the top, short spout."""
    body = look.metal if look.chance(0, 0.5) else look.base
    y, foot = 0.46, look.between(1, 0.26, 0.31)
    bow = tint(look.accent, 0.7)
    if view is Viewpoint.FRONT:
        pen.line([(0.5 + foot * 0.6, y + 0.14), (0.80, y + 0.04), (0.86, y - 0.03)], 0.07, body)
        pen.line(mirrored([(foot * 0.62, y + 0.06), (0.20, y - 0.25)]), 0.04, bow)
    else:
        pen.line([(0.5, y + 0.02), (0.5, y - 0.2)], 0.05, bow)
    pen.turned(0.5, [(y, 0.10), (y + 0.06, foot * 0.75), (y + 0.2, foot), (y + 0.28, foot * 0.97)], body, 0.14)
    pen.turned(0.5, [(y - 0.04, 0.03), (y + 0.01, 0.11)], tint(body, 1.1), 0.2)
    pen.ellipse(0.5, y - 0.05, 0.028, 0.025, bow, "ball")
    if view is Viewpoint.SIDE:
        pen.ellipse(0.5, y + 0.12, 0.05, 0.05, tint(body, 1.1), "ball")
        pen.ellipse(0.5, y + 0.115, 0.028, 0.028, tint(body, 0.3))


def wine_glass(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Wide bowl on a stem."""
    _stem_glass(pen, look, view, bowl=look.between(0, 0.15, 0.20), height=look.between(1, 0.26, 0.34))


def flute(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Narrow bowl on a stem."""
    _stem_glass(pen, look, view, bowl=look.between(0, 0.075, 0.11), height=look.between(1, 0.36, 0.46))


def _stem_glass(pen: Pen, look: Look, view: Viewpoint, bowl: float, height: float) -> None:
    tilt = 0.10 if view is Viewpoint.SIDE else 0.28
    glass = tint(look.base, 1.2) if look.chance(2, 0.25) else (196, 206, 214)
    y, foot = 0.08, 0.92
    pairs = (0.33, 0.67) if look.chance(3, 0.35) and view is Viewpoint.FRONT else (0.5,)
    for x in pairs:
        pen.ellipse(x, foot - 0.03, max(0.12, bowl * 0.85), max(0.12, bowl * 0.85) * 0.28, glass, "round", 0.75)
        pen.box(x - 0.013, y + height - 0.02, x + 0.013, foot - 0.02, glass, "round", 0.01, 0.9)
        level, low = y + height * 0.45, y + height * 0.8
        pen.turned(x, [(y, bowl * 0.85), (level, bowl * 1.08), (low, bowl * 0.8), (y + height, 0.02)], glass, 0.1, 0.6)
        if look.chance(4, 0.6):
            wine = (120, 18, 40) if look.chance(5, 0.5) else (226, 196, 104)
            body = [(level, bowl * 0.97), (low, bowl * 0.76), (y + height * 0.97, 0.02)]
            pen.turned(x, body, wine, 0.1, 0.85)
            pen.ellipse(x, level, bowl * 0.97, bowl * tilt * 0.8, tint(wine, 1.35), "flat", 0.9)
        pen.ellipse(x, y, bowl * 0.85, bowl * tilt * 0.8, tint(glass, 1.1), "flat", 0.7)
        pen.ellipse(x, y + 0.004, bowl * 0.79, bowl * tilt * 0.7, tint(glass, 0.8), "flat", 0.5)


def beer_mug(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A tall glass with an ear and facets."""
    glass, radius, height = (205, 212, 216), look.between(0, 0.17, 0.22), look.between(1, 0.44, 0.56)
    y, x = 0.5 - height / 2, 0.45
    if view is Viewpoint.FRONT:
        wall, out, low = x + radius, x + radius + 0.16, y + height * 0.8
        pen.line([(wall, y + 0.1), (out, y + 0.08), (out, low), (wall, low)], 0.04, glass)
    pen.turned(x, [(y, radius), (y + height, radius)], glass, 0.2, 0.75)
    if look.chance(2, 0.75):
        beer = (222, 150, 32) if look.chance(3, 0.7) else (92, 44, 20)
        pen.turned(x, [(y + 0.1, radius * 0.9), (y + height - 0.05, radius * 0.9)], beer, 0.2, 0.9)
        pen.turned(x, [(y + 0.02, radius * 0.92), (y + 0.11, radius * 0.92)], (250, 246, 230), 0.2)
    for i in range(3):
        at = x + (i - 1) * radius * 0.6
        pen.box(at - 0.025, y + height * 0.3, at + 0.025, y + height * 0.9, (255, 255, 255), "round", 0.025, 0.3)
    pen.ellipse(x, y, radius, radius * 0.2, (240, 243, 245), "flat", 0.8)
    if view is Viewpoint.SIDE:
        pen.line([(x, y + 0.1), (x, y + height * 0.8)], 0.05, glass)


def knife(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A kitchen knife lying; from the side it stands on its edge."""
    deep = look.between(0, 0.07, 0.16) if view is Viewpoint.FRONT else 0.03
    tip = look.between(1, 0.05, 0.12)
    steel = (200, 204, 210)
    blade = [(tip, 0.47), (0.25, 0.46), (0.63, 0.45), (0.63, 0.45 + deep), (0.35, 0.45 + deep), (tip + 0.08, 0.5)]
    pen.polygon(blade, steel, "down")
    if view is Viewpoint.FRONT:
        pen.polygon([(0.63, 0.44 + deep), (0.63, 0.45 + deep), (0.35, 0.45 + deep), (0.2, 0.49)], (238, 240, 244))
    pen.box(0.62, 0.435, 0.66, 0.47 + deep * 0.5, look.metal, "down", 0.01)
    grip = [(0.65, 0.44), (0.93, 0.45), (0.95, 0.50), (0.91, 0.53), (0.80, 0.50), (0.65, 0.51)]
    pen.polygon(grip, tint(look.accent, 0.6), "down", soft=look.chance(2, 0.5))
    for i in range(3):
        pen.ellipse(0.71 + i * 0.08, 0.475, 0.011, 0.011, look.metal, "ball")
