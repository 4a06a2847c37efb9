"""What `rayonnage serve` was told, and the bounds that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from catalog.product import MAX_IMAGES


@dataclass(frozen=True)
class RequestLimits:
    """Bounds of what a client may ask for.

    Attributes:
        products: in one request; photo_bytes: of one encoded photo; body_bytes: of one request, photos included.
        seconds: that an answer may take, waiting included; longest_s: that any request may take once its body is there.
        per_minute: requests for predictions and searches of one client; others_per_minute: its other ones, photos of
            pages included.
        fields: of one form, beside its files; in_flight_bytes: of all bodies that are being received or answered.
        waiting: products that wait for the model; searches: for similar products that wait or are under way; more of
            them are sent away with `Retry-After`.
    """

    products: int = 64
    photo_bytes: int = 16 * 2**20
    body_bytes: int = 96 * 2**20
    seconds: float = 60.0
    longest_s: float = 120.0
    per_minute: int = 1200
    others_per_minute: int = 6000
    fields: int = 100
    in_flight_bytes: int = 512 * 2**20
    waiting: int = 256
    searches: int = 64

    @property
    def photos(self) -> int:
        """Files in one request."""
        return self.products * MAX_IMAGES


@dataclass(frozen=True)
class ServerSettings:
    """Where the server listens and what it serves.

    Attributes:
        workspace: folder that keeps plan and runs; run: the fusion run that answers, None for the workspace's latest.
        host, port: where it listens; tokens: file of who may ask, None where everybody on this machine may.
        known_hosts: other names that it goes by; proxies: addresses whose `X-Forwarded-*` are believed.
    """

    workspace: Path
    run: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: Path | None = None
    known_hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    limits: RequestLimits = field(default_factory=RequestLimits)

    @property
    def is_local(self) -> bool:
        """Only programs on this machine can ask."""
        return self.host in {"127.0.0.1", "::1", "localhost"}
