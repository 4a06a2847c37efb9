"""The connection to one MongoDB collection: opened when asked, once per process; dropped ones are taken up again."""

import logging
import os
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from catalog.files.wording import listed
from catalog.sources.bson.document import BROKEN_TEXT
from catalog.sources.mongo.address import PASSWORD, USERNAME, MongoAddress

T = TypeVar("T")
log = logging.getLogger(__name__)
Fields = dict[str, Any]

WAITS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Seconds before each further attempt; a request that has got something since counts from the start."""
DEFAULTS = {"serverSelectionTimeoutMS": 5000, "connectTimeoutMS": 10_000, "socketTimeoutMS": 120_000}
"""Milliseconds, where the URI does not say otherwise."""
AUTHENTICATION_FAILED, UNAUTHORIZED = (18, 8000), 13
INTERRUPTED = frozenset({43, 175, 237, 262, 11000, 11600, 11601, 11602})
"""Error codes of requests that another attempt may answer: the cursor is gone, the server is stopping or was told to,
two upserts of one `_id` met."""
MAX_NAMED = 12
TOLERANT: CodecOptions[Fields] = CodecOptions(
    unicode_decode_error_handler=BROKEN_TEXT, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Values that Python cannot hold (years over 9999, broken text) do not stop a reading."""


class Connection:
    """One collection of a MongoDB server. It pickles as its address, for a worker's memory alone: with the password."""

    def __init__(self, address: MongoAddress) -> None:
        self.address = address
        self._client: MongoClient | None = None
        self._process = 0
        self._has_answered = False

    def __reduce__(self) -> tuple[Any, ...]:
        return Connection, (self.address,)

    @property
    def client(self) -> MongoClient:
        """This process's client: one that was opened before a fork is not safe after it."""
        if self._client is None or self._process != os.getpid():
            self._client, self._process = self._opened(), os.getpid()
            weakref.finalize(self, _close, self._client, self._process)
        return self._client

    @property
    def collection(self) -> Collection:
        """The collection."""
        return self.client[self.address.database].get_collection(self.address.collection, TOLERANT)

    def answer(self, request: Callable[[], T]) -> T:
        """What the request returns, which must do no harm when it is made twice.

        Raises:
            ConnectionError: no server, or one that keeps dropping the connection.
            ValueError: the server refuses.
        """
        (result,) = self.stream(lambda: [request()])
        return result

    def stream(self, ask: Callable[[], Iterable[T]]) -> Iterator[T]:
        """All documents of a cursor. After a dropped connection `ask` is called again, and asks for what is left.

        Raises:
            ConnectionError: no server, or one that keeps dropping the connection.
            ValueError: the server refuses.
        """
        failures = 0
        while True:
            try:
                for document in ask():
                    failures, self._has_answered = 0, True
                    yield document
                return
            except PyMongoError as error:
                failures = self._after(error, failures)

    def _after(self, error: PyMongoError, failures: int) -> int:
        """Wait before the next attempt and return how many have failed, or raise what people can read."""
        first_contact = isinstance(error, ServerSelectionTimeoutError) and not self._has_answered
        if not _passes(error) or first_contact or failures == len(WAITS):
            self.fail(error)
        # a server that has gone is waited for a minute or two: people should not take that for a hang
        attempt = (failures + 2, len(WAITS) + 1)
        log.warning("waiting for %s (%s), attempt %d of %d", self.address.hosts, type(error).__name__, *attempt)
        time.sleep(WAITS[failures])
        return failures + 1

    def fail(self, error: PyMongoError) -> NoReturn:
        """Raise an error of the driver as a plain one: what, where, what to do."""
        code = error.code if isinstance(error, OperationFailure) else None
        what = self.address.masked(_told(error))
        if isinstance(error, ServerSelectionTimeoutError):
            raise ConnectionError(
                f"{self.address}: no server answers ({what}). Is it running, and are host, port and TLS options right? "
                "?serverSelectionTimeoutMS=30000 waits longer"
            ) from error
        if isinstance(error, AutoReconnect):
            raise ConnectionError(
                f"{self.address}: the connection was dropped {len(WAITS) + 1} times in a row ({what}). Nothing that "
                "was done is lost: give the same command again when the server is reachable"
            ) from error
        if code in AUTHENTICATION_FAILED:
            raise ValueError(
                f"{self.address}: the server refuses the user name or password. Give them in the URI or in "
                f"{USERNAME} and {PASSWORD}; ?authSource=admin names the database that knows the user"
            ) from error
        if code == UNAUTHORIZED:
            who = f"user {self.address.username}" if self.address.username else "nobody without a user name"
            raise ValueError(
                f"{self.address}: {who} may not do this ({what}). Give a user with the rights, in the URI or in "
                f"{USERNAME} and {PASSWORD}"
            ) from error
        raise ValueError(f"{self.address}: {what}") from error

    def require(self) -> Fields:
        """What the server says of the collection (`type`, `info`).

        Raises:
            FileNotFoundError: there is none of that name; the message says what there is.
        """
        database = self.client[self.address.database]
        name = self.address.collection
        infos = self.answer(lambda: list(database.list_collections(filter={"name": name})))
        if infos:
            return dict(infos[0])
        others = self.answer(database.list_collection_names)
        if others:
            there = listed(sorted(others), MAX_NAMED)
            raise FileNotFoundError(f"{self.address}: database {database.name} has no collection {name}, but {there}")
        raise FileNotFoundError(f"{self.address}: there is no database {database.name}{self._databases()}")

    def _databases(self) -> str:
        try:
            names = self.client.list_database_names()
        except PyMongoError:
            # a user of one database alone may not ask
            return ""
        return f"; the server has {listed(sorted(names), MAX_NAMED)}" if names else "; the server is empty"

    def _opened(self) -> MongoClient:
        settings: Fields = {name: value for name, value in DEFAULTS.items() if not self.address.has_option(name)}
        if self.address.username:
            settings |= {"username": self.address.username, "password": self.address.password}
        try:
            with warnings.catch_warnings():
                # the driver only warns of an option that it does not know
                warnings.simplefilter("error", UserWarning)
                return MongoClient(self.address.uri, appname="rayonnage", **settings)
        except (PyMongoError, UserWarning, ValueError, TypeError) as error:
            raise ValueError(f"{self.address}: {self.address.masked(str(error))}") from None


def _passes(error: PyMongoError) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, BulkWriteError):
        failed = (error.details or {}).get("writeErrors", [])
        return bool(failed) and all(one.get("code") in INTERRUPTED for one in failed)
    if isinstance(error, AutoReconnect | CursorNotFound):
        return True
    return isinstance(error, OperationFailure) and error.code in INTERRUPTED


def _told(error: PyMongoError) -> str:
    """The driver's sentence without its settings, and without the documents that it repeats."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        problems = details.get("writeErrors", []) + details.get("writeConcernErrors", [])
        return "; ".join(str(problem.get("errmsg")) for problem in problems[:3])
    if isinstance(error, OperationFailure):
        return str((error.details or {}).get("errmsg", error)) + f", code {error.code}"
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]


def _close(client: MongoClient, process: int) -> None:
    """Close a client in the process that opened it; after a fork its sockets are the parent's."""
    if os.getpid() == process:
        client.close()
