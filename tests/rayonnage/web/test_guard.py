"""The bounds of every request, the headers of every answer, and every error as its reader reads it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import limits.storage.memory
import pytest
from fastapi import File, Request, UploadFile
from starlette.testclient import TestClient

from rayonnage.web.app import create_app
from rayonnage.web.security import rates
from rayonnage.web.security.headers import CONTENT_POLICY, written_page_headers
from rayonnage.web.security.rates import ClientRates, client_of
from rayonnage.web.settings import RequestLimits, ServerSettings

PAGE = {"accept": "text/html,application/xhtml+xml"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NAMED = '<img src=x onerror="alert(1)">'


def client_with(folder: Path, **limits: float) -> TestClient:
    """A client of an application with routes that read, wait and fail."""
    app = create_app(ServerSettings(folder, limits=RequestLimits(**limits)))

    @app.post("/v1/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.post("/v1/files")
    def read_files(files: Annotated[list[UploadFile], File()]) -> list[bool]:
        return [isinstance(file.file.rollover, object) and file.file._rolled for file in files]

    @app.get("/v1/wait")
    async def wait() -> None:
        await asyncio.sleep(30)

    @app.get("/v1/hang")
    def hang() -> None:
        ENDED.wait(300)

    @app.get("/v1/fail")
    @app.get("/fail")
    def fail() -> None:
        raise KeyError(NAMED)

    return TestClient(app, base_url="http://localhost", follow_redirects=False)


ENDED = threading.Event()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """With the limits of every day."""
    return client_with(tmp_path)


def chunks(size: int, count: int) -> Iterator[bytes]:
    """A body whose length nobody knows."""
    for _ in range(count):
        yield b"x" * size


def test_headers_of_every_answer(client: TestClient):
    for path in ("/", "/healthz", "/nowhere", "/v1/fail", "/static/app.css"):
        headers = client.get(path, headers=PAGE).headers
        assert headers["content-security-policy"] == CONTENT_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=(self)" in headers["permissions-policy"]
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
    assert "sandbox" in written_page_headers()["Content-Security-Policy"]
    assert "script" not in written_page_headers()["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/help", "/healthz", "/static/app.css", "/v1/nothing"])
def test_head_is_answered_as_get_without_the_body(client: TestClient, path: str):
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.get("content-type") == get.headers["content-type"]
    assert client.head("/v1/read").status_code == client.get("/v1/read").status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nowhere", 404), ("POST", "/healthz", 405), ("POST", "/v1/files", 422), ("GET", "/v1/fail", 500)],
)
def test_programs_get_problems(client: TestClient, method: str, path: str, status: int):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize(("language", "title"), [("en", "There is nothing here"), ("fr", "Il n’y a rien ici")])
def test_people_get_a_page(client: TestClient, language: str, title: str):
    answer = client.get("/nowhere", headers=PAGE | {"accept-language": language})
    assert answer.status_code == 404
    assert f"<h1>{title}</h1>" in answer.text


def test_a_fault_tells_its_reason_to_the_log_alone(client: TestClient, caplog: pytest.LogCaptureFixture):
    for path in ("/fail", "/v1/fail"):
        answer = client.get(path, headers=PAGE)
        assert answer.status_code == 500
        assert "KeyError" not in answer.text
        assert "onerror" not in answer.text
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "GET /fail failed", "GET /v1/fail failed"
    ]  # fmt: skip
    assert "KeyError" in caplog.text


@pytest.mark.parametrize("content", [b"x" * 2001, chunks(100, 21)], ids=["with its length", "in chunks"])
def test_bodies_are_bounded(tmp_path: Path, content: bytes | Iterator[bytes]):
    client = client_with(tmp_path, body_bytes=2000)
    assert client.post("/v1/read", content=chunks(100, 20)).json() == 2000
    answer = client.post("/v1/read", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("content", [b"x" * 2**19, chunks(2**14, 32)], ids=["with its length", "in chunks"])
def test_forms_without_files_are_small(client: TestClient, content: bytes | Iterator[bytes]):
    assert client.post("/login", content=content, headers=FORM).status_code == 413


def test_a_length_that_is_none(client: TestClient):
    for said in ("-1", "1e3", "x"):
        assert client.post("/v1/read", headers={"content-length": said}).status_code == 413


def test_all_bodies_together_are_bounded(tmp_path: Path):
    client = client_with(tmp_path, in_flight_bytes=1000)
    # each is let go when it is answered
    for _ in range(5):
        assert client.post("/v1/read", content=b"x" * 600).json() == 600
    answer = client.post("/v1/read", content=b"x" * 1001)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert client.post("/v1/read", content=b"x" * 600).json() == 600


def test_files_of_a_form_are_counted_and_stay_in_memory(tmp_path: Path):
    client = client_with(tmp_path, products=1, fields=2)
    files = [("files", ("a.jpg", b"x" * 3_000_000))]
    assert client.post("/v1/files", files=files * 4).json() == [False] * 4
    answer = client.post("/v1/files", files=files * 5)
    assert answer.status_code == 400
    assert "Too many files" in answer.json()["detail"]
    assert client.post("/v1/files", files=files, data={"a": "1", "b": "2", "c": "3"}).status_code == 400


@pytest.mark.parametrize("content", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\xff" * 50])
def test_damaged_forms(client: TestClient, caplog: pytest.LogCaptureFixture, content: bytes):
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data"):
        answer = client.post("/v1/files", content=content, headers={"content-type": kind})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
    assert caplog.text == ""


@pytest.mark.parametrize(
    "charset", ["punycode", '"punycode"', "idna", "unicode_escape", "undefined", "utf-7", "utf-16", "no-such"]
)
def test_forms_are_in_one_encoding(client: TestClient, charset: str):
    """Decoding this with Python's `punycode` takes longer than the test may."""
    name, long = b'Content-Disposition: form-data; name="title"', b"a-" + b"9" * 900_000
    form = b"--x\r\n" + name + b"\r\n\r\n" + long + b"\r\n--x--\r\n"
    for path in ("/v1/files", "/v1/predict", "/classify"):
        kind = f"Multipart/Form-Data; boundary=x; CharSet={charset}"
        answer = client.post(path, content=form, headers={"content-type": kind})
        assert answer.status_code == 415
        assert answer.json()["field"] == "Content-Type"


@pytest.mark.parametrize("charset", ["UTF-8", "us-ascii", '"utf-8"'])
def test_forms_may_say_that_they_are_utf8(client: TestClient, charset: str):
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nb\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    assert client.post("/v1/files", content=form, headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/wait", "/v1/hang"])
def test_a_request_ends_in_time(tmp_path: Path, path: str):
    """Also where a thread hangs, which nothing can end."""
    ENDED.clear()
    threading.Timer(2, ENDED.set).start()
    answer = client_with(tmp_path, longest_s=0.2).get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_who_asks_too_often_waits(tmp_path: Path):
    client = client_with(tmp_path, others_per_minute=3)
    assert [client.get("/healthz").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/healthz", headers=PAGE)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "<h1>Too many requests</h1>" in answer.text
    assert client.get("/static/app.css").status_code == 200


def test_clients_are_counted_apart_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rates, "MAX_CLIENTS", 3)
    counted = ClientRates(RequestLimits(others_per_minute=2, per_minute=1))
    assert [counted.seconds_to_wait("a", "/") for _ in range(2)] == [0, 0]
    assert counted.seconds_to_wait("a", "/") > 50
    assert counted.seconds_to_wait("a", "/v1/predict") == 0
    assert counted.seconds_to_wait("a", "/v1/predict") > 50
    assert counted.seconds_to_wait("b", "/") == 0
    assert [counted.seconds_to_wait(f"{n}", "/") for n in range(2)] == [0, 0]
    assert counted.seconds_to_wait("many more", "/") > 50
    assert counted.seconds_to_wait("b", "/") == 0


def test_requests_start_no_thread_each_and_old_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    others, now = set(threading.enumerate()), 1000.0

    def timers() -> set[threading.Thread]:
        return {one for one in threading.enumerate() if isinstance(one, threading.Timer)} - others

    monkeypatch.setattr(limits.storage.memory, "time", SimpleNamespace(time=lambda: now))
    monkeypatch.setattr(rates, "FORGET_EVERY_S", 600.0)
    counted = ClientRates(RequestLimits(others_per_minute=100))
    # the library's own first one
    for one in timers():
        one.join()
    assert counted.seconds_to_wait("a", "/") == 0
    [timer] = timers()
    assert [counted.seconds_to_wait("a", "/") for _ in range(5)] == [0] * 5
    assert timers() == {timer}
    now += 61
    assert counted.seconds_to_wait("b", "/") == 0
    timer.function()
    timer.cancel()
    assert [len(hits) for hits in counted._storage.events.values()] == [0, 1]


def test_an_ipv6_client_is_its_network():
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff") != client_of("2001:db8:0:1::1")
    assert (client_of("192.0.2.1"), client_of("testclient")) == ("192.0.2.1", "testclient")


def test_names_are_no_markup(client: TestClient):
    for text in (
        client.get(f"/login?next={NAMED}", headers=PAGE).text,
        client.get(f"/{NAMED}", headers=PAGE).text,
        client.get("/", headers=PAGE | {"host": NAMED}).text,
    ):
        assert "<img src=x" not in text
    answer = client.get(f"/v1/{NAMED}")
    assert json.loads(answer.text)["status"] == 404
