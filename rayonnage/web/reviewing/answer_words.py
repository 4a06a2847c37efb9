"""What a reviewer answered, in the page's words."""

from __future__ import annotations

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import id_number
from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.reviewing.review_state import StandingAnswer, Verdict
from rayonnage.web.showing.words import PageWords

SEPARATOR = " › "


def said_of(verdict: Verdict, tree: Taxonomy, words: PageWords) -> str:
    """A verdict; `tree`: that of the predictions, as its names are in the page's language."""
    if verdict.why:
        return words(f"review.none_{verdict.why}")
    if verdict.parent:
        end = len(verdict.parent)
        leaf = next((leaf for leaf, path in enumerate(tree.paths) if path[:end] == verdict.parent), None)
        return (
            f"{words('told.parent_alone')} {SEPARATOR.join(verdict.parent if leaf is None else tree.shown[leaf][:end])}"
        )
    leaf = UNKNOWN if verdict.category_id is None else int(tree.leaf_index([id_number(verdict.category_id)])[0])
    return words("told.other_category") if leaf == UNKNOWN else SEPARATOR.join(tree.shown[leaf])


def standing_text(standing: StandingAnswer, tree: Taxonomy, words: PageWords) -> str:
    """Who answered, when and what, in a sentence."""
    when = standing.when.replace("T", " ")[:16]
    return words("told.answered", who=standing.who, when=when, said=said_of(standing.verdict, tree, words))
