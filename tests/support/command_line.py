"""Commands as a user would give them."""

from __future__ import annotations

import click
from click.testing import CliRunner, Result

HEAVY = {"torch", "torchvision", "cv2", "sklearn", "scipy", "rapidocr", "lightning", "timm", "numpy", "pyarrow"}
"""What takes so long to import that no answer to `--help` may wait for it."""


def invoke(main: click.Command, *arguments: object, code: int = 0, typed: str | None = None) -> Result:
    """Run a command line; fail with everything it said unless it ends with that code, and never in a traceback."""
    result = CliRunner().invoke(main, [str(a) for a in arguments], input=typed)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def call(main: click.Command, *arguments: object) -> str:
    """The standard output of a command that does what it is asked for."""
    return invoke(main, *arguments).stdout


def output_of(main: click.Command, *arguments: object, code: int = 0) -> str:
    """Everything that a command says, standard error included."""
    return invoke(main, *arguments, code=code).output


def refused(main: click.Command, *arguments: object) -> str:
    """What a command that cannot do what it is asked for says on its standard error."""
    return invoke(main, *arguments, code=1).stderr
