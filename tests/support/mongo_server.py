"""A server that speaks MongoDB's protocol, started once; and a proxy that cuts the connections to it."""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.support.products import make_product

PASSWORD = "s3cr/t:p@ss%"


class CuttingProxy:
    """Passes bytes between clients and a server, and cuts each connection after some of them.

    The first `cuts` connections that carry more than `smallest` bytes end after a random number of bytes.
    """

    def __init__(self, port: int, seed: int, cuts: int, smallest: int, largest: int) -> None:
        self.server, self.left, self.n_cut = ("127.0.0.1", port), cuts, 0
        self.random, self.smallest, self.largest = random.Random(seed), smallest, largest
        self.back = 0.0
        self.lock, self.open = threading.Lock(), list[socket.socket]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if time.monotonic() < self.back:
                    client.close()
                    continue
                upstream = socket.create_connection(self.server)
                with self.lock:
                    self.open += [client, upstream]
                    budget = [self.random.randint(self.smallest, self.largest)]
                for pair in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self.carry, args=(*pair, budget), daemon=True).start()

    def carry(self, source: socket.socket, target: socket.socket, budget: list[int]) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                with self.lock:
                    budget[0] -= len(data)
                    cut = budget[0] < 0 and self.left > 0
                    self.left -= cut
                    self.n_cut += cut
                if cut:
                    # half of what came still passes: a message ends in its middle
                    target.sendall(data[: len(data) // 2])
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def down(self, seconds: float) -> None:
        """Cut everything, and let nobody in for a while."""
        self.back = time.monotonic() + seconds
        for end in self.open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for end in (self.listener, *self.open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture(scope="session")
def mongo_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a server that runs as long as the tests."""
    from secantus import SecantusDBServer

    server = SecantusDBServer(storage_path=str(tmp_path_factory.mktemp("mongo")), replica_set_name=None)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture(scope="session")
def locked_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that asks who is there: `reader`, who may read 30 products in `shop.products`."""
    from pymongo import MongoClient
    from secantus import SecantusDBServer

    folder = str(tmp_path_factory.mktemp("locked"))
    with SecantusDBServer(storage_path=folder, replica_set_name=None) as server, MongoClient(server.uri) as client:
        client.admin.command("createUser", "reader", pwd=PASSWORD, roles=[{"role": "read", "db": "shop"}])
        client.shop.products.insert_many([make_product(i, 11 + i % 3, 1) for i in range(30)])
    server = SecantusDBServer(storage_path=folder, replica_set_name=None, require_auth=True)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture
def mongo(mongo_port: int) -> Iterator[Any]:
    """A collection of its own for the test, not yet there; `uri_of(mongo)` is what a user would give."""
    from pymongo import MongoClient

    with MongoClient("127.0.0.1", mongo_port) as client:
        name = f"shop-{uuid.uuid4().hex[:8]}"
        yield client[name]["products"]
        client.drop_database(name)


def uri_of(collection: Any, port: int | None = None) -> str:
    """What a user would give for it."""
    host, own = collection.database.client.address
    # behind a proxy: a driver that polls notices a cut at once, one that listens up to half a second later
    options = "" if port is None else "?serverMonitoringMode=poll&directConnection=true"
    return f"mongodb://{host}:{port or own}/{collection.database.name}.{collection.name}{options}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits between attempts."""
    from pymongo import common

    from catalog.sources.mongo import connection

    monkeypatch.setattr(common, "MIN_HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(connection, "WAITS", (0.02,) * 8)


@pytest.fixture
def proxy(mongo_port: int, quick: None) -> Iterator[Callable[..., CuttingProxy]]:
    """Make proxies before the server: `proxy(seed, cuts=..., smallest=..., largest=...)`."""
    made = []

    def make(seed: int, cuts: int = 5, smallest: int = 1500, largest: int = 30_000) -> CuttingProxy:
        made.append(CuttingProxy(mongo_port, seed, cuts, smallest, largest))
        return made[-1]

    yield make
    for one in made:
        one.close()
