"""The manual's form: a README that fits on a few screens, links that lead somewhere, lines that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.manual import PAGES, PROGRAMS, README, ROOT, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What headings can be linked to by."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_readme_is_a_door():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(prose(page)):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_the_manual_is_linked_from_the_readme():
    links = {(ROOT / link).resolve() for link in LINK.findall(README.read_text(encoding="utf-8"))}
    assert set(PAGES) <= links | {README}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_are_short(page):
    long = [line for line in prose(page).splitlines() if len(line) > 120 and not line.startswith(("|", "    "))]
    assert long == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_stand_in_blocks_that_are_run(page):
    commands = "|".join([*PROGRAMS, "make", "pip", "python"])
    assert re.findall(rf"^(?: {{4}}|\t)(?:{commands}) .*$", prose(page), re.MULTILINE) == []
