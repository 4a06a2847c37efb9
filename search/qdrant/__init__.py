"""Vectors on a Qdrant server, for shops that outgrow one machine."""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("qdrant_client") is None:
    raise ValueError(
        f"a Qdrant server needs its client: `{Path(sys.executable).name} -m pip install 'rayonnage[search]'`"
    )

from search.qdrant.qdrant_index import QdrantIndex

__all__ = ["QdrantIndex"]
