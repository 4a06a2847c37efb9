"""Toy vehicles and soft toys."""

from rayonnage.demo.pen import Look, Pen, Viewpoint, mirrored, tint

_GLASS = (150, 185, 205)


def toy_car(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Two wheels in sight, a cabin in the middle."""
    if view is Viewpoint.SIDE:
        _from_behind(pen, look, top=0.36)
        return
    roof = look.between(0, 0.32, 0.38)
    pen.polygon([(0.24, 0.50), (0.34, roof), (0.62, roof), (0.76, 0.50)], look.base, "down", soft=look.chance(1, 0.5))
    pen.polygon([(0.29, 0.49), (0.36, roof + 0.03), (0.48, roof + 0.03), (0.48, 0.49)], _GLASS, "down")
    pen.polygon([(0.50, 0.49), (0.50, roof + 0.03), (0.61, roof + 0.03), (0.70, 0.49)], _GLASS, "down")
    pen.box(0.08, 0.48, 0.93, 0.66, look.base, "down", 0.06)
    if look.chance(2, 0.5):
        pen.box(0.10, 0.56, 0.91, 0.59, look.accent)
    pen.ellipse(0.905, 0.54, 0.022, 0.03, (250, 240, 190))
    _wheels(pen, look, (0.26, 0.74), 0.66, look.between(3, 0.085, 0.105))


def toy_truck(pen: Pen, look: Look, view: Viewpoint) -> None:
    """A cabin in front of a tall load."""
    if view is Viewpoint.SIDE:
        _from_behind(pen, look, top=0.24)
        return
    top = look.between(0, 0.24, 0.34)
    if look.chance(1, 0.5):
        pen.box(0.06, top, 0.64, 0.64, look.accent, "down", 0.015)
    else:
        pen.polygon([(0.03, top + 0.08), (0.66, top + 0.08), (0.60, 0.62), (0.12, 0.62)], look.accent, "down")
    pen.polygon([(0.67, 0.34), (0.82, 0.34), (0.92, 0.50), (0.93, 0.66), (0.67, 0.66)], look.base, "down")
    pen.polygon([(0.71, 0.38), (0.81, 0.38), (0.87, 0.50), (0.71, 0.50)], _GLASS, "down")
    pen.box(0.05, 0.62, 0.94, 0.68, tint(look.base, 0.5), "down", 0.01)
    _wheels(pen, look, (0.20, 0.42, 0.78), 0.69, look.between(3, 0.08, 0.10))


def _from_behind(pen: Pen, look: Look, top: float) -> None:
    for side in (-1, 1):
        pen.box(0.5 + side * 0.21 - 0.045, 0.60, 0.5 + side * 0.21 + 0.045, 0.78, (35, 35, 38), "round", 0.02)
    pen.polygon(mirrored([(0.20, 0.52), (0.16, top)]), look.base, "down")
    pen.polygon(mirrored([(0.15, 0.49), (0.12, top + 0.03)]), _GLASS, "down")
    pen.box(0.23, 0.49, 0.77, 0.70, look.base, "down", 0.04)
    for side in (-1, 1):
        pen.ellipse(0.5 + side * 0.2, 0.57, 0.04, 0.03, (250, 235, 170), "ball")
    pen.box(0.38, 0.60, 0.62, 0.65, (225, 225, 225), "flat", 0.01)


def _wheels(pen: Pen, look: Look, places: tuple[float, ...], y: float, radius: float) -> None:
    for x in places:
        pen.ellipse(x, y, radius, radius, (34, 34, 38), "ball")
        pen.ellipse(x, y, radius * 0.55, radius * 0.55, look.metal, "ball")
        pen.ellipse(x, y, radius * 0.18, radius * 0.18, (60, 60, 64))


def teddy_bear(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Round ears."""
    _plush(pen, look, view, long_ears=False)


def plush_rabbit(pen: Pen, look: Look, view: Viewpoint) -> None:
    """Long ears, up or hanging."""
    _plush(pen, look, view, long_ears=True)


def _plush(pen: Pen, look: Look, view: Viewpoint, long_ears: bool) -> None:
    fur, belly = look.base, tint(look.base, 1.35)
    wide = look.between(0, 0.17, 0.22)
    turn, sides = (0.0, (-1, 1)) if view is Viewpoint.FRONT else (0.06, (-1,))
    for side in sides:
        if long_ears:
            lean = side * look.between(1, 0.0, 0.10)
            tip = (0.5 + side * 0.09 + lean, 0.055)
            pen.line([(0.5 + side * 0.09, 0.25), tip], 0.085, fur)
            pen.line([(0.5 + side * 0.09, 0.22), (tip[0], tip[1] + 0.02)], 0.03, (232, 170, 175))
        else:
            pen.ellipse(0.5 + side * 0.15 + turn, 0.16, 0.065, 0.065, fur, "ball")
            pen.ellipse(0.5 + side * 0.15 + turn, 0.165, 0.035, 0.035, belly)
    for side in (-1, 1):
        pen.ellipse(0.5 + side * wide * 0.8 + turn, 0.86, 0.09, 0.08, fur, "ball")
        pen.ellipse(0.5 + side * wide * 1.1, 0.57, 0.065, 0.11, fur, "ball")
    pen.ellipse(0.5, 0.66, wide, 0.23, fur, "ball")
    pen.ellipse(0.5 + turn, 0.69, wide * 0.6, 0.14, belly, "ball")
    pen.ellipse(0.5, 0.30, 0.19, 0.17, fur, "ball")
    pen.ellipse(0.5 + 2 * turn, 0.36, 0.08, 0.06, belly, "ball")
    for side in sides:
        pen.ellipse(0.5 - side * 0.075 + 1.2 * turn, 0.27, 0.017, 0.02, (20, 18, 18), "ball")
    pen.ellipse(0.5 + 2.6 * turn, 0.335, 0.026, 0.019, (40, 26, 26), "ball")
    if look.chance(2, 0.5):
        bow = [(0.5, 0.47), (0.40, 0.43), (0.40, 0.52), (0.5, 0.48), (0.60, 0.52), (0.60, 0.43)]
        pen.polygon(bow, look.accent, "round")
