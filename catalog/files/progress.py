"""Work in batches, and how far it has come."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, Self, TypeVar

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is in all."""
Bar = Callable[[str], AbstractContextManager[Progress]]
"""Shows progress under a title for as long as it is entered."""
T = TypeVar("T")


class Sliceable(Protocol):
    """An array, a list, a range."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Self: ...


S = TypeVar("S", bound=Sliceable)


def in_batches(items: S, size: int, progress: Progress | None = None) -> Iterator[S]:
    """Successive slices of `size` items; `progress` hears of each when the next is asked for: it is done by then."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
        if progress is not None:
            progress(min(start + size, len(items)), len(items))


def counted(items: Iterable[T], total: int, progress: Progress | None = None, every: int = 1000) -> Iterator[T]:
    """The items themselves; `progress` hears of every so many, and of the last of `total`, when they are done."""
    for done, item in enumerate(items, start=1):
        yield item
        if progress is not None and (done % every == 0 or done == total):
            progress(done, total)


def part_of(progress: Progress | None, start: int, total: int) -> Progress | None:
    """What a part of the work reports to: `start` of `total` is done before it begins."""
    return None if progress is None else lambda done, _: progress(start + done, total)
