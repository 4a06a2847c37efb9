"""The cookie that tells one browser from another: signed, and of no use to anybody's script."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import cookie_parser

log = logging.getLogger(__name__)
KEY_FILE = "session.key"
KEY_BYTES = 32
LASTS_S = 30 * 24 * 3600
"""After that a browser is a new one, and types its token again."""


@dataclass(frozen=True)
class BrowserSession:
    """What the cookie says; proof: of the token it began with, which ends it when it is revoked; empty without one."""

    session: str
    proof: str = ""


class SessionCookies:
    """Makes cookies, and believes only its own."""

    def __init__(self, key: bytes) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="rayonnage-session", signer_kwargs={"digest_method": _sha256})
        # browsers keep no cookies apart by port: two servers on one machine would sign each other's visitors out
        self.name = f"rayonnage-{hashlib.sha256(b'name' + key).hexdigest()[:8]}"

    @classmethod
    def of(cls, workspace: Path) -> SessionCookies:
        """Signed with the workspace's key, so that a restart keeps leases and history, and signs nobody out."""
        return cls(_key_of(workspace))

    def read(self, cookie_header: str) -> BrowserSession | None:
        """The session that a `Cookie` header names; None: none, or not one of ours."""
        try:
            # as browsers write them: at a cookie of another program on this machine that holds JSON, say, Python's
            # `SimpleCookie` gives up, and the visitor would be a new one with every request
            cookie = cookie_parser(cookie_header).get(self.name)
            said = self._signer.loads(cookie, max_age=LASTS_S) if cookie else None
        except BadData:
            return None
        if not isinstance(said, list) or len(said) != 2 or not all(isinstance(part, str) for part in said):
            return None
        return BrowserSession(*said)

    def begin(self, proof: str = "") -> BrowserSession:
        """A new session."""
        return BrowserSession(secrets.token_urlsafe(16), proof)

    def header(self, session: BrowserSession, *, secure: bool) -> str:
        """The `Set-Cookie` that keeps it.

        `Lax`, not `Strict`: a link to a product in a mail must not ask for the token again; what changes something is
        held by its origin, see `is_foreign`.
        """
        value = self._signer.dumps([session.session, session.proof])
        assert isinstance(value, str)
        return self._header(value, LASTS_S, secure)

    def end_header(self, *, secure: bool) -> str:
        """The `Set-Cookie` that forgets it."""
        return self._header("", 0, secure)

    def _header(self, value: str, lasts: int, secure: bool) -> str:
        end = "; Secure" if secure else ""
        return f"{self.name}={value}; HttpOnly; Max-Age={lasts}; Path=/; SameSite=Lax{end}"


def _sha256(data: bytes = b"") -> object:
    return hashlib.sha256(data)


def _key_of(workspace: Path) -> bytes:
    path = workspace / KEY_FILE
    key = secrets.token_bytes(KEY_BYTES)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept_key(path) or key
    except OSError:
        log.warning("%s cannot be written: browsers' sessions end with this server", path)
        return key
    with os.fdopen(file, "wb") as opened:
        opened.write(key)
    return key


def _kept_key(path: Path) -> bytes | None:
    try:
        status, key = path.stat(), path.read_bytes()
    except OSError:
        log.warning("%s cannot be read: browsers' sessions end with this server", path)
        return None
    if status.st_mode & 0o077 or len(key) != KEY_BYTES:
        # who can read it can make sessions of any name
        log.warning("%s could be read by others or is damaged: sessions end with this server; remove it", path)
        return None
    return key
