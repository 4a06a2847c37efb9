"""Writes `configuration.md` from the configurations' models and the shipped YAML files: `make docs`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

from catalog.runs.config import StrictConfig
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig

PAGE = Path(__file__).with_name("configuration.md")
CONFIGS = Path(__file__).parents[1] / "configs"
MODELS: dict[str, tuple[type[StrictConfig], str]] = {
    "mosaic": (MosaicConfig, "The image branch: `mosaic train`"),
    "ocr": (OcrConfig, "The text branch: `ocr train`"),
    "fusion": (FusionConfig, "The head and its decisions: `fusion train`"),
}
KINDS = {"boolean": "`true` or `false`", "string": "text", "null": "`null`"}
WIDTH = 118

INTRODUCTION = """\
<!-- Written by `make docs` from the configurations' models and the files in configs/; do not edit it here. -->
# Configuration

Every setting has a default, in one YAML file per command: [mosaic.yaml](../configs/mosaic.yaml),
[ocr.yaml](../configs/ocr.yaml) and [fusion.yaml](../configs/fusion.yaml). Two options change them:

- `--config NAME` or `--config FILE.yaml` lays a file over the defaults. It holds one section for each command that it
  configures (`mosaic:`, `ocr:`, `fusion:`) and only the keys that differ.
- `--set KEY=VALUE` changes one key of the command's own section, and may be given several times. It is stronger than
  the file. The value is read as YAML: `true`, `0.5`, `null`, `[LIBRAIRIE, MUSIQUE]`.

A key that does not exist is refused, and the nearest one that does is named. What a run was trained with is kept in its
folder as `config.yaml`.

```bash
mosaic train --n-images 2 --config shelf --set specialist.epochs=3 --set photos_per_batch=16
```
"""

Schema = dict[str, Any]


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION, _shipped()]
    for package, (model, title) in MODELS.items():
        values = yaml.safe_load((CONFIGS / f"{package}.yaml").read_text(encoding="utf-8"))[package]
        parts.append(f"## {title}\n")
        parts += _sections(model.model_json_schema(), values)
    return "\n".join(parts)


def _shipped() -> str:
    """The files that ship beside the defaults, each with the comment at its top."""
    lines = ["## Shipped configurations", ""]
    for path in sorted(CONFIGS.glob("*.yaml")):
        if path.stem not in MODELS:
            comment = [line.lstrip("# ") for line in _leading_comment(path)]
            lines += _item(f"[`{path.stem}`](../configs/{path.name}): {' '.join(comment)}")
    n_recipes = len(list(CONFIGS.glob("cdiscount/*.yaml")))
    lines += _item(
        f"`cdiscount/NAME`: {n_recipes} systems of the Cdiscount challenge, see [the recipes](cdiscount-recipes.md)."
    )
    return "\n".join([*lines, ""])


def _leading_comment(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]


def _sections(schema: Schema, values: Schema) -> list[str]:
    """Keys of a model, then a section for each nested model, which may serve several of its keys."""
    plain, nested = [], dict[str, list[str]]()
    for key, field in schema["properties"].items():
        if "$ref" in field:
            nested.setdefault(field["$ref"].rpartition("/")[2], []).append(key)
        else:
            plain += _item(_key({key: values[key]}, field))
    sections = ["\n".join([*plain, ""])]
    for name, keys in nested.items():
        model = schema["$defs"][name]
        title = " and ".join(f"`{key}`" for key in keys)
        lines = [f"### {title}", "", *textwrap.wrap(_one_line(model["description"]), WIDTH), ""]
        if len(keys) > 1:
            lines += [line for key in keys for line in _item(f"`{key}`: {_description(schema['properties'][key])}")]
            lines.append("")
        for field_name, field in model["properties"].items():
            lines += _item(_key({f"{key}.{field_name}": values[key][field_name] for key in keys}, field))
        sections.append("\n".join([*lines, ""]))
    return sections


def _key(defaults: dict[str, Any], field: Schema) -> str:
    """One entry: `key = default` for each place where the key stands, what is allowed, what it means."""
    places = ", ".join(f"`{key} = {_as_yaml(value)}`" for key, value in defaults.items())
    return f"{places} ({_allowed(field)}): {_description(field)}"


def _item(text: str) -> list[str]:
    return textwrap.wrap(f"- {text}", WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _description(field: Schema) -> str:
    return _one_line(field["description"])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _as_yaml(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000).removesuffix("...\n").strip()


def _allowed(field: Schema) -> str:
    """What a JSON schema allows, in words."""
    if "anyOf" in field:
        # a word such as `auto` first: what follows it may have commas
        return ", or ".join(sorted(map(_allowed, field["anyOf"]), key=lambda words: not words.startswith("`")))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{choice}`" for choice in field.get("enum", [field.get("const")]))
    match field["type"]:
        case "array" if "prefixItems" in field:
            return f"list of {len(field['prefixItems'])}, each: {_allowed(field['prefixItems'][0])}"
        case "array":
            return f"list of: {_allowed(field['items'])}"
        case "object":
            return f"`NAME: value`, each value: {_allowed(field['additionalProperties'])}"
        case kind:
            return ", ".join([KINDS.get(kind, kind), *_bounds(field)])


def _bounds(field: Schema) -> list[str]:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return [f"{word} {field[bound]:,}" for bound, word in words.items() if bound in field]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
