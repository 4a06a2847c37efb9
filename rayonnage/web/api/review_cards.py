"""Products as reviewers see them: categories in the page's language, links to photos, why."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.metrics.intervals import exact_share
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.predicted_product import PredictedProduct
from rayonnage.web.api.review_types import (
    LevelPrecision,
    ReviewCard,
    ReviewProgress,
    ShownCategory,
    ShownParent,
)
from rayonnage.web.api.web_id import id_for_web
from rayonnage.web.browsing.product_links import photo_links
from rayonnage.web.reviewing.desk import Desk
from rayonnage.web.showing.plain_words import told_of_row
from rayonnage.web.showing.words import PageWords
from rayonnage.web.visitor import Visitor

MAX_CANDIDATES = 9
"""Keys 1 to 9."""


def parent_level(product: PredictedProduct, tree: Taxonomy) -> int:
    """The level that a parent is given at: what was sure enough, else the one above the suggestion; 0 for none."""
    above = int(tree.path_lengths[product.leaf]) - 1
    # a path that ends further up may be given whole as a parent: that is the suggestion itself
    return min(product.given_level, above) if product.decision is Decision.PARENT and product.given_level else above


class Cards:
    """Cards of one folder's products.

    `tree`: with the names of the page's language; `name`: of the predictions, where they are not the newest.
    """

    def __init__(self, desk: Desk, tree: Taxonomy, words: PageWords, name: str | None) -> None:
        self._desk, self._words, self._name, self.tree = desk, words, name, tree

    def of(self, positions: Sequence[int]) -> list[ReviewCard]:
        """The cards of products, in their order."""
        products = self._desk.products.take(positions)
        with self._desk.lock:
            state, leases = self._desk.state, self._desk.leases
            copies = [len(state.waiting.copies(one)) if one in state.waiting else 1 for one in positions]
            audits = [state.outcomes.is_audit(one) for one in positions]
        cards = zip(products, copies, audits, strict=True)
        return [self._card(product, max(n, 1), is_audit, leases.seconds) for product, n, is_audit in cards]

    def category(self, leaf: int, probability: float | None = None) -> ShownCategory:
        """A leaf."""
        return ShownCategory(
            category_id=id_for_web(self.tree.shop_ids[leaf]), path=list(self.tree.shown[leaf]), probability=probability
        )

    def progress(self, visitor: Visitor, name: str) -> ReviewProgress:
        """How far the review is; name: of the predictions."""
        desk = self._desk
        with desk.lock:
            desk.state.refresh()
            state, reviewer = desk.state, desk.reviewer(visitor)
            return ReviewProgress(
                predictions=name, waiting=state.waiting.count, answered=state.outcomes.answered,
                none=state.outcomes.unlabelled, skipped=len(reviewer.skipped), mine=state.outcomes.by(visitor.name),
                per_hour=state.per_hour(visitor.name), audited=state.outcomes.audited,
                drawn=len(state.outcomes.audit), precision=self._precision(),
                may_undo=bool(state.acts_of(reviewer.session)) or bool(reviewer.skipped),
            )  # fmt: skip

    def _precision(self) -> list[LevelPrecision]:
        outcomes, tree = self._desk.state.outcomes, self.tree
        if not outcomes.audited:
            return []
        levels = []
        for level in range(tree.depth, 0, -1):
            right = int(outcomes.right[level - 1])
            low, high = exact_share(right, outcomes.audited)
            share = right / outcomes.audited
            levels.append(LevelPrecision(level=tree.level_names[level], right=right, share=share, low=low, high=high))
        return levels

    def _card(self, product: PredictedProduct, copies: int, is_audit: bool, lease_s: float) -> ReviewCard:
        level = parent_level(product, self.tree)
        path = self.tree.shown[product.leaf]
        parent = None
        if level:
            parent = ShownParent(level=level, path=list(path[:level]), probability=product.probabilities[level - 1])
        candidates = [(leaf, p) for leaf, p in product.candidates if leaf >= 0][:MAX_CANDIDATES]
        return ReviewCard(
            product_id=id_for_web(product.product_id), title=product.title,
            photos=photo_links(product.product_id, len(product.photos_md5), predictions=self._name),
            suggestion=self.category(product.leaf, product.probabilities[-1]), parent=parent,
            candidates=[self.category(leaf, p) for leaf, p in candidates],
            why=list(told_of_row(product, self.tree, self._words).why), text_read=product.text_read,
            copies=copies, is_audit=is_audit, lease_s=lease_s,
        )  # fmt: skip
