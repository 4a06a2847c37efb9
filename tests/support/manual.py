"""The pages of the manual and what stands on them: blocks, and how their lines are run; commands named in the text."""

from __future__ import annotations

import configparser
import re
import subprocess
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from tests.support.command_line import output_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [
    README,
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
NOT_RUN = {
    r"make [\w-]+": "it runs these tests, or the demo, or makes what they run in",
    r"source \S+|pip install .*": "it changes the environment",
    r"ruff .*|mypy|lint-imports|pytest .*": "`make test` and `make test-slow` run them",
    r"rayonnage demo": "the whole job takes ten minutes; `make demo` is it",
    r"rayonnage serve.*": "it serves until it is ended; the blocks ask a server that the tests have started",
    r"rayonnage report --workspace demo/runs": "it shows what the whole job has made",
    r"mosaic train --devices 4|torchrun .*": "it needs several GPUs or machines",
}
"""Commands of the blocks that are not run here, and why."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (`bash`, `python`, `text` ...) and what stands in it."""

    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """A page's fenced blocks, from the top down."""
    return [Block(language, code) for language, code in FENCE.findall(page.read_text(encoding="utf-8"))]


def command_lines(block: Block) -> list[str]:
    """A bash block's commands: no comments, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", block.code).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    """Inline code of a page, in one line each; a table's `\\|` is a bar."""
    return [" ".join(span.split()).replace("\\|", "|") for span in re.findall(r"`([^`]+)`", prose(page))]


def programs() -> dict[str, click.Group]:
    """The console scripts by name, as they are installed."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    scripts = re.findall(r"(\w+) = ([\w.]+):(\w+)", setup["options.entry_points"]["console_scripts"])
    return {name: getattr(import_module(module), attribute) for name, module, attribute in scripts}


PROGRAMS = programs()


def without_comment(line: str) -> str:
    """A line up to its comment."""
    return re.sub(r"\s+#.*$", "", line)


def is_run(line: str) -> bool:
    """Whether a line is no exception."""
    return not any(re.fullmatch(pattern, without_comment(line)) for pattern in NOT_RUN)


def quick(line: str) -> str:
    """A line with the debug configuration in place of its own."""
    line = re.sub(r" --(config|time) \S+", "", without_comment(line))
    line = re.sub(r"^(rayonnage fit)\b", r"\1 --recipe debug", line)
    return re.sub(r"^((?:rayonnage )?(?:mosaic|ocr|fusion) train)\b", r"\1 --config debug", line)


def shell_words(line: str) -> list[str]:
    """The words into which a shell takes a line apart: quotes, patterns and commands inside are its own matter."""
    words = subprocess.run(["bash", "-uc", rf"printf '%s\0' {line}"], capture_output=True, text=True, check=True)
    return words.stdout.split("\0")[:-1]


def run_line(line: str) -> str:
    """Run one line in the current folder, ours in this process; returns what it printed."""
    program, *arguments = shell_words(line)
    if program not in PROGRAMS:
        return subprocess.run(["bash", "-euc", line], capture_output=True, text=True, check=True).stdout
    printed = output_of(PROGRAMS[program], *arguments)
    if "--output" in arguments:
        assert Path(arguments[arguments.index("--output") + 1]).exists(), line
    return printed


README_LINES = [
    quick(line) for block in blocks(README) if block.language == "bash" for line in command_lines(block) if is_run(line)
]
"""What the README tells a user to do, but for what is not run here."""
TRAINING = README_LINES[:1]
"""What it begins with."""
TRAINED = [
    *README_LINES,
    "catalog split train.bson --tree category_names.csv",
    *(f"{room} train --config debug" for room in ("mosaic", "ocr", "fusion")),
]
"""What is done where the manual's other pages are run: the single steps of the fit, too."""
