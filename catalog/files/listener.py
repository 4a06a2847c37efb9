"""Who hears what a command says, where it is not the terminal: a command that is a stage of a longer job."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

from catalog.files.progress import Progress


class Listener(Protocol):
    """Takes what commands show people."""

    def bar(self, title: str) -> AbstractContextManager[Progress]:
        """Shows the progress of a step of this title for as long as it is entered."""

    def say(self, message: str) -> None:
        """Takes a result."""

    def note(self, message: str) -> None:
        """Takes what is going on."""


# of a context, not of the process: a server's threads, each with its own, are not overheard by one that fits
_HEARD_BY: ContextVar[Listener | None] = ContextVar("heard_by", default=None)


def listening() -> Listener | None:
    """Who listens here, None where the terminal is meant."""
    return _HEARD_BY.get()


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Have `catalog.cli_options.progress_bar`, `say` and `note` tell `listener`, here and in what is called from here.

    A thread that is started inside is not heard, unless it runs in a copy of the context (`contextvars.copy_context`).
    """
    token = _HEARD_BY.set(listener)
    try:
        yield
    finally:
        _HEARD_BY.reset(token)
