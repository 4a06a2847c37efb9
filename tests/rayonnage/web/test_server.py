"""The process: what it refuses to begin, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.types import Receive, Scope, Send

from rayonnage.cli import main
from rayonnage.web import command
from rayonnage.web.places import workspace_folder
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.server import server_config
from rayonnage.web.settings import ServerSettings
from tests.support.served import PATIENCE_S, get, serving

PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from types import SimpleNamespace
from rayonnage.web import server
from rayonnage.web.settings import ServerSettings
from tests.support.served import PATIENCE_S, get
make = server.create_app
def create_app(settings):
    app = make(settings)
    @app.get("/v1/wait")
    async def wait() -> str:
        print("asked", flush=True)
        while not Path(sys.argv[1], "go").exists():
            await asyncio.sleep(0.01)
        return "waited"
    @app.get("/v1/hang")
    def hang() -> None:
        print("asked", flush=True)
        time.sleep(600)
    return app
server.create_app = create_app
server._require_model = lambda settings: SimpleNamespace(folder=Path("run-1"))
server.run_server(ServerSettings(Path(sys.argv[1]), port=int(sys.argv[2])))
"""


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def process(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server whose model is not asked."""
    (tmp_path / "workspace.json").write_text('{"latest": {}}', encoding="utf-8")
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = started.stdout.readline()
    assert (
        said == f"http://127.0.0.1:{port}/ answers with run-1, and everybody on this machine may ask (Ctrl-C ends it)\n"
    )
    while started.poll() is None and not listens(port):
        time.sleep(0.05)
    yield started
    started.kill()
    started.wait()
    started.stdout.close()
    started.stderr.close()


def listens(port: int) -> bool:
    """Whether anybody may connect."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_signal_lets_requests_end(process: subprocess.Popen[str], port: int, tmp_path: Path):
    answers = []
    asked = threading.Thread(target=lambda: answers.append(get(f"http://127.0.0.1:{port}/v1/wait").json()))
    asked.start()
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGTERM)
    while listens(port):
        time.sleep(0.05)
    assert answers == []
    (tmp_path / "go").touch()
    asked.join()
    assert answers == ["waited"]
    assert process.wait(timeout=PATIENCE_S) == 0
    assert process.stderr.read() == "ends after the requests under way; once more ends it at once\n"


def test_a_second_signal_ends_at_once(process: subprocess.Popen[str], port: int):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /v1/hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        while listens(port):
            time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 128 + signal.SIGTERM


def said_of(*arguments: str) -> str:
    """What the command refuses to do."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    return done.output


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace without runs."""
    (tmp_path / "workspace.json").write_text(json.dumps({"latest": {}}), encoding="utf-8")
    return tmp_path


def test_a_network_needs_tokens(workspace: Path, tmp_path: Path):
    said = said_of("serve", str(workspace), "--host", "0.0.0.0")
    assert "everybody who reaches this machine could ask" in said
    assert "rayonnage token NAME --file tokens.tsv" in said
    tokens = tmp_path / "tokens.tsv"
    tokens.touch(0o600)
    assert "lets nobody in" in said_of("serve", str(workspace), "--token", str(tokens))
    TokenFile(tokens).add("zoe")
    tokens.chmod(0o622)
    assert "chmod 600" in said_of("serve", str(workspace), "--token", str(tokens))


def test_a_model_that_is_missing(workspace: Path):
    assert "run `rayonnage fit CATALOG" in said_of("serve", str(workspace))
    assert "is no workspace" in said_of("serve", str(workspace / "nothing"))
    assert "nowhere" in said_of("serve", str(workspace), "--run", str(workspace / "nowhere"))


def test_a_port_that_is_taken(workspace: Path, port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rayonnage.web.server._require_model", lambda settings: None)
    with socket.create_server(("127.0.0.1", port)):
        said = said_of("serve", str(workspace), "--port", str(port))
    assert f"another program listens at port {port} of 127.0.0.1: --port " in said
    assert said.endswith(" is free\n")
    assert "--host names one's own" in said_of(
        "serve", str(workspace), "--host", "192.0.2.1", "--token", _tokens(workspace)
    )


def _tokens(folder: Path) -> str:
    TokenFile(folder / "tokens.tsv").add("zoe")
    return str(folder / "tokens.tsv")


def test_an_extra_that_is_missing(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(command.NEEDED, "no_such_module", "no-such-package")
    said = said_of("serve", str(workspace))
    assert "no-such-package is not installed" in said
    assert "-m pip install 'rayonnage[web]'" in said


def test_tokens_by_command(tmp_path: Path):
    path = tmp_path / "tokens.tsv"
    made = CliRunner().invoke(main, ["token", "zoe", "--file", str(path)])
    token = made.stdout.strip()
    assert TokenFile(path).owner_of(token).name == "zoe"
    assert "shown this once" in made.stderr
    assert token not in made.stderr
    assert CliRunner().invoke(main, ["token", "--file", str(path)]).stdout.startswith("zoe\t20")
    assert CliRunner().invoke(main, ["token", "zoe", "--file", str(path), "--revoke"]).exit_code == 0
    assert "zoe has no token" in said_of("token", "zoe", "--file", str(path), "--revoke")
    assert "say whose" in said_of("token", "--file", str(path), "--revoke")


def test_forwarded_headers_are_believed_from_named_proxies_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # uvicorn's own variable must not open what no option opened
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope["client"][0], scope["scheme"]))

    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    seen: list[tuple[str, str]] = []
    for proxies in ((), ("192.0.2.7",), ("127.0.0.1",)):
        config = server_config(app, ServerSettings(tmp_path, proxies=proxies))
        config.load()
        scope = {"type": "http", "client": ("127.0.0.1", 5), "scheme": "http", "headers": headers}
        asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [("127.0.0.1", "http"), ("127.0.0.1", "http"), ("203.0.113.9", "https")]


def test_a_workspace_in_which_nothing_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its pages are there: the first model is made on one of them."""
    monkeypatch.chdir(tmp_path)
    # the second time, too: a server leaves its key there
    for _ in range(2):
        with serving(ServerSettings(workspace_folder(Path("runs"))), ready=False):
            pass
    assert (tmp_path / "runs" / "session.key").is_file()
    (tmp_path / "new" / "fits").mkdir(parents=True)
    settings = ServerSettings(workspace_folder(tmp_path / "new"))
    with serving(settings, ready=False) as address:
        for path in ("", "fits", "runs", "review", "browse", "jobs", "help"):
            assert get(f"{address}/{path}", headers={"Accept": "text/html"}).status_code < 500, path
        assert "rayonnage fit CATALOG" in get(f"{address}/readyz").text
        assert 'href="./fits"' in get(address).text
    (tmp_path / "new" / "photo.jpg").touch()
    with pytest.raises(FileNotFoundError, match="rayonnage fit CATALOG --workspace"):
        workspace_folder(tmp_path / "new")
