"""The Python API: load a run, predict products given as bytes or paths, get typed answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from catalog.files.progress import in_batches
from catalog.product import MAX_IMAGES, Product
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.sources.photo_file import read_photo
from catalog.tree.taxonomy import LEVEL_NAMES, Taxonomy, path_text
from fusion.decide import Decision, decision_of
from fusion.prediction.predictor import Predictions, Predictor
from fusion.prediction.ranking import risk_order
from fusion.prediction.reasons import ExpertChoice, reason_of, votes_of

CHUNK = 256
Photo = bytes | str | Path
"""An encoded photo, or the path of one."""


@dataclass(frozen=True)
class Candidate:
    """A leaf with its path, in the language asked for, and its probability."""

    category_id: int
    path: tuple[str, str, str]
    probability: float


@dataclass(frozen=True)
class Answer:
    """Where one product belongs.

    Attributes:
        product_id: as given, or the position in the list.
        best: the likeliest leaf.
        probabilities: of Cat I, II, III along its path, rising upwards: Cat I is the surest.
        decision: `accept`, `parent` or `review`; given: the path that is given without review, empty for none. All
            paths are in the language asked for.
        candidates: likely leaves, the likeliest first, then by rising expected distance in the tree.
        votes: each speaking expert's likeliest leaf; its `leaf` is an index of `Model.tree`.
        text_read: words read on the photos. reason: one line for people.
        problems: photos that could not be used, and why.
        advice: where nothing was proved with which the product's category could be given: what it would take.
    """

    product_id: int
    best: Candidate
    probabilities: tuple[float, float, float]
    decision: Decision
    given: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    votes: tuple[ExpertChoice, ...]
    text_read: str
    reason: str
    problems: tuple[str, ...]
    advice: str = ""

    def __str__(self) -> str:
        lines = [f"{c.probability:6.1%}  {path_text(c.path)}" for c in self.candidates]
        for level, p in enumerate(self.probabilities[:2], start=1):
            lines.append(f"{LEVEL_NAMES[level]:6}  {p:.1%}  {path_text(self.best.path[:level])}")
        given = f": {path_text(self.given)}" if self.given else ""
        lines.append(f"{self.decision.value}{given}")
        lines.append(f"why     {self.reason}")
        lines += [f"advice  {self.advice}"] if self.advice else []
        lines += [f"skipped {problem}" for problem in self.problems]
        return "\n".join(lines)


class Model:
    """A fusion run that predicts.

    >>> from pathlib import Path
    >>> import rayonnage
    >>> model: rayonnage.Model = rayonnage.load("runs")
    >>> photo = Path("front.jpg").read_bytes()
    >>> answers = model.predict([[photo, "back.jpg"], ["back.jpg"]])
    >>> len(answers)
    2
    >>> answers[0].best.path == model.tree.paths[model.tree.leaf_index(answers[0].best.category_id)]
    True
    >>> cat1, cat2, cat3 = answers[0].probabilities
    >>> cat1 >= cat2 >= cat3
    True

    Attributes:
        tree: the category tree.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.tree: Taxonomy = predictor.tree

    @classmethod
    def load(
        cls, folder: str | Path, workspace: str | Path = "runs", precision: float | None = None, lang: str | None = None
    ) -> Self:
        """Load a fusion run folder.

        Args:
            workspace: folder of the transcript cache, made when it is not there.
            precision: share of what is given without review that must be right; None: as trained.
            lang: language of the category names in answers, such as `en`; None: as the tree has them.

        Raises:
            FileNotFoundError: no run there.
            ValueError: a damaged one, no names in that language, or a precision that is no share.
        """
        if precision is not None and not 0 < precision < 1:
            raise ValueError(f"precision is {precision}: give the share that must be right, above 0 and below 1")
        return cls(Predictor(Run.load(Path(folder), "fusion"), Workspace(workspace), precision, lang))

    def predict(self, products: Sequence[Product | Sequence[Photo]]) -> list[Answer]:
        """One answer per product, in order.

        Args:
            products: each a `Product`, or its one to four photos as encoded bytes or paths.

        Raises:
            ValueError: a product with more than four photos, or one file over 64 MiB; FileNotFoundError: a path
                that does not exist. A photo that cannot be decoded is named in the answer's `problems`.
            TypeError: no list of products.
        """
        if isinstance(products, Product):
            raise TypeError("a single product is given: give a list of products, model.predict([product])")
        if not isinstance(products, Sequence):
            raise TypeError(
                f"products are given as {type(products).__name__}: give a list of them, or a catalogue; each is a "
                "Product, or a list of its one to four photos"
            )
        given = [p.product_id if isinstance(p, Product) else number for number, p in enumerate(products)]
        # texts and copies of a chunk are looked up by product_id
        ids = Counter(given)
        if len(ids) < len(given):
            raise ValueError(f"product_id {ids.most_common(1)[0][0]} was given twice: every product needs its own")
        n_candidates = self.predictor.top_leaves
        answers: list[Answer] = []
        for numbers in in_batches(range(len(products)), CHUNK):
            # photos are read chunk by chunk: a long list of paths, or a whole catalogue, costs no memory
            chunk = zip(numbers, products[numbers.start : numbers.stop], strict=True)
            wanted = [p if isinstance(p, Product) else _product(number, p) for number, p in chunk]
            predictions = self.predictor.predict(wanted)
            answers += [answer_of(predictions, row, self.tree, n_candidates) for row in range(len(wanted))]
        return answers


def answer_of(predictions: Predictions, row: int, tree: Taxonomy, n_candidates: int) -> Answer:
    """The answer on one row of a predicted chunk."""
    dense = predictions.fused[row : row + 1]
    ranked = risk_order(dense, tree, n_candidates)[0]
    candidates = tuple(
        Candidate(int(tree.leaf_ids[leaf]), tree.shown[leaf], float(dense[0, leaf])) for leaf in ranked.tolist()
    )
    cat1, cat2, cat3 = predictions.paths.probabilities[row].tolist()
    level, node = predictions.given[row].tolist()
    product_id = predictions.chunk.products[row].product_id
    problems = [problem for problem in predictions.problems.named if problem.product_id == product_id]
    return Answer(
        product_id, best=candidates[0], probabilities=(cat1, cat2, cat3),
        decision=decision_of(level), given=tree.shown_path(level, node) if level else (),
        candidates=candidates, votes=tuple(votes_of(predictions, row)),
        text_read=predictions.text_read(row), reason=reason_of(predictions, row, tree),
        problems=tuple(f"{problem.place}: {problem.detail or problem.kind.value}" for problem in problems),
        advice=predictions.advice(row),
    )  # fmt: skip


def _product(number: int, photos: Sequence[Photo]) -> Product:
    if isinstance(photos, (bytes, str, Path)):
        raise ValueError(f"product {number} is a single photo: give a list of its one to four photos")
    if not isinstance(photos, Sequence):
        raise TypeError(
            f"product {number} is given as {type(photos).__name__}: give a Product, or a list of its one to four photos"
        )
    if len(photos) > MAX_IMAGES:
        raise ValueError(f"product {number} has {len(photos)} photos: a product has at most {MAX_IMAGES}")
    for photo in photos:
        if not isinstance(photo, (bytes, str, Path)):
            raise ValueError(f"product {number}: a photo is encoded bytes or a path, got {type(photo).__name__}")
    return Product(number, tuple(p if isinstance(p, bytes) else read_photo(Path(p)) for p in photos))


def predict_photos(predictor: Predictor, paths: Sequence[Path]) -> Answer:
    """One product given as photo files.

    Raises:
        ValueError: more than four photos, a file over 64 MiB, or no photo that can be decoded.
    """
    if len(paths) > MAX_IMAGES:
        raise ValueError(f"{len(paths)} photos given: a product has at most {MAX_IMAGES}")
    predictions = predictor.predict([Product(0, tuple(read_photo(path) for path in paths))])
    named = predictions.problems.named
    problems = [(paths[problem.photo], problem.detail) for problem in named if problem.photo is not None]
    if problems and predictions.chunk.n_readable[0] == 0:
        path, detail = problems[0]
        raise ValueError(f"{path} cannot be decoded: {detail}")
    answer = answer_of(predictions, 0, predictor.tree, predictor.top_leaves)
    return replace(answer, problems=tuple(f"{path}: {detail}" for path, detail in problems))
