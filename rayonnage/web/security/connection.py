"""HTTP/1.1 connections that are not held open by clients that send or read too slowly."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from rayonnage.web.problem import MEDIA_TYPE, RequestRefused

HEADERS_S = 10.0
"""In which a request's headers must have come, however many bytes trickle in (slowloris)."""
BODY_S = 20.0
BODY_BYTES_PER_S = 4096
"""A body may take `BODY_S`, and longer as long as it comes at this rate: a photo over a poor mobile network does."""
READ_S = 60.0
"""After which a client that reads nothing of its answer is left."""
HEADER_BYTES = 32 * 2**10
"""Of all headers together; more is answered with 400."""
MAX_CONNECTIONS = 512
"""Below the 1024 files that a process may commonly have open."""


class BoundedConnection(H11Protocol):
    """uvicorn's protocol with deadlines: its own keep-alive timer ends with the first byte of the next request."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._body_began = 0.0
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; one too many is left at once."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._set_deadline(HEADERS_S)

    def data_received(self, data: bytes) -> None:
        """Some bytes came: the deadline of headers stays, that of a body moves."""
        was = self._state()
        super().data_received(data)
        now = self._state()
        if now == "body":
            if was != "body":
                self._body_began, self._body_bytes = self.loop.time(), 0
            self._body_bytes += len(data)
            # what still comes after a refusal is thrown away, for a while
            if not self.cycle.response_complete:
                self._set_deadline(self._body_seconds_left())
        elif now == "answering":
            self._end_deadline()
        elif was != "headers" or self._deadline is None:
            self._set_deadline(HEADERS_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._end_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than the answer is made."""
        super().pause_writing()
        self._reading = self.loop.call_later(READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self.flow is not None:
            super().resume_writing()

    def _state(self) -> str:
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        return "headers" if self.conn.their_state is h11.IDLE else "answering"

    def _body_seconds_left(self) -> float:
        end = self._body_began + BODY_S + self._body_bytes / BODY_BYTES_PER_S
        return max(0.0, end - self.loop.time())

    def _set_deadline(self, seconds: float) -> None:
        self._end_deadline()
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._state() != "body":
            # browsers open connections that they may need: these end politely
            self.transport.close()
        elif self.flow.read_paused:
            # that nothing is read here is not the client's fault: the guard's clock runs for it
            self._body_began += BODY_S
            self._set_deadline(BODY_S)
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or has too many headers."""
        refusal = RequestRefused(400, "this is no HTTP", f"headers of at most {HEADER_BYTES // 2**10} KiB are read")
        body = bytes(refusal.response().body)
        headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), ("Connection", "close")]
        events = (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        # an answer may have begun already: then the connection ends with it
        with contextlib.suppress(h11.LocalProtocolError):
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """No line in the log for each client that would rather speak another protocol."""
