"""A model in memory, which ends its processes when the last request that it answers has gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock

from catalog.recent_rows import RecentRows
from catalog.tree.taxonomy import Taxonomy
from fusion.model import Model

MOST_LANGUAGES = 8
"""Whose names are kept: clients may ask for any that has a code."""


class LoadedModel:
    """A model with its run's folder.

    Attributes:
        since: when it was last put in place, seconds since 1970.
        recent: what was computed of its latest photos.
    """

    def __init__(self, model: Model, folder: Path) -> None:
        self.model, self.folder, self.since = model, folder, time.time()
        self.recent = RecentRows()
        self._trees: dict[str, Taxonomy] = {}
        self._users, self._is_retired = 0, False
        self._lock = Lock()

    @cached_property
    def digest(self) -> str:
        """What the run holds, see `Run.digest`."""
        return self.model.predictor.digest

    def tree(self, lang: str | None) -> Taxonomy:
        """The tree with its names in a language; None: as the tree stands.

        Raises:
            ValueError: no names are known in that language.
        """
        if lang is None:
            return self.model.tree
        tree = self._trees.get(lang)
        if tree is None:
            tree = self.model.tree.in_language(lang)
            if len(self._trees) < MOST_LANGUAGES:
                self._trees[lang] = tree
        return tree

    @contextmanager
    def used(self) -> Iterator[LoadedModel]:
        """It is not closed before the block ends."""
        with self._lock:
            self._users += 1
        try:
            yield self
        finally:
            with self._lock:
                self._users -= 1
                is_over = self._is_retired and not self._users
            if is_over:
                self.model.close()

    def retire(self) -> None:
        """Nobody will ask it any more: it is closed when nobody uses it."""
        with self._lock:
            self._is_retired = True
            is_over = not self._users
        if is_over:
            self.model.close()
