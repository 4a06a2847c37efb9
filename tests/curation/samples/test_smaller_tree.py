"""A smaller tree goes by the same names as the whole one, in every language that is known."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names, Translation
from curation.samples.smaller_tree import names_beside, smaller_tree, tree_beside, write_tree
from rayonnage.demo.categories import LEAVES
from rayonnage.demo.sample import ENGLISH_NAMES
from tests.support.trees import TREES

# levels that differ in their numbers of nodes, one leaf below each of some
TREE = Taxonomy([(10 + i, (f"A{i // 5}", f"B{i // 2}", f"C{i % 3}")) for i in range(12)])


def nodes_of(tree: Taxonomy) -> list[tuple[str, int, int]]:
    """Language, level and node of all that can be named: a leaf further up at its own level alone."""
    nodes = [(level, node) for level in tree.levels for node in range(tree.n_nodes(level))]
    own = [(level, node) for level, node in nodes if len(tree.node_path(level, node)) == level]
    return [(lang, *node) for lang in ("en", "de") for node in own]


def shown(tree: Taxonomy, lang: str) -> dict[int, tuple[str, ...]]:
    return dict(zip(tree.leaf_ids.tolist(), tree.in_language(lang).shown, strict=True))


@given(st.sampled_from([TREE, *TREES]), st.data())
def test_every_leaf_keeps_its_names(whole_tree, data):
    nodes = data.draw(st.lists(st.sampled_from(nodes_of(whole_tree)), unique=True, min_size=1))
    present = data.draw(st.sets(st.integers(0, len(whole_tree) - 1), min_size=1))
    random = data.draw(st.randoms(use_true_random=False))
    rows = []
    for lang, level, node in nodes:
        leaf = random.choice(np.flatnonzero(whole_tree.ancestor(level) == node).tolist())
        rows.append(Name(int(whole_tree.leaf_ids[leaf]), level, lang, f"{lang}-{level}-{node}"))
    tree = whole_tree.with_names(Names(tuple(rows)))
    smaller = smaller_tree(tree, np.array(sorted(present)))
    assert sorted(smaller.leaf_ids.tolist()) == sorted(whole_tree.leaf_ids[list(present)].tolist())
    for lang in ("en", "de"):
        whole = shown(tree, lang)
        assert shown(smaller, lang) == {i: whole[i] for i in smaller.leaf_ids.tolist()}


@pytest.mark.parametrize("last", [False, True])
def test_shipped_names_come_along_and_are_read_back(tmp_path, caplog, monkeypatch, last):
    translations = (Translation("fr", Names.from_csv(ENGLISH_NAMES)),)
    monkeypatch.setattr("catalog.tree.node_names.shipped", lambda: translations)
    demo = Taxonomy([(leaf.category_id, leaf.path) for leaf in LEAVES])
    # of each Cat II one leaf: the shipped names may be those of another one
    _, first = np.unique(demo.ancestor(2)[::-1] if last else demo.ancestor(2), return_index=True)
    present = np.sort(len(demo) - 1 - first if last else first)
    english = demo.in_language("en")
    path = tree_beside(tmp_path / "new" / "part.bson")
    names = names_beside(path, english)
    assert (path.name, names and names.name) == ("part.tree.csv", "part.tree.names.csv")
    write_tree(smaller_tree(english, present), path, names)
    back = Taxonomy.from_csv(path, names)
    with caplog.at_level(logging.WARNING):
        assert shown(back, "en") == {int(demo.leaf_ids[i]): english.shown[i] for i in present}
    assert not caplog.records
    assert names_beside(path, demo) is None
