"""The text model's one linear model: what turns texts into scores of leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer

from text.encoders import Vectors
from text.features import tfidf
from text.normalize import ProductText
from text.sharpness import sharpened


@dataclass(frozen=True)
class Scorer:
    """TF-IDF and vectors of texts -> scores, for any number of threads.

    Attributes:
        vectorizers: of words and of characters, F terms together.
        coef: `(K, F)` float32. intercept: `(K,)` float32. vector_coefs: `(K, D)` float32 of each encoder.
    """

    vectorizers: tuple[TfidfVectorizer, TfidfVectorizer]
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    vector_coefs: Sequence[NDArray[np.float32]]

    def probabilities(
        self, texts: Sequence[ProductText], vectors: Sequence[Vectors], shape: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """`(N, K)` float32 of N texts.

        Args:
            vectors: `(N, D)` by each encoder. shape: see `sharpened`.
        """
        scores = np.asarray(self._of_terms(texts), np.float64) + self.intercept
        for coef, encoded in zip(self.vector_coefs, vectors, strict=True):
            scores += encoded @ coef.T
        return np.asarray(softmax(sharpened(scores, shape), axis=1), np.float32)

    def _of_terms(self, texts: Sequence[ProductText]) -> NDArray[np.float32]:
        features = tfidf(self.vectorizers, texts)
        # SciPy turns the dense matrix round before it multiplies: the few terms that occur, not a million
        terms, column = np.unique(features.indices, return_inverse=True)
        occurring = csr_matrix((features.data, column, features.indptr), (features.shape[0], len(terms)))
        return np.asarray(occurring @ np.ascontiguousarray(self.coef[:, terms].T))
