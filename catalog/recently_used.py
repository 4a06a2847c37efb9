"""What was made before and may be asked for again, as far as there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """Values by their keys, those that nobody has asked for the longest forgotten first; safe in threads.

    Args:
        at_most: that all values may cost together; cost: of one, such as its bytes; by default each costs 1.
    """

    def __init__(self, at_most: int, cost: Callable[[Value], int] = lambda value: 1) -> None:
        self._at_most, self._cost_of = at_most, cost
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()
        self.cost = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Value | None:
        """The value, None where it is not kept (any more)."""
        with self._lock:
            return self._found(key)

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, in the place of an earlier one of its key."""
        with self._lock:
            self._keep(key, value)

    def made(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value that is kept, else one made now: by one thread, for which all others wait."""
        with self._lock:
            value = self._found(key)
            if value is None:
                value = make()
                self._keep(key, value)
            return value

    def _found(self, key: Key) -> Value | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def _keep(self, key: Key, value: Value) -> None:
        cost = self._cost_of(value)
        if key in self._kept:
            self.cost -= self._kept.pop(key)[1]
        self._kept[key] = value, cost
        self.cost += cost
        while self.cost > self._at_most:
            self.cost -= self._kept.popitem(last=False)[1][1]
