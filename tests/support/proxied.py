"""A proxy before the server, which shows it below a path of its own, as a shop's intranet does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from tests.support.served import PATIENCE_S

Message = MutableMapping[str, Any]
OF_ONE_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length"}
"""What a proxy does not hand on (RFC 9110, 7.6.1); the length is counted anew."""


@contextmanager
def proxied(address: str, below: str = "/shop/tools") -> Iterator[str]:
    """Where everything of the server at `address` is found, below that path; links and cookies are left as they are."""
    # asyncio sends at once on what says that it is TCP; else each answer waits 40 ms for the client's word
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        # who asks before the thread is that far waits, and is not refused
        listening.listen()
        config = uvicorn.Config(_Proxy(address, below), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{below}"
        finally:
            server.should_exit = True
            thread.join()


class _Proxy:
    """As `location /shop/tools/ { proxy_pass http://.../; proxy_set_header Host $http_host; }` of nginx."""

    def __init__(self, address: str, below: str) -> None:
        self.address, self.below = address, below.encode()

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        path: bytes = scope["raw_path"]
        if not path.startswith(self.below + b"/"):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"nothing is here"})
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        url = self.address + (path.removeprefix(self.below) + query).decode()
        headers = [pair for pair in scope["headers"] if pair[0] not in OF_ONE_CONNECTION]
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as client,
            client.stream(scope["method"], url, headers=headers, content=body) as answer,
        ):
            kept = [(name.lower(), value) for name, value in answer.headers.raw]
            kept = [pair for pair in kept if pair[0] not in OF_ONE_CONNECTION]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
            async for piece in answer.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
