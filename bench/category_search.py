"""How long the type-ahead computes, and how often it finds what was meant: `python bench/category_search.py TREE.csv`.

Queries are made of the tree's own names as people type them: whole, begun, in another order, in lower case, with a
letter wrong, missing or swapped.
"""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

import numpy as np

from catalog.tree.category_search import CategorySearch
from catalog.tree.folded_words import folded_words
from catalog.tree.taxonomy import Taxonomy

QUERIES, LIMIT = 100, 12


def main() -> None:
    tree = Taxonomy.from_csv(sys.argv[1])
    start = time.perf_counter()
    search = CategorySearch(tree)
    print(f"{len(tree)} categories, index made in {time.perf_counter() - start:.2f} s")
    took, found = defaultdict(list), defaultdict(list)
    for kind, text, leaf in typed(tree, random.Random(0)):
        # of this thread: what else the machine does is no part of it
        start = time.thread_time()
        answers = search.find(text, LIMIT)
        took[kind].append(1000 * (time.thread_time() - start))
        # a name that several categories share means any of them
        found[kind].append(any(tree.paths[one.leaf][-1] == tree.paths[leaf][-1] for one in answers))
    print(f"{'typed':12} {'n':>4} {'found %':>8} {'p50 ms':>7} {'p95 ms':>7} {'max ms':>7}")
    took["all"], found["all"] = [*chain(*took.values())], [*chain(*found.values())]
    for kind, times in took.items():
        p50, p95 = np.percentile(times, [50, 95])
        share = 100 * np.mean(found[kind])
        print(f"{kind:12} {len(times):4} {share:8.1f} {p50:7.1f} {p95:7.1f} {max(times):7.1f}")


def typed(tree: Taxonomy, rng: random.Random) -> Iterator[tuple[str, str, int]]:
    """Kind, text and the leaf that is meant."""
    for leaf in rng.sample(range(len(tree)), min(QUERIES, len(tree))):
        words = [word for word in folded_words(tree.paths[leaf][-1]) if len(word) > 2][:4]
        if not words:
            continue
        yield "whole", " ".join(words), leaf
        yield "begun", " ".join([*words[:-1], words[-1][: max(3, len(words[-1]) - 2)]]), leaf
        yield "reversed", " ".join(reversed(words)), leaf
        longest = max(words, key=len)
        if len(longest) > 5:
            at = rng.randrange(1, len(longest) - 1)
            wrong = {
                "missing": longest[:at] + longest[at + 1 :],
                "wrong": longest[:at] + rng.choice("aeioutrs") + longest[at + 1 :],
                "swapped": longest[: at - 1] + longest[at] + longest[at - 1] + longest[at + 1 :],
            }
            for kind, word in wrong.items():
                yield kind, " ".join(word if one == longest else one for one in words), leaf


if __name__ == "__main__":
    main()
