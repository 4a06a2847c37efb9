"""Clients that send or read slowly, or no HTTP at all, on real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.responses import StreamingResponse

from rayonnage.web.app import create_app
from rayonnage.web.security import connection
from rayonnage.web.server import server_config
from rayonnage.web.settings import ServerSettings

LONG_S = 300
START = b"POST /language HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[uvicorn.Server, tuple[str, int]]]:
    """A server that waits half a second where it would wait many."""
    for name in ("HEADERS_S", "BODY_S", "READ_S"):
        monkeypatch.setattr(connection, name, 0.5)
    monkeypatch.setattr(connection, "BODY_BYTES_PER_S", 1000)
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 5)
    settings = ServerSettings(tmp_path)
    app = create_app(settings)

    @app.get("/v1/endless")
    async def endless() -> StreamingResponse:
        return StreamingResponse(iter(lambda: b"x" * 65536, b""))

    server = uvicorn.Server(server_config(app, settings))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        place = listener.getsockname()
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield server, place
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(served: tuple[uvicorn.Server, tuple[str, int]]) -> tuple[str, int]:
    """Where it listens."""
    return served[1]


def seconds_until_left(client: socket.socket, trickle: bytes = b"", every: float = 0.1) -> float:
    """How long the server bears a client that sends some bytes now and then; fails where it does so for long."""
    began = time.monotonic()
    client.settimeout(every)
    while time.monotonic() - began < LONG_S:
        try:
            if trickle:
                client.sendall(trickle)
            if client.recv(65536) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began
    raise AssertionError(f"the server bears the client for more than {LONG_S} s")


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"], ids=["nothing", "half a request"])
def test_headers_that_trickle(address: tuple[str, int], first: bytes):
    with socket.create_connection(address) as client:
        client.sendall(first)
        assert seconds_until_left(client, b"X-Long: y\r\n" if first else b"") > 0.3


def test_headers_of_a_second_request_that_trickle(address: tuple[str, int]):
    """uvicorn's own timer ends with the first byte of them."""
    with socket.create_connection(address) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert seconds_until_left(client, b"X-Long: y\r\n") > 0.3


def test_a_body_that_trickles(address: tuple[str, int]):
    with socket.create_connection(address) as client:
        client.sendall(START + b"Content-Length: 100000\r\n\r\n")
        assert seconds_until_left(client, b"x") > 0.3


def test_a_body_that_comes_steadily_may_take_long(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch):
    # every piece is worth 10 s
    monkeypatch.setattr(connection, "BODY_BYTES_PER_S", 20)
    with socket.create_connection(address) as client:
        client.sendall(START + b"Content-Length: 1617\r\n\r\nlanguage=fr&back=" + b"x" * 200)
        for _ in range(7):
            time.sleep(0.1)
            client.sendall(b"x" * 200)
        assert client.recv(65536).startswith(b"HTTP/1.1 ")


def test_a_body_after_a_refusal_is_not_read_for_ever(address: tuple[str, int]):
    with socket.create_connection(address) as client:
        client.sendall(START + b"Content-Length: 100000000000\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
        seconds_until_left(client, b"x" * 1000, 0.05)


def test_a_client_that_reads_nothing(served: tuple[uvicorn.Server, tuple[str, int]]):
    server, address = served
    with socket.create_connection(address) as client:
        client.sendall(b"GET /v1/endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        began = time.monotonic()
        while not server.server_state.connections and time.monotonic() - began < LONG_S:
            time.sleep(0.01)
        while server.server_state.connections and time.monotonic() - began < LONG_S:
            time.sleep(0.05)
        assert not server.server_state.connections
        assert time.monotonic() - began > 0.3


@pytest.mark.parametrize(
    "said", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 2**16], ids=["nonsense", "long"]
)
def test_what_is_no_http(address: tuple[str, int], said: bytes):
    with socket.create_connection(address) as client:
        client.sendall(said)
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer


def test_connections_are_counted(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch):
    # none is left because its time is over
    monkeypatch.setattr(connection, "HEADERS_S", 10 * LONG_S)
    clients = [socket.create_connection(address) for _ in range(5)]
    with socket.create_connection(address) as one_more:
        seconds_until_left(one_more)
    for client in clients:
        client.close()
