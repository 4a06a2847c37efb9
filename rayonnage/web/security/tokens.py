"""The file of those who may ask: a name and the digest of a token in each line."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from catalog.files.atomic import write_text
from catalog.files.file_lock import exclusive

log = logging.getLogger(__name__)
PREFIX = "rayonnage_"
"""By which a token that was committed by mistake is found."""
MAX_NAME = 60
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True)
class NamedToken:
    """A token's owner, its SHA-256 in hexadecimal, and the day on which it was made.

    The token has 256 random bits: nobody finds it by trying, so that it needs no slow hash, as passwords do.
    """

    name: str
    digest: str
    made: str

    @property
    def proof(self) -> str:
        """What a session keeps of it: enough to end with it, too little to stand for it."""
        return self.digest[:16]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class TokenFile:
    """The file, read again whenever it has changed: a token revoked there is worth nothing a second later."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tokens: tuple[NamedToken, ...] = ()
        self._seen: tuple[int, ...] = ()
        self._looked = -LOOK_AGAIN_S
        self._said = ""

    def load(self) -> tuple[NamedToken, ...]:
        """What the file says now.

        That others may read it does no harm, as it holds digests: secrets that are mounted into containers are often
        readable.

        Raises:
            OSError: it cannot be read.
            ValueError: others may write it, or a line is none of ours.
        """
        if self.path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ValueError(
                f"{self.path} can be written by others, who could let themselves in: run `chmod 600 {self.path}`"
            )
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return tuple(_parse(line, f"{self.path}:{n}") for n, line in enumerate(lines, 1) if line.strip())

    def owner_of(self, token: str) -> NamedToken | None:
        """The owner of a token; None: it is nobody's."""
        digest = _digest(token)
        # every digest is compared, in constant time: how long it takes says nothing
        same = [known for known in self._current() if hmac.compare_digest(known.digest, digest)]
        return same[0] if same else None

    def owner_by_proof(self, proof: str) -> NamedToken | None:
        """The owner of the token that a session began with; None: it was revoked."""
        return next((known for known in self._current() if known.proof == proof), None)

    def _current(self) -> tuple[NamedToken, ...]:
        if time.monotonic() - self._looked < LOOK_AGAIN_S:
            return self._tokens
        self._looked = time.monotonic()
        try:
            status = self.path.stat()
            seen = status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode
            if seen != self._seen:
                self._tokens, self._seen, self._said = self.load(), seen, ""
        except (OSError, ValueError) as error:
            self._tokens, self._seen = (), ()
            if str(error) != self._said:
                self._said = str(error)
                log.error("nobody is let in: %s", error)
        return self._tokens

    def add(self, name: str) -> str:
        """Make a token for a name; it is returned here, and kept nowhere.

        Raises:
            ValueError: the name has one, or cannot be one.
        """
        _check_name(name)
        token = PREFIX + secrets.token_urlsafe(32)
        with self._changed() as tokens:
            if any(known.name == name for known in tokens):
                raise ValueError(f"{name} has a token: take it back first (--revoke), or choose another name")
            tokens.append(NamedToken(name, _digest(token), datetime.now(UTC).date().isoformat()))
        return token

    def revoke(self, name: str) -> None:
        """Take a name's token back; raises ValueError where there is none."""
        with self._changed() as tokens:
            if all(known.name != name for known in tokens):
                names = ", ".join(known.name for known in tokens) or "nobody"
                raise ValueError(f"{name} has no token in {self.path}; {names} has one")
            tokens[:] = [known for known in tokens if known.name != name]

    @contextmanager
    def _changed(self) -> Iterator[list[NamedToken]]:
        """The file's tokens, to be changed: two commands at once lose none."""
        with exclusive(self.path.with_name(f".{self.path.name}.lock")):
            tokens = list(self.load()) if self.path.exists() else []
            mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else 0o600
            yield tokens
            lines = ["\t".join((known.name, known.digest, known.made)) + "\n" for known in tokens]
            write_text(self.path, "".join(lines))
            self.path.chmod(mode)


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} printable characters and no space at its ends, not {name!r}")


def _parse(line: str, place: str) -> NamedToken:
    parts = line.split("\t")
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{64}", parts[1]):
        # the line itself is not repeated: it may be a token that somebody wrote there
        raise ValueError(
            f"{place} is not a name, a SHA-256 and a date between tabs: `rayonnage token NAME --file FILE` writes such "
            "lines"
        )
    _check_name(parts[0])
    return NamedToken(*parts)
