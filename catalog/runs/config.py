"""Strict configuration: packaged YAML <- a YAML of the user <- `--set key=value`, unknown keys refused."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from catalog.product import ProblemLog
from catalog.runs.shipped_configs import EXAMPLES, SHIPPED, shipped_configs

MAX_CONFIG_BYTES = 2**20
SECTIONS = ("fit", "catalog", "mosaic", "ocr", "fusion")
"""Of a configuration file. `fit` holds what a recipe says beside the rooms' own, see `rayonnage.fitting.recipe`."""
STRICT = ConfigDict(extra="forbid")
"""As `__pydantic_config__` of a dataclass: `checked` refuses unknown keys."""


class StrictConfig(BaseModel):
    """Base of all configurations: frozen, unknown keys refused, no defaults (they are written in YAML, once)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
    retired: ClassVar[Mapping[str, object]] = {}
    """Keys of former versions, each with the value that changed nothing: run folders hold all keys of their day, and
    one with this value is read as if the key were not there."""
    added: ClassVar[Mapping[str, object]] = {}
    """Keys that run folders of former versions lack, each with the value that does what they did."""

    @model_validator(mode="before")
    @classmethod
    def _of_this_version(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        known = {key: value for key, value in values.items() if key not in cls.retired or value != cls.retired[key]}
        return {**cls.added, **known}


M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def load_config(model: type[M], package: str, config: str | None = None, overrides: Sequence[str] = ()) -> M:
    """Configuration of one package.

    Args:
        model: the strict model of the package's section.
        package: `mosaic`, `ocr` or `fusion`; names the packaged defaults and the section that is read.
        config: a shipped name such as `debug`, or a path of a YAML file with sections per package.
        overrides: `training.epochs=3`; the value is read as YAML.

    Raises:
        ValueError: unknown key (the nearest valid one is named), wrong type, or a value that is not allowed.
        FileNotFoundError: no such configuration; the shipped ones are named.
    """
    values = section(package, config)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise ValueError(f"--set {override!r}: expected key=value, for instance {EXAMPLES[package]}")
        try:
            nested: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"--set {override!r}: the value is not YAML: {error}") from None
        for part in reversed(key.strip().split(".")):
            nested = {part: nested}
        values = overlaid(values, nested)
    return checked(model, values, f"configuration of {package}")


def section(package: str, config: str | None = None) -> dict[str, Any]:
    """What `load_config` reads of files, unchecked: for a room that asks what another one is configured to do."""
    values = read_sections(package)[package]
    return values if config is None else overlaid(values, read_sections(config).get(package, {}))


def checked(model: type[T], values: object, what: str) -> T:
    """Values as a strict model or a dataclass.

    Raises:
        ValueError: `what` does not fit the model; every fault is named, with the nearest valid key.
    """
    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as error:
        raise ValueError(f"{what}:\n{_explain(error, model)}") from None


def plain(value: object) -> dict[str, Any]:
    """A dataclass in plain JSON types, which `checked` reads back; fields that have their default are left out."""
    values: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json", exclude_defaults=True)
    return values


def _problems(value: object) -> ProblemLog:
    try:
        return ProblemLog.from_json(value)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no log of problems: {error!r}") from None


Problems = Annotated[ProblemLog, PlainValidator(_problems), PlainSerializer(ProblemLog.to_json)]
"""A field for `checked` and `plain`."""


def read_sections(name: str) -> dict[str, dict[str, Any]]:
    """The sections of a shipped configuration or of a YAML file, unchecked; `fit` is what a recipe says beside them.

    Raises:
        ValueError: no configuration, or an unknown section (the nearest one is named).
        FileNotFoundError: no such configuration; the shipped ones are named.
    """
    text = _text_of(name)
    try:
        sections = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"configuration {name}: not YAML: {error}") from None
    except RecursionError:
        raise ValueError(f"configuration {name}: nested too deeply for a configuration") from None
    if not isinstance(sections, dict):
        raise ValueError(f"configuration {name}: {str(sections)[:40]!r} found, expected sections {', '.join(SECTIONS)}")
    for section, values in sections.items():
        if section not in SECTIONS:
            raise ValueError(f"configuration {name}: unknown section {section!r}{_nearest(section, SECTIONS)}")
        if not isinstance(values or {}, dict):
            raise ValueError(f"configuration {name}: section {section} is {values!r}, expected keys and values")
    return {section: values or {} for section, values in sections.items()}


def overlaid(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `top` says in its place, in every depth, `{}` for nothing; neither is changed."""
    values = dict(base)
    for key, value in top.items():
        below = values.get(key)
        # an empty one says something: else no limit that a recipe sets could ever be lifted
        if isinstance(value, Mapping) and value and isinstance(below, Mapping):
            values[key] = overlaid(below, value)
        else:
            values[key] = value
    return values


def _text_of(name: str) -> str:
    shipped = shipped_configs()
    if name in shipped:
        return (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
    path = Path(name)
    if not path.is_file():
        near = difflib.get_close_matches(name, shipped, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise FileNotFoundError(f"no configuration {name!r}{hint} Give a file, or one of {', '.join(shipped)}")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise ValueError(f"{path} is larger than a configuration can be ({MAX_CONFIG_BYTES} bytes)")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"configuration {name} is not UTF-8 text ({error})") from None


def _nearest(name: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"


def _explain(error: ValidationError, model: type[Any]) -> str:
    lines = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            section, key = _model_at(model, fault["loc"][:-1]), str(fault["loc"][-1])
            neutral = getattr(section, "retired", {})
            if key in neutral:
                lines.append(f"  {place}: gone in this version; leave it out, or set it to {json.dumps(neutral[key])}")
            else:
                lines.append(f"  unknown key {place!r}{_nearest(key, _keys_of(section))}")
        elif fault["type"] == "missing":
            lines.append(f"  {place} is missing")
        else:
            lines.append(f"  {place}: {fault['msg']} (got {fault.get('input')!r})")
    return "\n".join(lines)


def _model_at(model: type[Any], place: tuple[int | str, ...]) -> type[Any] | None:
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            # a key of a dictionary of models, or a place in a list of them
            continue
        annotations = (field.annotation, *get_args(field.annotation))
        below = [kind for kind in annotations if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return None
        model = below[0]
    return model


def _keys_of(model: type[Any] | None) -> list[str]:
    if is_dataclass(model):
        return [field.name for field in fields(model)]
    return list(model.model_fields) if model is not None else []
