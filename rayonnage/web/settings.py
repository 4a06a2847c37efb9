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
        seconds: that an answer may take, waiting included; per_minute: requests for predictions of one client.
        waiting: products that wait for the model; more are sent away with `Retry-After`.
    """

    products: int = 64
    photo_bytes: int = 16 * 2**20
    body_bytes: int = 96 * 2**20
    seconds: float = 60.0
    per_minute: int = 1200
    waiting: int = 256

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
    """

    workspace: Path
    run: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: Path | None = None
    limits: RequestLimits = field(default_factory=RequestLimits)

    @property
    def is_local(self) -> bool:
        """Only programs on this machine can ask."""
        return self.host in {"127.0.0.1", "::1", "localhost"}
