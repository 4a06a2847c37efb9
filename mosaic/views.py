"""What each network of the image branch looks at, and which experts they make up together."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from catalog.product import MAX_IMAGES
from catalog.runs.saved_probabilities import IMAGE_EXPERT, MATCH_SLOT

ANY = 0
"""Image count of a network that takes every product."""
POSITIONS = ("first", "rest", "any", *(str(photo) for photo in range(1, MAX_IMAGES + 1)))


@dataclass(frozen=True, order=True)
class View:
    """What one network sees of a product.

    Attributes:
        n_images: the image count that it serves, `ANY` for all.
        position: empty: the whole mosaic in one pass; else one photo per pass, by its place in the seller's order:
            `first`, `rest` (all but the first), `any`, or the number of one photo from 1. Options, slots and run
            folders call it the rank.
    """

    n_images: int = ANY
    position: str = ""

    def __post_init__(self) -> None:
        if self.position and self.position not in POSITIONS:
            raise ValueError(f"rank {self.position!r}: expected one of {', '.join(POSITIONS)}")
        if self.position.isdigit() and not 1 <= int(self.position) <= (self.n_images or MAX_IMAGES):
            raise ValueError(f"rank {self.position}: a product with {self.n_images} photos has no such photo")

    @property
    def slot(self) -> str:
        """Name in workspaces and run folders: `any`, `2`, `2-rank-1`, `any-rank-first`."""
        count = str(self.n_images) if self.n_images else "any"
        return f"{count}-rank-{self.position}" if self.position else count

    @property
    def title(self) -> str:
        """For people: `2 photos, photo 1`."""
        counts = "any count" if self.n_images == ANY else f"{self.n_images} photo{'s' if self.n_images > 1 else ''}"
        photos = {"": "", "first": ", first photo", "rest": ", other photos", "any": ", each photo"}
        return counts + photos.get(self.position, f", photo {self.position}")

    def shows(self, photo: int) -> bool:
        """Whether a network of one photo per pass is shown the photo of this number (from 0)."""
        return {"first": photo == 0, "rest": photo > 0, "any": True}.get(self.position, self.position == str(photo + 1))


@dataclass(frozen=True, order=True)
class MatchingView(View):
    """What the network sees that matches photos: each photo by itself. It makes up no expert."""

    position: str = "any"

    @property
    def slot(self) -> str:
        """Name in workspaces and run folders."""
        return MATCH_SLOT

    @property
    def title(self) -> str:
        """For people."""
        return "matching photos"


Pass = tuple[View, tuple[int, ...]]
"""A network and the photos, by number from 0, that it is shown together."""
# slots are looked up by name: a workspace does not list the networks that it may hold
ALL_VIEWS = [
    View(n_images, position)
    for n_images, position in product(range(MAX_IMAGES + 1), ("", *POSITIONS))
    if not position.isdigit() or int(position) <= (n_images or MAX_IMAGES)
]
FAMILIES = {
    IMAGE_EXPERT: "each image count's own network",
    "general": "one network for any count",
    "photo": "each photo by itself, one network",
    "first-rest": "first and other photos, each by its own network",
    "rank": "each photo by the network of its count and rank",
}
"""The image experts that networks can make up, and what each does."""


def families(views: Mapping[View, object]) -> dict[str, list[View]]:
    """The experts that these networks make up, each with its networks, in the order of `FAMILIES`."""
    whole = sorted(view for view in views if not view.position)
    views_of = {
        IMAGE_EXPERT: whole,
        # without specialists both names would stand for the same network
        "general": [View()] if len(whole) > 1 and View() in views else [],
        "photo": [view for view in views if view == View(ANY, "any")],
        "first-rest": [view for view in (View(ANY, "first"), View(ANY, "rest")) if view in views],
        "rank": sorted(view for view in views if view.position and (view.n_images or view.position.isdigit())),
    }
    return {name: members for name, members in views_of.items() if members}


def passes(views: list[View], n_images: int, *, partial: bool = False) -> list[Pass]:
    """How one expert's networks look at a product of so many photos; empty where none can.

    Whole mosaics first: the count's own network, else the general one, else each photo by the network for single
    photos. Networks of one photo per pass: each photo goes to the most special one that is shown it; unless every
    photo has one, the expert does not speak (`partial`: it speaks from those photos that have).
    """
    everything = tuple(range(n_images))
    for view in (View(n_images), View()):
        if view in views and n_images:
            return [(view, everything)]
    if View(1) in views:
        return [(View(1), (photo,)) for photo in everything]
    single: list[Pass] = []
    for photo in everything:
        fitting = [view for view in views if view.position and view.n_images in (ANY, n_images) and view.shows(photo)]
        if fitting:
            best = max(fitting, key=lambda v: (v.n_images != ANY, v.position.isdigit(), v.position != "any"))
            single.append((best, (photo,)))
    return single if partial or len(single) == n_images else []
