"""Work over hours that one process at a time may do, also where several hosts share the disk and it knows no locks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.files.lease import LEASE_S, OWNER, Owner, is_abandoned, renewed

_CLAIM = re.compile(rf"\.(?P<name>.+)\.(?P<owner>{OWNER.pattern})\.lease", re.DOTALL)


class AlreadyClaimed(OSError):
    """Another process has claimed the work; it is told by its owner's title, and when it would be free after a kill."""

    def __init__(self, owner: Owner) -> None:
        here = owner.place == Owner.of_this_process().place
        late = "" if here else f" (killed, it would seem to be at work for {LEASE_S / 60:.0f} minutes more)"
        super().__init__(owner.title + late)


@contextmanager
def claimed(work: Path) -> Iterator[None]:
    """Claim a file or folder, by a file beside it that is renewed as long as the block lasts.

    A killed process's claim ends at once for those who know its number, and for others after `LEASE_S`. No lock is
    needed: who claims lists all claims after its own is there, so that of two at the same moment one at least sees the
    other; both give way then.

    Raises:
        AlreadyClaimed: by another process, or by this one.
    """
    owner = Owner.of_this_process()
    claim = work.with_name(f".{work.name}.{owner}.lease")
    claim.touch()
    try:
        for other in _claims(work):
            if other != owner:
                raise AlreadyClaimed(other)
        with renewed(claim):
            yield
    finally:
        if owner.is_this_process:
            claim.unlink(missing_ok=True)


def require_claim(work: Path) -> None:
    """Raise OSError unless this process has claimed the work, and nobody has taken it for abandoned since."""
    if not any(owner.is_this_process for owner in _claims(work)):
        raise OSError(
            f"{work}: this process was out of reach for so long that others may have gone on with its work: "
            "run the command again"
        )


def _claims(work: Path) -> list[Owner]:
    """Who has claimed the work; of whatever work, claims that killed processes left go."""
    owners = []
    for name in os.listdir(work.parent):
        if not name.endswith(".lease") or not (parts := _CLAIM.fullmatch(name)):
            continue
        owner = Owner.parse(parts["owner"])
        if owner is None:
            continue
        if is_abandoned(work.with_name(name), owner):
            # it says nothing any more, and may be another user's, or a folder
            with suppress(OSError):
                work.with_name(name).unlink()
        elif parts["name"] == work.name:
            owners.append(owner)
    return owners
