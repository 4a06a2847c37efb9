"""The process that serves: its socket, its signals, its log."""

from __future__ import annotations

import uvicorn

from catalog.cli_options import say
from rayonnage.web.app import create_app
from rayonnage.web.settings import ServerSettings


def run_server(settings: ServerSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    say(f"http://{settings.host}:{settings.port}/ (Ctrl-C ends it)")
    config = uvicorn.Config(create_app(settings), settings.host, settings.port, log_level="warning")
    uvicorn.Server(config).run()
