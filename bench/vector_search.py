"""Search among 1.1 million vectors: recall, time, memory, and how long building and adding take.

Usage: python bench/vector_search.py [--folder build/search] [--vectors 1100000] [--embeddings FOLDER]

Vectors are drawn by a fixed seed around 20,000 cluster centres. What they have of real ones is measured on the 7,705
photos of the shelf benchmark, embedded by the default backbone before any training: the square of the common mean, how
the variance between clusters (k-means, 55 photos each) and within falls off along the main axes, and how clusters
differ in radius. Queries are drawn around the same centres. The nearest by exact float32 search are the truth.

Each measurement has a process of its own; memory is RssAnon. Cold: right after the system was told to drop the files'
pages. CPU time of the thread that searches hardly depends on what else the machine does. NumPy's matrix of float32 lies
in memory as a whole; searches take turns with the index's.

--embeddings FOLDER: what `mosaic embed --photos` wrote; recall among real vectors, compressed whatever their number.
What was drawn and built stays in the folder (12 GB), and is not made again: `--keep`; else it is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from process_memory import memory_kib

from catalog.embeddings import EmbeddingOrigin, Embeddings
from catalog.ids.id_names import IdNames
from search.contract import Entries, Filter, IndexIdentity
from search.index import LocalIndex
from search.index.vector_file import float32_of

WIDTH, CLUSTERS, SEED = 1280, 20_000, 0
MEAN_SQUARE = 0.48
WITHIN_MEDIAN, WITHIN_SPREAD = 0.14, 0.65
"""Of the squared distance to the cluster's centre: median, standard deviation of its logarithm."""
AXES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1280)
WITHIN = (0.0204, 0.0192, 0.0174, 0.0144, 0.0107, 0.0065, 0.0035, 0.0017, 0.00075, 0.00027, 0.00005, 0.00003)
BETWEEN = (0.451, 0.111, 0.0469, 0.0206, 0.0077, 0.0027, 0.00055, 0.00015, 0.00004, 0.00001, 0.000003, 0.000002)
"""Share of the variance along these main axes. Beyond 64 the between-cluster share is continued: 140 clusters show no
more."""
BLOCK, N_QUERIES, N_EXACT, N_ADDED, K = 20_000, 500, 20, 10_000, 10
QUERY_BLOCK, ADDED_BLOCK = 10**6, 10**6 + 1
FILES = ("vectors.f16", "truth.npz")


class Shop:
    """Where its vectors come from."""

    def __init__(self) -> None:
        rng = np.random.default_rng([SEED, 0])
        mean = rng.standard_normal(WIDTH, dtype=np.float32)
        mean *= np.sqrt(MEAN_SQUARE) / np.linalg.norm(mean)
        radius = np.exp(WITHIN_SPREAD / 2 * rng.standard_normal(CLUSTERS)).astype(np.float32)
        self.radius = np.sqrt(WITHIN_MEDIAN) * radius
        between = 1 - MEAN_SQUARE - float((self.radius**2).mean())
        centres = rng.standard_normal((CLUSTERS, WIDTH), dtype=np.float32)
        self.centres = mean + centres * spectrum(BETWEEN) * np.sqrt(between)
        self.within = spectrum(WITHIN)

    def draw(self, block: int, n: int) -> np.ndarray:
        """`(n, WIDTH)` float32 of length 1."""
        rng = np.random.default_rng([SEED, block])
        cluster = rng.integers(0, CLUSTERS, n)
        vectors = rng.standard_normal((n, WIDTH), dtype=np.float32)
        vectors *= self.within
        vectors *= self.radius[cluster, None]
        vectors += self.centres[cluster]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def spectrum(shares: tuple[float, ...]) -> np.ndarray:
    """`(WIDTH,)` standard deviation along each axis, the squares summing to 1."""
    share = np.exp(np.interp(np.log(np.arange(1, WIDTH + 1)), np.log(AXES), np.log(shares)))
    return np.sqrt(share / share.sum()).astype(np.float32)


def draw(folder: Path, n: int) -> None:
    """Write vectors, queries and the truth."""
    shop, start = Shop(), time.perf_counter()
    queries = shop.draw(QUERY_BLOCK, N_QUERIES)
    best, rows = np.full((N_QUERIES, K), -2, np.float32), np.zeros((N_QUERIES, K), np.int64)
    with (folder / FILES[0]).open("wb") as file:
        for first in range(0, n, BLOCK):
            vectors = shop.draw(1 + first // BLOCK, min(BLOCK, n - first))
            file.write(vectors.astype("<f2").data)
            scores = np.concatenate([best, queries @ vectors.T], axis=1)
            places = np.argpartition(-scores, K, axis=1)[:, :K]
            numbers = np.broadcast_to(first + np.arange(len(vectors)), (N_QUERIES, len(vectors)))
            all_rows = np.concatenate([rows, numbers], axis=1)
            best, rows = (np.take_along_axis(one, places, axis=1) for one in (scores, all_rows))
    np.savez(folder / FILES[1], queries=queries, rows=rows, scores=best)
    print(f"drawn in {time.perf_counter() - start:.0f} s", flush=True)


def entries(n: int, first: int = 0) -> Entries:
    """One photo for each product; 100 categories."""
    ids = first + np.arange(n)
    return Entries(ids, np.zeros(n, np.int8), ids % 100, np.ones(n, np.int8), IdNames.none())


def embeddings(vectors: np.ndarray, known: Entries) -> Embeddings:
    """With an origin."""
    origin = EmbeddingOrigin("drawn", "drawn", "", "", "photo")
    return Embeddings(vectors, known.product_ids, known.photos, known.ids, origin)


def drawn(folder: Path) -> np.ndarray:
    """`(N, WIDTH)` float16, memory-mapped."""
    return np.memmap(folder / FILES[0], "<f2", "r").reshape(-1, WIDTH)


def build(folder: Path) -> dict[str, float]:
    """Make the index."""
    vectors = drawn(folder)
    known, start, cpu = entries(len(vectors)), time.perf_counter(), time.process_time()
    identity = IndexIdentity("drawn", "drawn", WIDTH, "", "")
    LocalIndex.create(folder / "index", identity, embeddings(vectors, known), known).close()
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def query(folder: Path) -> dict[str, float]:
    """Cold, warm and filtered searches one at a time, then batches, then memory."""
    truth = np.load(folder / FILES[1])
    queries = truth["queries"]
    for path in (folder / "index").rglob("*.bin"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    index = LocalIndex.open(folder / "index")
    index.search(np.zeros((1, WIDTH), np.float32), 1)
    cold = [timed(index, one)[0] for one in queries[:50]]
    for one in queries:
        timed(index, one)
    took = np.array([timed(index, one) for one in queries])
    filtered = [timed(index, one, Filter(category_ids=np.array([7])))[0] for one in queries[:100]]
    rare = [timed(index, one, Filter(product_ids=np.arange(2000)))[0] for one in queries[:100]]
    start = time.perf_counter()
    hits = index.search(queries, K)
    batch = (time.perf_counter() - start) / len(queries)
    found = [len(set(one) & set(other)) for one, other in zip(hits.rows.tolist(), truth["rows"].tolist(), strict=True)]
    p50, p95 = (1000 * np.percentile(took, share, axis=0) for share in (50, 95))
    anonymous, mapped = memory_kib(os.getpid())
    return {
        "recall": sum(found) / truth["rows"].size, "p50": p50[0], "p95": p95[0], "cpu_p50": p50[1], "cpu_p95": p95[1],
        "cold_p50": 1000 * np.median(cold), "cold_first": 1000 * cold[0], "batch": 1000 * batch,
        "category": 1000 * np.median(filtered), "products": 1000 * np.median(rare),
        "anonymous": anonymous / 1024, "mapped": mapped / 1024,
    }  # fmt: skip


def timed(index: LocalIndex, query: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
    """Seconds and CPU seconds of one search."""
    start, cpu = time.perf_counter(), time.thread_time()
    index.search(query[None], K, where)
    return time.perf_counter() - start, time.thread_time() - cpu


def exact(folder: Path) -> dict[str, float]:
    """NumPy's search in float32, in turns with the index's."""
    vectors = drawn(folder)
    matrix = np.empty(vectors.shape, np.float32)
    for first in range(0, len(vectors), BLOCK):
        matrix[first : first + BLOCK] = float32_of(vectors[first : first + BLOCK])
    queries, index = np.load(folder / FILES[1])["queries"], LocalIndex.open(folder / "index")
    for one in queries[:N_EXACT]:
        timed(index, one)
    seconds: dict[str, list[float]] = {"numpy": [], "index": []}
    for one in queries[:N_EXACT]:
        start = time.perf_counter()
        nearest(matrix @ one)
        seconds["numpy"].append(time.perf_counter() - start)
        seconds["index"].append(timed(index, one)[0])
    start = time.perf_counter()
    for row in queries[:100] @ matrix.T:
        nearest(row)
    batch = (time.perf_counter() - start) / 100
    return {**{name: 1000 * np.median(took) for name, took in seconds.items()}, "batch": 1000 * batch}


def nearest(scores: np.ndarray) -> np.ndarray:
    """Rows of the K best."""
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best])]


def add(folder: Path) -> dict[str, float]:
    """Another 10,000, which are looked for at once; then they are removed."""
    index, vectors = LocalIndex.open(folder / "index"), Shop().draw(ADDED_BLOCK, N_ADDED)
    index.search(vectors[:1], 1)
    known = entries(N_ADDED, 10**9)
    start, cpu = time.perf_counter(), time.process_time()
    index.add(vectors, known)
    found = index.search(vectors[:100], 1).product_ids[:, 0]
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    n_found = int((found == known.product_ids[:100]).sum())
    start = time.perf_counter()
    index.remove(known.product_ids)
    return {"seconds": seconds, "cpu": used, "found": n_found, "remove": time.perf_counter() - start}


def real(folder: Path) -> dict[str, float]:
    """Recall among real embeddings, every tenth of which is a query."""
    loaded = Embeddings.load(folder)
    vectors = loaded.rows(np.flatnonzero(loaded.present()))
    queries, kept = vectors[::10], np.delete(vectors, np.s_[::10], axis=0)
    known, place = entries(len(kept)), folder.with_name(folder.name + "-index")
    identity = IndexIdentity("real", "real", vectors.shape[1], "", "")
    index = LocalIndex.create(place, identity, embeddings(kept.astype(np.float16), known), known, kind="compressed")
    truth = np.argsort(-(queries @ kept.T), axis=1)[:, :K]
    hits = index.search(queries, K).rows
    shutil.rmtree(place)
    shared = [len(set(one) & set(other)) for one, other in zip(hits.tolist(), truth.tolist(), strict=True)]
    return {"n": len(kept), "recall": sum(shared) / truth.size}


def measured(step: str, folder: Path) -> dict[str, float]:
    """A step in a process of its own, and the peak of its anonymous memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peaks = watched(process)
        output = process.communicate()[0]
    if process.returncode:
        sys.exit(f"{step} failed")
    return {**json.loads(output), "peak": max(peaks) / 1024}


def watched(process: subprocess.Popen[str]) -> list[int]:
    """RssAnon in KiB, ten times a second."""
    peaks = [0]

    def look() -> None:
        while process.poll() is None:
            peaks.append(memory_kib(process.pid)[0])
            time.sleep(0.1)

    threading.Thread(target=look, daemon=True).start()
    return peaks


STEPS = {"build": build, "query": query, "exact": exact, "add": add, "real": real}


def lines(folder: Path, real_folder: Path | None) -> Iterator[str]:
    """What is printed, as it is measured."""
    truth, n = np.load(folder / FILES[1]), len(drawn(folder))
    far, *_, near = np.median(np.sort(truth["scores"], axis=1), axis=0)
    yield f"{n:,} vectors of {WIDTH} numbers, {N_QUERIES} queries; cosine of the 1st {near:.3f}, of the {K}th {far:.3f}"
    kept = folder / "built.json"
    if not kept.exists():
        kept.write_text(json.dumps(measured("build", folder)))
    yield "build          {seconds:.0f} s ({cpu:.0f} s of CPU), {peak:.0f} MiB anonymous at most".format_map(
        json.loads(kept.read_text())
    )
    yield QUERIED.format_map(measured("query", folder))
    plain = measured("exact", folder)
    yield "NumPy float32  {numpy:.0f} ms one at a time, {batch:.0f} ms in batches of 100".format_map(plain)
    yield f"               {plain['numpy'] / plain['index']:.0f} x as long as the index, {plain['index']:.2f} ms"
    yield ADDED.format_map(measured("add", folder))
    if real_folder is not None:
        yield f"real vectors   recall@{K} " + "{recall:.4f} among {n:,.0f}".format_map(measured("real", real_folder))


QUERIED = (
    f"recall@{K}"
    + """      {recall:.4f}
one at a time  p50 {p50:.2f} ms, p95 {p95:.2f} ms; of CPU {cpu_p50:.2f} and {cpu_p95:.2f} ms
in a batch     {batch:.2f} ms
cold           p50 {cold_p50:.1f} ms, the first {cold_first:.0f} ms
filtered       p50 {category:.2f} ms one category of 100, {products:.2f} ms 2,000 products
memory         {anonymous:.0f} MiB anonymous (at most {peak:.0f}), {mapped:.0f} MiB of mapped files"""
)
ADDED = (
    f"add {N_ADDED:,}"
    + """     {seconds:.1f} s ({cpu:.1f} s of CPU), {found:.0f} of 100 found at once
remove them    {remove:.2f} s"""
)


def main() -> None:
    """Draw and measure, or one step of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/search"))
    parser.add_argument("--vectors", type=int, default=1_100_000)
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--step", choices=STEPS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps({name: float(value) for name, value in STEPS[arguments.step](arguments.folder).items()}))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if not all((arguments.folder / name).exists() for name in FILES):
        draw(arguments.folder, arguments.vectors)
    for line in lines(arguments.folder, arguments.embeddings):
        print(line, flush=True)
    if not arguments.keep:
        shutil.rmtree(arguments.folder)


if __name__ == "__main__":
    main()
