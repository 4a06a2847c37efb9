"""Which shape each object's leaf has, and where its telling detail lies."""

from collections.abc import Callable

from rayonnage.demo import furnishings, gear, tableware, toys
from rayonnage.demo.pen import Look, Pen, Viewpoint

Draw = Callable[[Pen, Look, Viewpoint], None]

SHAPES: dict[str, tuple[Draw, tuple[float, float]]] = {
    "saucepan": (tableware.saucepan, (0.60, 0.48)),
    "frying_pan": (tableware.frying_pan, (0.60, 0.48)),
    "stockpot": (tableware.stockpot, (0.72, 0.45)),
    "mug": (tableware.mug, (0.66, 0.50)),
    "teapot": (tableware.teapot, (0.70, 0.48)),
    "whistling_kettle": (tableware.whistling_kettle, (0.62, 0.38)),
    "wine_glass": (tableware.wine_glass, (0.5, 0.32)),
    "flute": (tableware.flute, (0.5, 0.35)),
    "beer_mug": (tableware.beer_mug, (0.58, 0.45)),
    "knife": (tableware.knife, (0.66, 0.50)),
    "suitcase": (gear.suitcase, (0.5, 0.30)),
    "travel_bag": (gear.travel_bag, (0.45, 0.50)),
    "backpack": (gear.backpack, (0.5, 0.65)),
    "hammer": (gear.hammer, (0.5, 0.25)),
    "screwdriver": (gear.screwdriver, (0.5, 0.32)),
    "saw": (gear.saw, (0.70, 0.50)),
    "padlock": (gear.padlock, (0.5, 0.62)),
    "toy_car": (toys.toy_car, (0.70, 0.58)),
    "toy_truck": (toys.toy_truck, (0.72, 0.55)),
    "teddy_bear": (toys.teddy_bear, (0.5, 0.30)),
    "plush_rabbit": (toys.plush_rabbit, (0.5, 0.32)),
    "electric_kettle": (furnishings.electric_kettle, (0.58, 0.40)),
    "toaster": (furnishings.toaster, (0.62, 0.50)),
    "table_lamp": (furnishings.table_lamp, (0.5, 0.35)),
    "floor_lamp": (furnishings.floor_lamp, (0.5, 0.22)),
    "pendant_lamp": (furnishings.pendant_lamp, (0.5, 0.55)),
    "vase": (furnishings.vase, (0.5, 0.45)),
}
"""Motif -> its drawing, and the point a detail photo zooms into (shares of the canvas)."""
