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

# levels that differ in their numbers of nodes, one leaf below each of some
TREE = Taxonomy([(10 + i, (f"A{i // 5}", f"B{i // 2}", f"C{i % 3}")) for i in range(12)])
NODES = [(lang, level, node) for lang in ("en", "de") for level in TREE.levels for node in range(TREE.n_nodes(level))]


def shown(tree: Taxonomy, lang: str) -> dict[int, tuple[str, str, str]]:
    return dict(zip(tree.leaf_ids.tolist(), tree.in_language(lang).shown, strict=True))


@given(
    st.lists(st.sampled_from(NODES), unique=True, min_size=1),
    st.sets(st.integers(0, len(TREE) - 1), min_size=1),
    st.randoms(use_true_random=False),
)
def test_every_leaf_keeps_its_names(nodes, present, random):
    rows = []
    for lang, level, node in nodes:
        leaf = random.choice(np.flatnonzero(TREE.ancestor(level) == node).tolist())
        rows.append(Name(int(TREE.leaf_ids[leaf]), level, lang, f"{lang}-{level}-{node}"))
    tree = TREE.with_names(Names(tuple(rows)))
    smaller = smaller_tree(tree, np.array(sorted(present)))
    assert sorted(smaller.leaf_ids.tolist()) == sorted(TREE.leaf_ids[list(present)].tolist())
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
