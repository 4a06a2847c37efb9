"""What shops write of their products, as an expert of the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Expert, Opinion, Quote
from catalog.files.progress import Bar, in_batches
from catalog.photos.batch import PhotoDecoder
from catalog.probabilities import Probabilities, concatenate
from catalog.product_text import parted
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from catalog.texts import Texts
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.experts.kind import ExpertKind
from fusion.experts.title_habits import TitleHabits
from text.title_probabilities import EXPERT, ROWS_AT_ONCE, title_probabilities
from text.titles import TitleWords

if TYPE_CHECKING:
    from text.title_encoder import TitleEncoder
    from text.title_model import TitleModel

FILE = "titles.safetensors"
MIN_TITLES = 20
"""Products with a title to learn from, and held-out ones to judge by: fewer make no expert."""
SEED = 0


@dataclass(frozen=True)
class TitleExpert:
    """Tells the leaf from the title, wherever there is one, see `Expert`."""

    model: TitleModel
    taxonomy: str
    plan: str
    name: str = EXPERT
    photo_side: int = 0
    photo_decoder: PhotoDecoder | None = None

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Opinion:
        """What the titles of the chunk say; each is shown."""
        titles = chunk.titles
        probabilities = self.of(chunk.product_ids, titles)
        # where there is only a description, that was gone by
        return Opinion(probabilities, EXPERT, {
            row: (Quote(next(filter(None, parted(titles[row]))), is_title=True),)
            for row in np.flatnonzero(probabilities.speaks).tolist()
        })  # fmt: skip

    def of(self, product_ids: NDArray[np.int64], titles: Sequence[str]) -> Probabilities:
        """What is said of `(N,)` products by their titles, see `Product.text`."""
        return title_probabilities(self.model, product_ids, titles, taxonomy=self.taxonomy, plan=self.plan)

    def close(self) -> None:
        """Nothing was started."""


@dataclass(frozen=True)
class TitleExperts(ExpertKind):
    """A model of titles, see `ExpertKind`: fitted on a workspace's labelled products, or kept in a fusion run.

    Attributes:
        data: the labelled products; texts: of all products of their catalogue. Both None in a fusion run, where
            `expert` is there instead.
        encoder: tells what titles mean; why_not: for people, where one is wanted and there is none.
        bar: shows how far the fits are.
    """

    family: ClassVar[str] = EXPERT
    data: TrainingData | None = None
    texts: Texts | None = None
    expert: TitleExpert | None = None
    encoder: TitleEncoder | None = None
    why_not: str = ""
    bar: Bar | None = None

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self | None:
        """See `ExpertKind.latest`; None where the catalogue has no titles."""
        texts = data.catalog.titles()
        return cls(data, texts) if texts.any else None

    @classmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self | None:
        """See `ExpertKind.inside`."""
        if EXPERT not in run.details_as(FusionDetails).experts:
            return None
        # SciPy's matrices are not loaded for a shop without titles
        from text.title_model import TitleModel

        model = TitleModel.load(run.folder / FILE, len(tree), _stamp(tree.fingerprint, run.plan))
        return cls(expert=TitleExpert(model, tree.fingerprint, run.plan))

    @property
    def absence(self) -> str:
        """See `ExpertKind.absence`."""
        return f"fewer than {MIN_TITLES} products to learn from, or held-out ones, have a title: not an expert here"

    def configured(self, config: FusionConfig) -> Self:
        """See `ExpertKind.configured`: with a sentence encoder, unless there are too many titles.

        Raises:
            EncoderMissing: the one that is named is not installed.
        """
        from fusion.experts.title_encoding import encoder_for

        data, texts = self._labelled()
        labelled = (text for some in _batches(data.plan.positions) for text in texts.take(some))
        encoder, why_not = encoder_for(labelled, config)
        return replace(self, encoder=encoder, why_not=why_not)

    def showing(self, bar: Bar) -> Self:
        """See `ExpertKind.showing`."""
        return replace(self, bar=bar)

    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """Each of `(N,)` products by a model of the titles of the plan's other parts.

        Raises:
            ValueError: the labelled products are not at hand, or nobody has chosen some.
        """
        data, texts = self._labelled()
        if product_ids is None:
            raise ValueError("titles are held out product by product: nobody has chosen some")
        positions = catalog_positions(data.catalog, product_ids)
        parts = []
        for part in data.plan.held_out_parts:
            rows = np.flatnonzero(np.isin(positions, data.plan.held_out_positions(part)))
            if not len(rows):
                continue
            expert = self._fitted(data.plan.training_positions(part), f"titles, part {part + 1}")
            if expert is None:
                return []
            parts += [
                expert.of(product_ids[some], texts.take(positions[some])) for some in in_batches(rows, ROWS_AT_ONCE)
            ]
        if not parts:
            return []
        held_out = concatenate(parts).aligned(product_ids)
        # weights of an expert that hardly ever speaks would be fitted on chance
        return [held_out] if held_out.speaks.sum() >= MIN_TITLES else []

    def remarks(self, product_ids: NDArray[np.int64]) -> list[str]:
        """Whether titles of the `(N,)` held-out products repeat others, or name their category."""
        data, texts = self._labelled()
        habits = TitleHabits.of(data, texts, catalog_positions(data.catalog, product_ids)).sentences
        return [*habits, *filter(None, [self.why_not])]

    def keep(self, folder: Path) -> None:
        """Fit on every labelled product that has a title, and write the model."""
        data, _ = self._labelled()
        expert = self._fitted(data.plan.training_positions(None), "titles, all")
        if expert is None:
            raise ValueError(self.absence)
        expert.model.save(folder / FILE, _stamp(expert.taxonomy, expert.plan))

    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> list[Expert]:
        """See `ExpertKind.experts`."""
        return [] if self.expert is None else [self.expert]

    @classmethod
    def describe(cls, expert: str) -> str | None:
        """See `ExpertKind.describe`."""
        return "the shop's titles" if expert == EXPERT else None

    def _fitted(self, positions: NDArray[np.int64], title: str) -> TitleExpert | None:
        """A model of the titles at these positions; None where there are too few."""
        from text.title_model import MAX_TEXTS, TitleModel, rows_to_learn

        data, texts = self._labelled()
        # first who has one: of a large catalogue as many titles are learnt from as there is memory for
        has_title = [bool(text) for some in _batches(positions) for text in texts.take(some)]
        positions = positions[np.array(has_title, bool)]
        positions = positions[rows_to_learn(data.leaf[positions], MAX_TEXTS, SEED)]
        words = [TitleWords.of(text) for some in _batches(positions) for text in texts.take(some)]
        speaking = np.array([each.any for each in words], bool)
        leaf = data.leaf[positions[speaking]]
        if len(leaf) < MIN_TITLES or len(np.unique(leaf)) < 2:
            return None
        words = [each for each in words if each.any]
        if self.bar is None:
            model = TitleModel.fit(words, leaf, seed=SEED, encoder=self.encoder)
        else:
            with self.bar(title) as progress:
                model = TitleModel.fit(words, leaf, seed=SEED, progress=progress, encoder=self.encoder)
        return TitleExpert(model, data.tree.fingerprint, data.plan.plan_id)

    def _labelled(self) -> tuple[TrainingData, Texts]:
        if self.data is None or self.texts is None:
            raise ValueError("titles are learnt from a labelled catalogue, which a fusion run does not hold")
        return self.data, self.texts


def _batches(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return list(in_batches(rows, ROWS_AT_ONCE))


def _stamp(taxonomy: str, plan: str) -> dict[str, str]:
    return {"taxonomy": taxonomy, "plan": plan}
