"""What makes real catalogues hard to judge: wrong labels, and photos that several products share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rayonnage.demo.categories import LEAVES, Leaf, siblings

WRONG_LABELS = 0.10
COPIED_PHOTOS = 0.30
LARGEST_COMPONENT = 0.02
_GROUP_SIZES = (2, 3, 4, 5, 6, 7, 8)
_GROUP_ODDS = (0.40, 0.25, 0.14, 0.08, 0.06, 0.04, 0.03)
_PATIENCE = 400


@dataclass(frozen=True, slots=True, order=True)
class Picture:
    """One picture to draw.

    Attributes:
        owner: id of the product it shows; of the first of its products when it shows none.
        rank: 1 to 4.
        notice: it shows no product but a notice: image missing, energy label, sizes.
    """

    owner: int
    rank: int
    notice: bool = False


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Places in the list of products that share one photo, and whether all belong to one leaf."""

    picture: Picture
    members: tuple[int, ...]
    one_leaf: bool


def mislabel(leaves: Sequence[Leaf], rng: np.random.Generator) -> list[Leaf]:
    """Labels of which a tenth are wrong: three in four of those name a sibling, the rest any other leaf."""
    labels = list(leaves)
    for i in rng.choice(len(labels), size=round(WRONG_LABELS * len(labels)), replace=False):
        near = rng.random() < 0.75
        pool = siblings(leaves[i]) if near else [leaf for leaf in LEAVES if leaf is not leaves[i]]
        labels[i] = pool[int(rng.integers(len(pool)))]
    return labels


def share_photos(pictures: list[list[Picture]], leaves: Sequence[Leaf], rng: np.random.Generator) -> list[CopyGroup]:
    """Replace photos by shared ones, in place, in turn within one leaf and across leaves.

    Stops at the wanted share of copied photos, or when no further group fits under the largest component
    (small samples). The two kinds of groups differ by one at most.
    """
    sharing = _Sharing(pictures, leaves, max(3, int(LARGEST_COMPONENT * len(pictures))))
    goal = COPIED_PHOTOS * sum(map(len, pictures))
    groups: list[CopyGroup] = []
    failures = 0
    while len(sharing.taken) < goal and failures < _PATIENCE:
        group = sharing.propose(rng, one_leaf=len(groups) % 2 == 0)
        if group is None:
            failures += 1
        else:
            groups.append(group)
    return groups


class _Sharing:
    """The photos already taken and the sets of products already linked."""

    def __init__(self, pictures: list[list[Picture]], leaves: Sequence[Leaf], cap: int) -> None:
        self.pictures, self.leaves, self.cap = pictures, leaves, cap
        self.taken: set[tuple[int, int]] = set()
        self.sets = _LinkedSets(len(pictures))

    def propose(self, rng: np.random.Generator, *, one_leaf: bool) -> CopyGroup | None:
        size = min(int(rng.choice(_GROUP_SIZES, p=_GROUP_ODDS)), self.cap)
        first = int(rng.integers(len(self.pictures)))
        # A first photo that shows something else makes a product hopeless: mostly later photos cross leaves.
        early = one_leaf or rng.random() < 0.2
        ranks = range(0 if early else 1, len(self.pictures[first]))
        notice = not one_leaf and not early
        if not ranks:
            return None
        rank = int(rng.choice(list(ranks)))
        if (first, rank) in self.taken:
            return None
        members = self._members(first, rank, size, one_leaf, rng)
        if members is None or not self.sets.join(members, self.cap):
            return None
        picture = Picture(self.pictures[first][rank].owner, rank + 1, notice)
        for member in members:
            self.pictures[member][rank] = picture
            self.taken.add((member, rank))
        return CopyGroup(picture, tuple(members), one_leaf)

    def _members(self, first: int, rank: int, size: int, one_leaf: bool, rng: np.random.Generator) -> list[int] | None:
        """`size` products with a free photo at this rank, fewer when there are not enough; None without two."""
        members, linked = [first], self.sets.size(first)
        for other in map(int, rng.permutation(len(self.pictures))):
            if len(members) == size:
                break
            if other == first or rank >= len(self.pictures[other]) or (other, rank) in self.taken:
                continue
            if one_leaf != (self.leaves[other] is self.leaves[first]):
                continue
            if linked + self.sets.size(other) > self.cap:
                continue
            members.append(other)
            linked += self.sets.size(other)
        return members if len(members) > 1 else None


class _LinkedSets:
    """Union-find with sizes."""

    def __init__(self, n: int) -> None:
        self.parent, self.count = list(range(n)), [1] * n

    def find(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def size(self, i: int) -> int:
        return self.count[self.find(i)]

    def join(self, members: Sequence[int], cap: int) -> bool:
        """Link all members unless the result would be larger than `cap`."""
        roots = {self.find(i) for i in members}
        if sum(self.count[root] for root in roots) > cap:
            return False
        keep, *rest = sorted(roots)
        for root in rest:
            self.parent[root] = keep
            self.count[keep] += self.count[root]
        return True


def components(pictures: Sequence[Sequence[Picture]]) -> list[int]:
    """Sizes of the sets of products that shared photos link; they sum to the number of products."""
    sets, seen = _LinkedSets(len(pictures)), dict[Picture, int]()
    for place, photos in enumerate(pictures):
        for picture in photos:
            sets.join([place, seen.setdefault(picture, place)], cap=len(pictures))
    return list(Counter(sets.find(place) for place in range(len(pictures))).values())
