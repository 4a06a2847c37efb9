"""The pages' words in French and English: `words/*.csv`, a row `key,en,fr` each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "fr")
NO_BREAK = "\N{NO-BREAK SPACE}"
FRENCH_SPACES = re.compile(r" (?=[;:?!%»])|(?<=«) ")
"""Where French typography lets no line end."""


@cache
def all_words() -> dict[str, dict[str, str]]:
    """Every sentence by language and key; keys begin with the page that uses them: `review.skip`."""
    words: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for file in sorted(files("rayonnage.web").joinpath("words").iterdir(), key=lambda file: file.name):
        for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))):
            for language in LANGUAGES:
                if row["key"] in words[language]:
                    raise ValueError(f"{file.name}: {row['key']} stands twice")
                words[language][row["key"]] = row[language]
            words["fr"][row["key"]] = FRENCH_SPACES.sub(NO_BREAK, row["fr"])
    return words


class PageWords:
    """Sentences in one language: `words("review.left", n=12)` fills `{n}`."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._words = all_words()[self.language]

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key; raises KeyError where there is none."""
        sentence = self._words[key]
        return sentence.format(**values) if values else sentence

    def number(self, value: float, digits: int = 0) -> str:
        """A number as the language writes it: `1,234.5`, `1 234,5`."""
        text = f"{value:,.{digits}f}"
        return text if self.language == "en" else text.replace(",", NO_BREAK).replace(".", ",")

    def percent(self, share: float, digits: int = 0) -> str:
        """A measured share in [0, 1]: `66.6%`, `66,6 %`."""
        return self.number(100 * share, digits) + ("%" if self.language == "en" else f"{NO_BREAK}%")

    def size(self, n_bytes: float) -> str:
        """Bytes as people read them: `512 kB`, `3.2 GB`; `512 ko`, `3,2 Go`."""
        byte = "B" if self.language == "en" else "o"
        for unit, size in (("G", 1e9), ("M", 1e6)):
            if n_bytes >= size:
                return f"{self.number(n_bytes / size, 1)}{NO_BREAK}{unit}{byte}"
        return f"{self.number(max(n_bytes, 1000) / 1e3)}{NO_BREAK}k{byte}"

    def of(self, page: str) -> Mapping[str, str]:
        """All sentences of a page, without its name before the keys: what its script takes."""
        return {key[len(page) + 1 :]: text for key, text in self._words.items() if key.startswith(f"{page}.")}


def language_asked(cookie: str | None, accept: str) -> str:
    """The language chosen on the page, else the first of the browser's (`Accept-Language`) that is known."""
    if cookie in LANGUAGES:
        return cookie
    wanted = []
    for place, part in enumerate(accept.split(",")):
        code, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, code[:2].lower()))
        except ValueError:
            continue
    return next((code for _, _, code in sorted(wanted) if code in LANGUAGES), LANGUAGES[0])
