"""One entry of the journal of reviews: what was answered, from which files, and whether it counts."""

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from catalog.files.wording import any_of
from catalog.metrics.intervals import exact_share
from catalog.tree.level_names import level_names_of


class ReviewedFile(BaseModel):
    """A corrected CSV: its name, and its content's SHA-256, by which it is known again."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    sha256: str


class Event(BaseModel):
    """What happened to an entry (`applied` or `begun`, `undone`, `redone`), when (UTC), and who did it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    what: str
    when: str
    who: str


class Entry(BaseModel):
    """One `fusion review apply`, whose answers lie beside it as CSV; or a reviewer's day in the browser, as JSON lines.

    Attributes:
        run, catalog: the fusion run and the catalogue's fingerprint of the predictions that were reviewed.
        confirmed, corrected, copies, blank: answers that keep the suggestion and that change it, products that have
            the photos of one of these, cells left empty.
        drawn, audited: size of the audit sample, and how many of it were answered.
        audit_right: of these, how many were right at Cat I, Cat II, ..., the leaf.
        level_names: what these are called, where somebody has named the tree's levels; else empty.
        live: answers are added while people review; the file leaves the counts to them.
        unlabelled: products with a parent alone, or with none of the categories: no labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    number: int
    files: tuple[ReviewedFile, ...]
    run: str
    catalog: str
    confirmed: int
    corrected: int
    copies: int
    blank: int
    drawn: int
    audited: int
    audit_right: tuple[int, ...]
    history: tuple[Event, ...]
    level_names: tuple[str, ...] = ()
    live: bool = False
    unlabelled: int = 0

    @property
    def active(self) -> bool:
        """Whether its answers count."""
        return self.history[-1].what != "undone"

    @property
    def depth(self) -> int:
        """Levels of the tree that was predicted with."""
        return len(self.audit_right)

    @property
    def names(self) -> Mapping[int, str]:
        """What each level of that tree is called."""
        return level_names_of(self.depth, self.level_names)

    def precision(self, level: int) -> str:
        """Share of audited products that were right at a level, with its 95 % interval, in percent."""
        right = self.audit_right[level - 1]
        low, high = exact_share(right, self.audited)
        return f"{100 * right / self.audited:.1f} ({100 * low:.1f} to {100 * high:.1f})"

    def summary(self) -> str:
        """What was taken in, and the live precision, for people."""
        lines = [
            f"review {self.number}: {self.confirmed + self.corrected} answers, {self.confirmed} confirmed, "
            f"{self.corrected} corrected; {self.copies} more products with the same photos; {self.blank} left blank"
        ]
        if self.audited:
            levels = ", ".join(f"{self.names[level]} {self.precision(level)}" for level in range(self.depth, 0, -1))
            lines.append(
                f"live precision of accepted products in percent, 95 % interval, {self.audited} answered "
                f"of {self.drawn} drawn: {levels}"
            )
        return "\n".join(lines)


def table_text(entries: Sequence[Entry]) -> str:
    """Entries as lines for people."""
    if not entries:
        return "no review yet: fill review.csv, then `fusion review apply`"
    # a workspace may have had another tree before
    leaf = any_of(list(dict.fromkeys(entry.names[entry.depth] for entry in sorted(entries, key=lambda e: e.depth))))
    lines = [
        f"{'review':>6}  {'date (UTC)':19}  {'by':12}  {'rows':>7}  {'corrected':>9}  {'none':>6}  "
        f"precision at {leaf} in %"
    ]
    for entry in entries:
        precision = f"{entry.precision(entry.depth)}, {entry.audited} audited" if entry.audited else "-"
        rows = entry.confirmed + entry.corrected + entry.copies
        first = entry.history[0]
        state = "" if entry.active else "  undone"
        lines.append(
            f"{entry.number:>6}  {first.when[:19]:19}  {first.who[:12]:12}  {rows:>7}  {entry.corrected:>9}  "
            f"{entry.unlabelled:>6}  {precision}{state}"
        )
    return "\n".join(lines)


def event(what: str, who: str | None = None) -> Event:
    """Something that happens now, done by `who`, the user by default."""
    if who is None:
        try:
            who = getpass.getuser()
        except (KeyError, OSError):
            # a container may run under a user that has no name
            who = "unknown"
    return Event(what=what, when=datetime.now(UTC).isoformat(timespec="seconds"), who=who)
