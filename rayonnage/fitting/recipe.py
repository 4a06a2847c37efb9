"""What a fit does, as one YAML file that can be read, changed and given back: `recipe.yaml`."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, model_validator

from catalog.files.atomic import write_text
from catalog.runs.config import StrictConfig, checked, overlaid, read_sections, section
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig

Quality = Literal["fast", "balanced", "best"]
# YAML reads 2 as a number
Network = Annotated[
    Literal["any", "1", "2", "3", "4", "photos"],
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
]
ROOMS: dict[str, type[StrictConfig]] = {"mosaic": MosaicConfig, "ocr": OcrConfig, "fusion": FusionConfig}
"""The sections beside `fit`, each an overlay of its room's defaults."""
_HEADER = """\
# What `rayonnage fit` does with this catalogue, and why. Change what you like and give it back:
#   rayonnage fit CATALOG --recipe THIS_FILE
# The notes under `choices` are for people; their seconds are estimated anew.
"""
_ABOUT = {
    "mosaic": "the photo networks: what `mosaic train --config THIS_FILE` is told beside its defaults",
    "ocr": "reading: what `ocr train --config THIS_FILE` is told",
    "fusion": "the decision: what `fusion train --config THIS_FILE` is told",
}
NO_SECOND_BACKBONE = (
    "`networks` names `photos`, a second network for single photos, and there is no other backbone for it: give "
    "mosaic.second_backbone, or leave `photos` out"
)
_WIDTH = 110
_FOR_PEOPLE = {"catalog", "fingerprint", "time_s", "quality", "choices", "wanted_s"}
"""Of the section `fit`: what no stage is told. Which catalogue it is, the journal of the fit knows."""


class Choice(StrictConfig):
    """One decision, for people."""

    chosen: str
    """What was decided."""
    why: str
    """The reason."""
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """What it is expected to cost here."""
    instead: str = ""
    """What was left out, and what that would bring."""
    points: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    """Products in a hundred that it brought in our measurements, 0 where that is not known."""


class FitSection(StrictConfig):
    """The section `fit` of a recipe: what the single commands are told beside their own sections."""

    catalog: str
    """The labelled catalogue."""
    tree: str | None = None
    """CSV of its tree, null where the labels are the tree."""
    names: str | None = None
    """CSV of names in other languages."""
    fingerprint: str = ""
    """Of the catalogue that the choices were made for; empty: whatever it is."""
    time_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds that were given, null for as long as it takes."""
    quality: Quality = "balanced"
    """How much is done where time is not what limits it."""
    folds: int | None = Field(default=None, ge=2)
    """Every product is held out once, in so many trainings; null: a share is held out once."""
    held_out: float | None = Field(default=None, ge=0.01, le=0.5)
    """That share, null where there are folds."""
    group: str | None = None
    """Column that names what must stay together."""
    titles_apart: bool = False
    """Products of one title need not stay together, where no column is given for it."""
    min_leaf: int | None = Field(default=None, ge=2)
    """Leaves of fewer products count as the one above them."""
    networks: tuple[Network, ...] = Field(default=("any",), min_length=1)
    """Photo networks, in the order of their training; `photos`: the second backbone, one photo per pass."""
    read: bool = False
    """Whether photos are read (`ocr train`)."""
    wanted_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds that all takes with what was left out; null where nothing was, or nobody knows."""
    choices: dict[str, Choice] = Field(default_factory=dict)
    """What was decided, and why: notes for people. Of those that a stage carries out (`split`, `mosaic-any`,
    `mosaic-2`, `mosaic-photos`, `ocr`, `fusion`) the key is the stage's, and the seconds are its own."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.folds is not None and self.held_out is not None:
            raise ValueError("folds and held_out are both given: set one of them to null")
        if self.networks[0] != "any" or len(set(self.networks)) < len(self.networks):
            raise ValueError("networks names each network once, and `any` first: the others start from it")
        return self


class Rooms(StrictConfig):
    """Configurations of the rooms as overlays of their defaults."""

    mosaic: dict[str, Any] = Field(default_factory=dict)
    """The photo networks."""
    ocr: dict[str, Any] = Field(default_factory=dict)
    """Reading."""
    fusion: dict[str, Any] = Field(default_factory=dict)
    """The decision."""

    @property
    def photo_config(self) -> MosaicConfig:
        """Of the photo networks."""
        return checked(MosaicConfig, overlaid(defaults("mosaic"), self.mosaic), "section mosaic")

    @property
    def reading_config(self) -> OcrConfig:
        """Of reading."""
        return checked(OcrConfig, overlaid(defaults("ocr"), self.ocr), "section ocr")

    @property
    def decision_config(self) -> FusionConfig:
        """Of the decision."""
        return checked(FusionConfig, overlaid(defaults("fusion"), self.fusion), "section fusion")

    def check(self, what: str) -> None:
        """Raise ValueError, which begins with `what`, where a section is none of its room's configurations."""
        for name in ROOMS:
            self._checked(name, f"{what}, section {name}")

    def _checked(self, name: str, what: str) -> StrictConfig:
        return checked(ROOMS[name], overlaid(defaults(name), getattr(self, name)), what)


class Overlays(Rooms):
    """Any configuration file of ours: what it does not say is left to `fit`, what it says is obeyed."""

    fit: dict[str, Any] = Field(default_factory=dict)
    """Keys of `FitSection` that are settled."""

    def check(self, what: str) -> None:
        """See `Rooms.check`."""
        checked(_Partial, {"fit": {"catalog": "", **self.fit}}, what)
        super().check(what)


class Recipe(Rooms):
    """The choices of `fit`, and what the rooms are told."""

    fit: FitSection
    """The choices."""

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read what `save` wrote, or somebody has changed.

        Raises:
            ValueError: an unknown key (the nearest one is named) or a value that is not allowed; all faults are named.
            FileNotFoundError: there is none.
        """
        given = given_recipe(str(path))
        if not isinstance(given, Recipe):
            raise ValueError(
                f"recipe {path} names no catalogue: give it to `rayonnage fit --recipe`, which completes it"
            )
        return given

    def save(self, path: Path) -> None:
        """Write it as YAML with what to know about it, whole or not at all."""
        write_text(path, self.to_yaml())

    def to_yaml(self) -> str:
        """As it is saved."""
        values = self.model_dump(mode="json")
        parts = [_HEADER, _yaml({"fit": values["fit"]})]
        parts += [f"# {about}\n{_yaml({name: values[name]})}" for name, about in _ABOUT.items() if values[name]]
        return "\n".join(parts)

    def check(self, what: str) -> None:
        """See `Rooms.check`; a second network must be one."""
        super().check(what)
        if "photos" in self.fit.networks and self.photo_config.second_backbone is None:
            raise ValueError(f"{what}: {NO_SECOND_BACKBONE}")

    def digest(self) -> str:
        """Of what changes the model, in hexadecimal: neither notes for people nor where the catalogue lies."""
        fit = self.fit.model_dump(mode="json", exclude=_FOR_PEOPLE)
        rooms = {name: self._checked(name, f"section {name}").model_dump(mode="json") for name in ROOMS}
        text = json.dumps({"fit": fit, **rooms}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class _Partial(StrictConfig):
    """For the names of what is wrong in a section `fit` that leaves some of its keys out."""

    fit: FitSection


def given_recipe(name: str) -> Recipe | Overlays:
    """A recipe, or what is settled before `fit` chooses the rest; a file, or the name of a shipped configuration.

    It is a recipe where its section `fit` names the catalogue.

    Raises:
        ValueError: an unknown key (the nearest one is named) or a value that is not allowed; all faults are named.
        FileNotFoundError: no such file.
    """
    sections = {key: values for key, values in read_sections(name).items() if values}
    what = f"recipe {name}"
    is_whole = "catalog" in sections.get("fit", {})
    given = checked(Recipe, sections, what) if is_whole else checked(Overlays, sections, what)
    given.check(what)
    return given


@functools.cache
def defaults(room: str) -> Mapping[str, Any]:
    """A room's packaged configuration, read once: hundreds of plans are weighed before one is chosen."""
    return section(room)


class _Dumper(yaml.SafeDumper):
    """Short lists stand on one line, nothing is said by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # between single quotes PyYAML writes a line separator of Unicode as one blank more than it reads
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _SEPARATOR.search(text) else None)


_SEPARATOR = re.compile("[\x85\u2028\u2029]")
_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, lambda dumper, values: dumper.represent_sequence(_LIST, values, flow_style=True))
_LIST = "tag:yaml.org,2002:seq"


def _yaml(values: dict[str, Any]) -> str:
    text: str = yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )
    return text
