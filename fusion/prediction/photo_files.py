"""`fusion predict PHOTO ...`: one product given as photo files, named by them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from catalog.product import MAX_IMAGES, Product
from catalog.sources.photo_file import read_photo
from fusion.prediction.answers import Answer, answer_of
from fusion.prediction.predictor import Predictor


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
