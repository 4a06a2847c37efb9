"""The ids given to product folders whose names are no integers."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from catalog.files.atomic import atomic_path
from catalog.sources.folder.folder_names import product_id_of


class ProductNames:
    """Gives ids to product names, and keeps those that are no integers in a CSV, `product_id,name`.

    The CSV takes its place when `stack` ends without an error.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self.stack = path, stack
        self._writer: Any = None

    @property
    def unused(self) -> bool:
        """Whether every name so far was an integer."""
        return self._writer is None

    def id_of(self, name: str) -> int:
        """The id of `product_id_of`, kept where the name does not say it."""
        product_id, is_in_name = product_id_of(name)
        if not is_in_name:
            if self._writer is None:
                temporary = self.stack.enter_context(atomic_path(self.path))
                file = temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="")
                self._writer = csv.writer(self.stack.enter_context(file), lineterminator="\n")
                self._writer.writerow(["product_id", "name"])
            self._writer.writerow([product_id, name])
        return product_id
