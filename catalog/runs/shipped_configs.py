"""The configurations that ship inside the installed package."""

from pathlib import Path

# a link to the checkout's configs/, so that an installation from it carries them inside a package of ours
SHIPPED = Path(__file__).parent / "configs"
EXAMPLES = {"mosaic": "training.epochs=3", "ocr": "engine.name=tesseract", "fusion": "target_precision=0.9"}
"""A key of each package's configuration with a value that it may have."""


def shipped_configs() -> list[str]:
    """Names of the YAML files, such as `shelf` or `cdiscount/vgg16`."""
    return sorted(path.relative_to(SHIPPED).with_suffix("").as_posix() for path in SHIPPED.rglob("*.yaml"))
