"""Loaded before every test, and before the libraries that read how many threads they may start."""

import os

# On cores that other work is using too, threads spend their time waiting for each other: 230 s instead of 12 s for
# tests/mosaic.
for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(name, "1")
