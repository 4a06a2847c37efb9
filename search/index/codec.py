"""What vectors are compressed with, learnt from a sample: the main axes, cells of near vectors, steps of 8 bits.

Jégou, Douze, Schmid: Product quantization for nearest neighbor search (2011), with a scalar quantizer in place of the
product quantizer: the codes take a tenth of the vectors, and the nearest are ranked by the vectors themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.progress import Progress
from search.index.faiss_library import faiss_library
from search.index.vector_file import VectorFile, blocks_of

AXES = 128
"""Numbers of a code. Among 1.1 million vectors twice as many found no more of the nearest, in 1.6 times the time."""
MAX_CELLS = 16_384
CELLS_PER_ROOT = 4
"""Cells for N vectors: so many times the square root of N; as many vectors again are looked at in each that is."""
SAMPLED_PER_CELL = 25
"""Vectors that a cell's centre is learnt from, in the mean."""
ITERATIONS = 8
SEED = 1
_ARRAYS = {
    "axes": ArraySpec(np.float32, ("d", "D"), finite=True),
    "centres": ArraySpec(np.float32, ("L", "d"), finite=True),
    "steps": ArraySpec(np.float32, ("s",), finite=True),
    "n_learnt_from": ArraySpec(np.int64, (1,)),
}


class Codec:
    """Compresses vectors of D numbers to d bytes in one of L cells.

    Args:
        axes: `(d, D)` float32, orthonormal: those along which the vectors differ most.
        centres: `(L, d)` float32 of cells. steps: `(2 d,)` float32, least value and range along each axis, of what
            differs from the centre. n_learnt_from: vectors of the index when it was learnt.
    """

    def __init__(
        self,
        axes: NDArray[np.float32],
        centres: NDArray[np.float32],
        steps: NDArray[np.float32],
        n_learnt_from: int,
    ) -> None:
        self.axes, self.centres, self.steps, self.n_learnt_from = axes, centres, steps, n_learnt_from
        self._cells = faiss_library().IndexFlatL2(len(axes))
        self._cells.add(np.ascontiguousarray(centres))
        self._encoder = self.new_lists()

    @property
    def width(self) -> int:
        """D."""
        return self.axes.shape[1]

    @property
    def n_cells(self) -> int:
        """L."""
        return len(self.centres)

    @classmethod
    def learn(cls, file: VectorFile, progress: Progress | None = None) -> Self:
        """From a sample of N vectors; the same every time. `progress` hears of N."""
        faiss, n = faiss_library(), len(file)
        n_cells = cells_for(n)
        drawn = np.random.default_rng(SEED).permutation(n)[: max(n_cells, 1) * SAMPLED_PER_CELL]
        rows = np.sort(drawn).astype(np.int64)
        axes = _main_axes(file, rows)
        sample = np.concatenate([block @ axes.T for block in blocks_of(file, rows)])
        settings = {"niter": 1, "seed": SEED, "min_points_per_centroid": 1, "max_points_per_centroid": n + 1}
        kmeans: Any = faiss.Kmeans(len(axes), n_cells, **settings)
        centres: Any = None
        for done in range(ITERATIONS):
            kmeans.train(sample, init_centroids=centres)
            centres = kmeans.centroids
            if progress is not None:
                progress(n * (done + 1) // ITERATIONS, n)
        differences = sample - centres[kmeans.index.search(sample, 1)[1][:, 0]]
        quantizer = faiss.ScalarQuantizer(len(axes), faiss.ScalarQuantizer.QT_8bit)
        quantizer.train(differences)
        return cls(axes, np.array(centres), faiss.vector_to_array(quantizer.trained), n)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote; raises ValueError where it is damaged."""
        arrays = load_arrays(path, _ARRAYS, what="codec of an index")
        return cls(**{**arrays, "n_learnt_from": int(arrays["n_learnt_from"][0])})

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        arrays = {"axes": self.axes, "centres": self.centres, "steps": self.steps}
        save_arrays(path, {**arrays, "n_learnt_from": np.array([self.n_learnt_from], np.int64)})

    def new_lists(self) -> Any:
        """An IVF index of faiss, without lists, for codes of this codec."""
        faiss = faiss_library()
        kind = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(
            self._cells, len(self.axes), self.n_cells, kind, faiss.METRIC_L2, True, False
        )
        faiss.copy_array_to_vector(self.steps, index.sq.trained)
        index.is_trained = True
        return index

    def projected(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(n, d)` along the axes, of `(n, D)`."""
        return vectors @ self.axes.T

    def probes(self, query: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The n cells nearest to a projected query, `(1, d)`, and its distances: `(1, n)` each."""
        distances, cells = self._cells.search(query, n)
        return cells, distances

    def encode(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """`(n, d)` codes of `(n, D)` vectors, and `(n,)` cells that they belong to."""
        faiss = faiss_library()
        projected = np.ascontiguousarray(self.projected(vectors))
        cells = np.ascontiguousarray(self._cells.search(projected, 1)[1][:, 0])
        codes = np.empty(projected.shape, np.uint8)
        pointers = [faiss.swig_ptr(one) for one in (projected, cells, codes)]
        self._encoder.encode_vectors(len(projected), *pointers)
        return codes, cells


def cells_for(n: int) -> int:
    """L for N vectors: a power of two, with enough vectors to learn each from."""
    cells = 2 ** round(np.log2(max(1.0, CELLS_PER_ROOT * n**0.5)))
    return int(max(1, min(cells, MAX_CELLS, n // SAMPLED_PER_CELL)))


def _main_axes(file: VectorFile, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """`(d, D)` float32: the principal axes of `(n,)` rows."""
    width = file.width
    total, products = np.zeros(width), np.zeros((width, width))
    for block in blocks_of(file, rows):
        total += block.sum(axis=0, dtype=np.float64)
        products += block.T @ block
    mean = total / len(rows)
    # eigenvalues ascend
    axes = np.linalg.eigh(products / len(rows) - np.outer(mean, mean))[1][:, ::-1][:, :AXES].T
    return np.ascontiguousarray(axes, np.float32)
