"""What one look at the machine has shown."""

import shlex
import shutil
import sys
import textwrap
from dataclasses import dataclass
from enum import StrEnum

_INDENT = " " * 25


class Status(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    """Everything works, but less well or less far than it could."""
    MISSING = "missing"
    """Something cannot work without it."""


@dataclass(frozen=True)
class Check:
    """What was looked at, in which state it is, and how to get what lacks: a command, or a sentence."""

    status: Status
    subject: str
    finding: str
    remedy: str = ""

    def __str__(self) -> str:
        width = max(60, shutil.get_terminal_size().columns)
        text = textwrap.fill(
            self.finding,
            width,
            initial_indent=f"{self.status:<8} {self.subject:<15} ",
            subsequent_indent=_INDENT,
            break_on_hyphens=False,
            break_long_words=False,
        )
        # a command is to be copied: it is never broken into lines
        return f"{text}\n{_INDENT}-> {self.remedy}" if self.remedy else text


def pip_install(*requirements: str) -> str:
    """The command that installs packages into this very Python."""
    return shlex.join([sys.executable, "-m", "pip", "install", *requirements])
