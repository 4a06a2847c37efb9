"""The process that serves: its socket, its signals, its log."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator
from types import FrameType

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from catalog.cli_options import note, say
from catalog.files.taken_signals import signals_taken
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from rayonnage.web.app import create_app
from rayonnage.web.security.connection import HEADER_BYTES, BoundedConnection
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.settings import ServerSettings

log = logging.getLogger(__name__)
DRAIN_S = 30
"""Requests under way when the server is told to end may take that long."""
END_S = 20
"""Beyond it, what the model still computes is given up."""
PORTS_TRIED = 100


class DrainingServer(uvicorn.Server):
    """uvicorn's server, for which the first signal is an orderly end with status 0, and the second one the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C while it serves; uvicorn would raise them anew at the end, for a status of -15."""
        with signals_taken(self.handle_exit):
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after the requests under way; at once when told again, or when that takes too long."""
        if self.should_exit:
            # a thread may compute on: no orderly end would come before it
            os._exit(128 + sig)
        self.should_exit = True
        note("ends after the requests under way; once more ends it at once")
        last = threading.Timer(DRAIN_S + END_S, os._exit, (1,))
        last.daemon = True
        last.start()


def run_server(settings: ServerSettings) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        ValueError: it may not listen there without tokens, or the port is taken; the message says the way out.
        FileNotFoundError: the workspace was begun and has no model; the message names the command that trains one.
    """
    _require_tokens(settings)
    run = _require_model(settings)
    with _listening(settings) as listener:
        app = create_app(settings)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        who = "whoever has a token of " + str(settings.tokens) if settings.tokens else "everybody on this machine"
        address = f"http://{host}:{settings.port}/"
        # a new workspace: its first model can be made on the page
        without = f"has no model yet (teach it your catalogue at {address}fits, or with `rayonnage fit CATALOG`)"
        does = f"answers with {run.folder.name}" if run else without
        say(f"{address} {does}, and {who} may ask (Ctrl-C ends it)")
        # requests have threads of their own: those of NumPy would only wait for each other
        with threadpool_limits(1, "blas"):
            DrainingServer(server_config(app, settings)).run([listener])


def server_config(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    """How uvicorn serves the application: nobody's headers are believed unasked, and nothing is logged of requests.

    Nor of what is no HTTP, which uvicorn would warn of: who sends it is told.
    """
    return uvicorn.Config(
        app, http=BoundedConnection, ws="none", log_config=None, log_level="error", access_log=False,
        server_header=False, proxy_headers=bool(settings.proxies), forwarded_allow_ips=list(settings.proxies),
        h11_max_incomplete_event_size=HEADER_BYTES, timeout_graceful_shutdown=DRAIN_S,
    )  # fmt: skip


def _require_tokens(settings: ServerSettings) -> None:
    if settings.tokens is None and not settings.is_local:
        raise ValueError(
            f"at {settings.host} everybody who reaches this machine could ask: make a token for each of them with "
            "`rayonnage token NAME --file tokens.tsv` and give the file with --token, or leave --host out"
        )
    if settings.tokens is not None and not TokenFile(settings.tokens).load():
        raise ValueError(
            f"{settings.tokens} lets nobody in: make a token with `rayonnage token NAME --file {settings.tokens}`"
        )


def _require_model(settings: ServerSettings) -> Run | None:
    """The model that will answer; None for a workspace in which nothing was begun."""
    if settings.run:
        return Run.load(settings.run, "fusion")
    workspace = Workspace(settings.workspace)
    return workspace.require("fusion") if (workspace.folder / "workspace.json").is_file() else None


def _listening(settings: ServerSettings) -> socket.socket:
    try:
        return _bound(settings.host, settings.port)
    except PermissionError:
        raise ValueError(f"port {settings.port} is the system's: choose one from 1024 on with --port") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(
                f"another program listens at port {settings.port} of {settings.host}: {_free_port(settings)}"
            ) from None
        raise ValueError(
            f"cannot listen at {settings.host}: {error.strerror or error}; --host names one's own"
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # a server that has just ended leaves its port waiting for a minute
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # binding alone does not keep another program from listening there
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _free_port(settings: ServerSettings) -> str:
    for port in range(settings.port + 1, min(settings.port + 1 + PORTS_TRIED, 65536)):
        with contextlib.suppress(OSError), _bound(settings.host, port):
            return f"--port {port} is free"
    return "choose another one with --port"
