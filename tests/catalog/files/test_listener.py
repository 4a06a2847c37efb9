"""What commands say goes to whoever listens, and to nobody else."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from catalog.cli_options import note, progress_bar, say
from catalog.files.listener import heard_by
from catalog.files.progress import Progress


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    @contextmanager
    def bar(self, title: str) -> Iterator[Progress]:
        self.told.append(("begin", title))
        yield lambda done, total: self.told.append((done, total))
        self.told.append(("end", title))

    def say(self, message: str) -> None:
        self.told.append(("say", message))

    def note(self, message: str) -> None:
        self.told.append(("note", message))


def test_a_listener_hears_results_notes_and_progress_instead_of_the_terminal(capsys: pytest.CaptureFixture) -> None:
    heard = Heard()
    with heard_by(heard):
        say("60 products")
        note("reading")
        with progress_bar("index") as progress:
            progress(3, 4)
    assert heard.told == [("say", "60 products"), ("note", "reading"), ("begin", "index"), (3, 4), ("end", "index")]
    assert capsys.readouterr() == ("", "")


def test_who_has_left_hears_nothing_more_whatever_ended_it(capsys: pytest.CaptureFixture) -> None:
    heard = Heard()
    with pytest.raises(OSError, match="gone"), heard_by(heard):
        raise OSError("gone")
    say("printed")
    assert heard.told == []
    assert capsys.readouterr().out == "printed\n"


def test_the_inner_listener_hears_and_then_the_outer_one_again() -> None:
    outer, inner = Heard(), Heard()
    with heard_by(outer):
        with heard_by(inner):
            say("inside")
        say("outside")
    assert (outer.told, inner.told) == ([("say", "outside")], [("say", "inside")])


def test_a_thread_is_heard_where_it_runs_in_a_copy_of_the_context(capsys: pytest.CaptureFixture) -> None:
    heard = Heard()
    with heard_by(heard):
        threads = [threading.Thread(target=say, args=("of another job",))]
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(say, "of ours")))
        for thread in threads:
            thread.start()
            thread.join()
    assert heard.told == [("say", "of ours")]
    assert capsys.readouterr().out == "of another job\n"
