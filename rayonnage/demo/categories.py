"""The demo's tree: forty leaves under Cdiscount's own Cat I names, of skewed sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["object", "book", "cd"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One category of the demo.

    Attributes:
        category_id: as in Cdiscount's tree, ten digits.
        path: Cat I, Cat II, Cat III.
        kind: what is drawn on it.
        motif: name of the shape that is drawn, or of the genre whose words are written.
        weight: relative number of products, at least 14.
    """

    category_id: int
    path: tuple[str, str, str]
    kind: Kind
    motif: str
    weight: int


_TABLE = "ART DE LA TABLE - ARTICLES CULINAIRES"
_COOKING = (_TABLE, "CUISSON DES ALIMENTS")
_BREAKFAST = (_TABLE, "SERVICE PETIT DEJEUNER")
_DRINKS = (_TABLE, "SERVICE APERITIF - OENOLOGIE")
_CUTTING = (_TABLE, "DECOUPE DES ALIMENTS")
_LUGGAGE = ("BAGAGERIE", "BAGAGES")
_LEATHER = ("BAGAGERIE", "MAROQUINERIE")
_TOOLS = ("BRICOLAGE - OUTILLAGE - QUINCAILLERIE", "OUTIL A MAIN")
_HARDWARE = ("BRICOLAGE - OUTILLAGE - QUINCAILLERIE", "QUINCAILLERIE")
_VEHICLES = ("JEUX - JOUETS", "VEHICULE - CIRCUIT")
_PLUSH = ("JEUX - JOUETS", "PELUCHE")
_APPLIANCES = ("ELECTROMENAGER", "PETIT DEJEUNER - CAFE")
_LIGHTS = ("DECO - LINGE - LUMINAIRE", "LUMINAIRE D'INTERIEUR")
_VASES = ("DECO - LINGE - LUMINAIRE", "VASE - COUPE - FLEUR")
_CRIME = ("LIBRAIRIE", "POLICIER - SUSPENSE")
_COOKBOOKS = ("LIBRAIRIE", "CUISINE ET VINS")
_CD = ("MUSIQUE", "CD")

_ROWS: tuple[tuple[tuple[str, str], str, Kind, str, int], ...] = (
    (_COOKING, "CASSEROLE", "object", "saucepan", 70),
    (_COOKING, "POELE - SAUTEUSE", "object", "frying_pan", 80),
    (_COOKING, "FAITOUT - MARMITE", "object", "stockpot", 22),
    (_BREAKFAST, "BOL - MUG - MAZAGRAN", "object", "mug", 85),
    (_BREAKFAST, "CAFETIERE - THEIERE - CHOCOLATIERE", "object", "teapot", 30),
    # The same Cat III name stands a second time under ELECTROMENAGER, as seven do in Cdiscount's tree.
    (_BREAKFAST, "BOUILLOIRE", "object", "whistling_kettle", 16),
    (_DRINKS, "VERRE A VIN - VERRE A DEGUSTATION", "object", "wine_glass", 60),
    (_DRINKS, "VERRE A CHAMPAGNE - FLUTE A CHAMPAGNE", "object", "flute", 20),
    (_DRINKS, "VERRE A BIERE - CHOPE A BIERE", "object", "beer_mug", 26),
    (_CUTTING, "COUTEAU DE CUISINE", "object", "knife", 48),
    (_LUGGAGE, "VALISE OU BAGAGE VENDU SEUL", "object", "suitcase", 66),
    (_LUGGAGE, "SAC DE VOYAGE", "object", "travel_bag", 24),
    (_LEATHER, "SAC A DOS", "object", "backpack", 72),
    (_TOOLS, "MARTEAU", "object", "hammer", 36),
    (_TOOLS, "TOURNEVIS", "object", "screwdriver", 40),
    (_TOOLS, "SCIE", "object", "saw", 20),
    (_HARDWARE, "CADENAS", "object", "padlock", 15),
    (_VEHICLES, "VOITURE MINIATURE", "object", "toy_car", 52),
    (_VEHICLES, "CAMION MINIATURE", "object", "toy_truck", 24),
    (_PLUSH, "OURS EN PELUCHE", "object", "teddy_bear", 46),
    (_PLUSH, "LAPIN EN PELUCHE", "object", "plush_rabbit", 18),
    (_APPLIANCES, "BOUILLOIRE", "object", "electric_kettle", 30),
    (_APPLIANCES, "GRILLE-PAIN - TOASTER", "object", "toaster", 22),
    (_LIGHTS, "LAMPE A POSER", "object", "table_lamp", 44),
    (_LIGHTS, "LAMPADAIRE", "object", "floor_lamp", 18),
    (_LIGHTS, "LUSTRE - SUSPENSION", "object", "pendant_lamp", 26),
    (_VASES, "VASE - SOLIFLORE", "object", "vase", 18),
    (("LIBRAIRIE", "LITTERATURE"), "LITTERATURE SENTIMENTALE", "book", "romance", 70),
    (_CRIME, "POLICIER", "book", "crime", 60),
    (_CRIME, "THRILLER", "book", "thriller", 24),
    (("LIBRAIRIE", "SCIENCE-FICTION"), "SCIENCE-FICTION", "book", "science_fiction", 44),
    (_COOKBOOKS, "FROMAGE - DESSERTS", "book", "desserts", 50),
    (_COOKBOOKS, "VIN - ALCOOL - BOISSON", "book", "wine", 18),
    (("LIBRAIRIE", "BRICOLAGE - DECORATION - JARDINAGE"), "JARDINAGE", "book", "gardening", 34),
    (_CD, "CD VARIETE FRANCAISE", "cd", "french_pop", 60),
    (_CD, "CD MUSIQUE CLASSIQUE", "cd", "classical", 46),
    (_CD, "CD JAZZ BLUES", "cd", "jazz", 34),
    (_CD, "CD HARD ROCK - CD METAL", "cd", "metal", 24),
    (_CD, "CD RAP - CD HIP HOP", "cd", "rap", 30),
    (_CD, "CD COMPTINES - CD ENFANTS", "cd", "nursery", 16),
)

LEAVES: tuple[Leaf, ...] = tuple(
    Leaf(1_000_003_001 + 7 * i, (*parent, name), kind, motif, weight)
    for i, (parent, name, kind, motif, weight) in enumerate(_ROWS)
)
"""All leaves, in the order of their ids."""


def siblings(leaf: Leaf) -> list[Leaf]:
    """The other leaves of the same Cat II; those of the same Cat I when there is none."""
    near = [other for other in LEAVES if other.path[:2] == leaf.path[:2] and other is not leaf]
    return near or [other for other in LEAVES if other.path[0] == leaf.path[0] and other is not leaf]


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` in proportion to `weights` by largest remainder; the parts sum to `total`."""
    exact = total * np.asarray(weights, dtype=np.float64) / sum(weights)
    parts = np.floor(exact).astype(int)
    parts[np.argsort(parts - exact, kind="stable")[: total - parts.sum()]] += 1
    return [int(part) for part in parts]
