"""Categories as people write them: an id, a path in any spelling, or a name that one category alone has."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from catalog.files.csv_rows import id_in
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import id_number
from catalog.tree.path_rows import SEPARATORS, names_of_path
from catalog.tree.taxonomy import Taxonomy, path_text

Node = tuple[str, ...]
"""Names from Cat I down. A node of the tree is known by the tree's own."""
N_NAMED = 5
N_NEAREST = 3
LIKENESS = 0.7
"""difflib's ratio from which a name is near another."""
LIKENESS_OF_ANSWERS = 0.5
"""The same where a person is to see two or three, rather than none."""
MAX_SHOWN = 100
"""Characters of an answer that are repeated."""


class CategoryNames:
    """What the nodes of a tree are called. It is made once for a tree, and asked for each of any number of answers.

    An id of the tree wins over whatever is called so. Otherwise an answer is read to the letter first, with any of the
    signs that the paths of a tree's file may have between names; where nothing is called so, letters' case, blanks,
    apostrophes and Unicode's forms are forgiven, in ids that are texts as well. Names are
    the tree's own, or those that it shows. What may be the whole path of a node is no name of another; where a name
    has a sign in it that may separate names as well, each reading counts, and all must mean the same category.
    """

    def __init__(self, tree: Taxonomy) -> None:
        self._ids: dict[Node, list[int]] = {}
        self._shown: dict[Node, Node] = {}
        # leaves that count as nodes above them are answers nevertheless: that is how they come to have more products
        whole = tree.whole()
        for leaf_id, path, shown in zip(whole.leaf_ids.tolist(), whole.paths, whole.shown, strict=True):
            # two leaves may share a full path
            self._ids.setdefault(path, []).append(leaf_id)
            for level in range(1, len(path) + 1):
                self._shown.setdefault(path[:level], shown[:level])
        self._shop_ids = dict(zip(whole.leaf_ids.tolist(), whole.shop_ids, strict=True))
        for leaf_id, shop_id, path in zip(tree.leaf_ids.tolist(), tree.shop_ids, tree.paths, strict=True):
            if leaf_id not in self._shop_ids:
                self._shop_ids[leaf_id] = shop_id
                self._ids[path] = [leaf_id]

    def category_in(self, cell: str) -> int | None:
        """The number of the category_id that an answer means; None where it means none or several, see `why_not`.

        An id of the tree is never taken for a name. An integer that is neither is given as it stands: it may be the id
        of a category elsewhere.
        """
        written = id_in(cell)
        # to the letter first: an apostrophe may be the id's own, not the spreadsheet's
        for number in (id_number(cell.strip()), None if written is None else id_number(written)):
            if number in self._shop_ids:
                return number
        nodes = self.nodes(cell)
        ids = self._ids_of(nodes) if nodes else self._like_ids.get(_folded(cell), [])
        if not nodes and not ids:
            return written if isinstance(written, int) else None
        if not nodes:
            return ids[0] if len(ids) == 1 else None
        # a node above categories may be what was meant as well
        return ids[0] if len(nodes) == len(ids) == 1 else None

    def may_be(self, cell: str) -> bool:
        """Whether anything in the tree is called so, be it several, or has an id so much like it."""
        return bool(self.nodes(cell) or self._like_ids.get(_folded(cell)))

    def why_not(self, cell: str, words: Sequence[str] = ()) -> str:
        """Why an answer is no category, and what to write instead; slow where names are compared for likeness.

        `words` are answers that are understood beside categories.
        """
        nodes, given = self.nodes(cell), repr(_short(cell.strip()))
        if several := self._ids_of(nodes):
            inner = [self.shown(node) for node in nodes if node not in self._ids]
            as_well = f"; {listed(inner, N_NAMED)} may be meant as well, and holds several" if inner else ""
            return (
                f"{given} may be {plural(len(several), 'category', 'categories')}: write the category_id, or the whole "
                f"path, of {self._named(nodes)}{as_well}"
            )
        if nodes:
            above = [self.shown(node) for node in nodes]
            below = [leaf for leaf in self._ids if any(leaf[: len(node)] == node for node in nodes)]
            is_none = "is no category itself: write the one meant of those below it"
            are_none = "are no categories themselves: write the one meant of those below them"
            return f"{listed(above, N_NAMED)} {is_none if len(above) == 1 else are_none}, {self._named(below)}"
        if like := self._like_ids.get(_folded(cell), []):
            return f"{given} may be {listed([repr(self._shop_ids[i]) for i in like], N_NAMED)}: write one to the letter"
        no_word = "".join(f" nor {word!r}" for word in words)
        near = self._like_categories.nearest(cell, LIKENESS_OF_ANSWERS)[:N_NEAREST]
        way_out = f"the nearest {'is' if len(near) == 1 else 'are'} {self._named(near)}" if near else self._forms()
        return f"{given} is neither a category_id{no_word} nor what a category of the tree is called; {way_out}"

    def nodes(self, name: str) -> list[Node]:
        """The nodes, categories or above them, that a name may mean; none where nothing in the tree is called so."""
        return self._to_the_letter.nodes(name) or self._forgiving.nodes(name)

    def shown(self, node: Node) -> str:
        """A node's path as people are shown it."""
        return path_text(self._shown[node])

    def nearest(self, name: str) -> list[Node]:
        """Nodes whose last name is that of `name`, then those with a path like it, then with a last name like its."""
        return self._like_nodes.nearest(name, LIKENESS)

    @cached_property
    def _like_ids(self) -> dict[str, list[int]]:
        """Ids that are texts, by what is left of them without case and the like: integers are written in one way."""
        alike: dict[str, list[int]] = {}
        for number, shop_id in self._shop_ids.items():
            if isinstance(shop_id, str):
                alike.setdefault(_folded(shop_id), []).append(number)
        return alike

    @cached_property
    def _to_the_letter(self) -> _Spelling:
        return _Spelling(self._shown, _composed)

    @cached_property
    def _forgiving(self) -> _Spelling:
        return _Spelling(self._shown, _folded)

    @cached_property
    def _like_nodes(self) -> _Likeness:
        return _Likeness(self._shown)

    @cached_property
    def _like_categories(self) -> _Likeness:
        return _Likeness({path: self._shown[path] for path in self._ids})

    def _ids_of(self, nodes: Iterable[Node]) -> list[int]:
        return [leaf_id for node in nodes for leaf_id in self._ids.get(node, ())]

    def _named(self, nodes: Iterable[Node]) -> str:
        ids = [(node, self._shop_ids[number]) for node in nodes for number in self._ids.get(node, ())]
        return listed([f"{self.shown(node).strip()} ({one})" for node, one in ids], N_NAMED)

    def _forms(self) -> str:
        example = next(iter(self._ids))
        return f"write a category_id, or a path as {self.shown(example)!r} is"


class _Spelling:
    """Nodes by what they are called when names are written in one way, which `spelt` brings them to."""

    def __init__(self, shown: Mapping[Node, Node], spelt: Callable[[str], str]) -> None:
        self._spelt = spelt
        self._whole: dict[Node, set[Node]] = {}
        self._ends: dict[Node, set[Node]] = {}
        for node, shown_names in shown.items():
            for path in {node, shown_names}:
                names = tuple(map(spelt, path))
                for start in range(len(names)):
                    by_names = self._ends if start else self._whole
                    for written in _as_read(names[start:]):
                        by_names.setdefault(written, set()).add(node)

    def nodes(self, text: str) -> list[Node]:
        """Nodes that the text is the path of, else those that it is the end of."""
        found: set[Node] = set()
        for names in _readings(self._spelt(text)):
            found |= self._whole.get(names) or self._ends.get(names, set())
        return sorted(found)


class _Likeness:
    """The nearest of some nodes to a name that none has."""

    def __init__(self, shown: Mapping[Node, Node]) -> None:
        self._by_path: dict[str, dict[Node, None]] = {}
        self._by_last: dict[str, dict[Node, None]] = {}
        for node, shown_names in shown.items():
            for path in (node, shown_names):
                names = [_folded(name) for name in path]
                self._by_path.setdefault(">".join(names), {})[node] = None
                self._by_last.setdefault(names[-1], {})[node] = None

    def nearest(self, name: str, likeness: float) -> list[Node]:
        # people forget the parent: the last name says most
        wanted = max(_readings(_folded(name)), key=len, default=("",))
        near = [*self._by_last.get(wanted[-1], ())]
        for text, nodes in ((">".join(wanted), self._by_path), (wanted[-1], self._by_last)):
            for like in difflib.get_close_matches(text, nodes, N_NAMED, likeness):
                near += nodes[like]
        return list(dict.fromkeys(near))


def _as_read(names: Node) -> Iterator[Node]:
    """A path as it is found again in text: its names, and what becomes of them where a sign in one separates, too."""
    if all(names):
        yield names
    for sign, place in SEPARATORS.items():
        if any(map(place.search, names)):
            yield tuple(names_of_path(f" {sign} ".join(names), sign))


def _readings(text: str) -> set[Node]:
    """What each sign that may separate names makes of a text: one that is not there leaves it whole."""
    split = (names_of_path(text, sign) for sign in SEPARATORS)
    return {tuple(names) for names in split if names and all(names)}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def _folded(text: str) -> str:
    """Without what people and spreadsheets write otherwise: case, blanks, Unicode's forms, apostrophes.

    Spreadsheets curl apostrophes, and our own sheets have one before what would be a formula.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.replace("'", "").replace("\u2019", "").split())


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
