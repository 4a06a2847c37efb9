"""Which scripts and languages are read, and where those come from that are not."""

from collections.abc import Sequence

from ocr.config import EngineConfig

RAPIDOCR_SCRIPTS = "Latin letters, Chinese and Japanese characters"
"""What the networks in rapidocr's wheel know: one dictionary for all of these languages."""
OTHER_SCRIPTS = frozenset((
    "amh", "ara", "asm", "aze_cyrl", "bel", "ben", "bod", "bul", "chr", "div", "dzo", "ell", "fas", "grc", "guj",
    "heb", "hin", "iku", "kan", "kat", "kaz", "khm", "kir", "kor", "lao", "mal", "mar", "mkd", "mon", "mya", "nep",
    "ori", "pan", "pus", "rus", "san", "sin", "snd", "srp", "syr", "tam", "tat", "tel", "tgk", "tha", "tir", "uig",
    "ukr", "urd", "uzb_cyrl", "yid",
))  # fmt: skip
"""Tesseract's codes of languages in scripts that those networks do not know."""
TWO_LETTERS = {
    "ar": "ara", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng",
    "es": "spa", "et": "est", "fa": "fas", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun",
    "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por",
    "ro": "ron", "ru": "rus", "sk": "slk", "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr",
    "vi": "vie", "zh": "chi_sim",
}  # fmt: skip
"""Tesseract's codes of languages that most people know by two letters."""


def tesseract_code(language: str) -> str:
    """Tesseract's own code: `de` is `deu`."""
    return TWO_LETTERS.get(language.lower(), language)


def install_tesseract(languages: Sequence[str]) -> str:
    """The command that installs the program and these languages."""
    packages = (f"tesseract-ocr-{tesseract_code(language).lower().replace('_', '-')}" for language in languages)
    return " ".join(["apt-get install tesseract-ocr", *packages])


def unread_by_rapidocr(languages: Sequence[str]) -> list[str]:
    """Those of the languages that are written in a script which it does not know."""
    return [language for language in languages if tesseract_code(language).lower() in OTHER_SCRIPTS]


def what_is_read(config: EngineConfig) -> str:
    """The scripts or languages that the configured engine reads, for people."""
    if config.name == "rapidocr":
        return f"rapidocr reads {RAPIDOCR_SCRIPTS}"
    return f"tesseract reads {', '.join(map(tesseract_code, config.languages))}, where they are installed"
