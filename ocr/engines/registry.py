"""The OCR engines by name."""

from collections.abc import Callable

from ocr.config import EngineConfig
from ocr.engines.base import Engine
from ocr.engines.rapid import RapidEngine
from ocr.engines.tesseract import TesseractEngine

ENGINES: dict[str, Callable[[EngineConfig], Engine]] = {"rapidocr": RapidEngine, "tesseract": TesseractEngine}


def make_engine(config: EngineConfig) -> Engine:
    """The engine that a configuration names.

    Raises:
        EngineMissing: it is not installed; the message says what to install.
    """
    return ENGINES[config.name](config)
