"""Who is let in: hosts, origins, sessions and tokens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from rayonnage.web.app import create_app
from rayonnage.web.security import tokens as token_files
from rayonnage.web.security.session_cookie import SessionCookies
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.settings import ServerSettings
from rayonnage.web.visitor import Visitor, own_name, visitor_of

PAGE = {"accept": "text/html"}


def client_of(settings: ServerSettings, base_url: str = "http://localhost:8000") -> TestClient:
    """A client that follows no redirects, before an application with a route that says who asks."""
    app = create_app(settings)

    @app.api_route("/v1/me", methods=["GET", "POST"])
    async def me(request: Request) -> dict[str, str]:
        visitor = visitor_of(request)
        return {"name": visitor.name, "session": visitor.session}

    return TestClient(app, base_url=base_url, follow_redirects=False)


@pytest.fixture
def local(tmp_path: Path) -> TestClient:
    """A server for this machine alone."""
    return client_of(ServerSettings(tmp_path))


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenFile:
    """A file of tokens, read again at once."""
    monkeypatch.setattr(token_files, "LOOK_AGAIN_S", 0)
    return TokenFile(tmp_path / "tokens.tsv")


@pytest.fixture
def guarded(tmp_path: Path, tokens: TokenFile) -> TestClient:
    """A server in a network, which needs tokens."""
    tokens.add("somebody")
    return client_of(ServerSettings(tmp_path, host="0.0.0.0", tokens=tokens.path))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:8000", "[::1]:8000", "shop.example"])
def test_known_hosts(tmp_path: Path, host: str):
    client = client_of(ServerSettings(tmp_path, known_hosts=("Shop.example",)))
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "192.168.1.2", "", "[", "a@localhost"],
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/static/app.css", "/v1/me"])
def test_pages_of_another_name_reach_nothing(local: TestClient, host: str, path: str):
    """DNS rebinding: a name of theirs points at this machine."""
    answer = local.get(path, headers={"host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "--known-host" in answer.json()["detail"]


def test_a_server_in_a_network_answers_to_its_addresses(guarded: TestClient):
    assert guarded.get("/healthz", headers={"host": "192.168.1.2:8000"}).status_code == 200
    assert guarded.get("/healthz", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "http://localhost:3000"}, {"origin": "null"},
        {"origin": "http://["}, {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site", "origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
    ],
)  # fmt: skip
def test_other_sites_change_nothing(local: TestClient, headers: dict[str, str]):
    assert local.post("/v1/me", headers=headers).status_code == 403
    assert local.get("/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://localhost:8000"}, {"sec-fetch-site": "same-origin", "origin": "https://proxy"}]
)
def test_own_pages_and_programs_change_something(local: TestClient, headers: dict[str, str]):
    answer = local.post("/v1/me", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_browser_gets_a_session_that_survives_a_restart(local: TestClient, tmp_path: Path):
    first = local.get("/", headers=PAGE)
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("rayonnage-")
    assert all(word in cookie for word in ("; HttpOnly", "; SameSite=Lax", "; Path=/"))
    assert "Secure" not in cookie
    me = local.get("/v1/me").json()
    assert me["name"] == own_name()
    assert me["session"] != "local"
    assert "set-cookie" not in local.get("/", headers=PAGE).headers
    restarted = client_of(ServerSettings(tmp_path))
    restarted.cookies = local.cookies
    assert restarted.get("/v1/me").json() == me
    assert (tmp_path / "session.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("other", ['a={"b": "c d"}', "a[]=b", 'a="b', "a", "=", "a=b c", "a=\\"])
def test_cookies_of_other_programs_do_no_harm(local: TestClient, other: str):
    """Browsers keep no cookies apart by port, and every program has its own taste."""
    session = local.get("/", headers=PAGE).headers["set-cookie"].partition(";")[0]
    found = {
        local.get("/v1/me", headers={"cookie": cookie}).json()["session"]
        for cookie in (session, f"{other}; {session}", f"{session}; {other}")
    }
    assert len(found) == 1
    assert found != {"local"}


def test_cookies_of_others_are_not_believed(local: TestClient, tmp_path: Path):
    ours = SessionCookies.of(tmp_path)
    others = SessionCookies(b"x" * 32)
    forged = others.header(others.begin(), secure=False).partition(";")[0].replace(others.name, ours.name)
    for cookie in (forged, f"{ours.name}=x", "=;=;;;", "a" * 5000):
        assert local.get("/v1/me", headers={"cookie": cookie}).json()["session"] == "local"


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    name = SessionCookies.of(tmp_path).name
    (tmp_path / "session.key").chmod(0o644)
    assert SessionCookies.of(tmp_path).name != name
    assert "could be read by others" in caplog.text


def test_everything_needs_a_token(guarded: TestClient):
    for path in ("/", "/v1/me", "/openapi.json", "/nowhere"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert guarded.get("/v1/me", headers={"authorization": "Bearer rayonnage_x"}).status_code == 401
    for path in ("/healthz", "/static/app.css", "/login"):
        assert guarded.get(path).status_code == 200


def test_a_token_of_a_program(guarded: TestClient, tokens: TokenFile):
    header = {"authorization": f"Bearer {tokens.add('Zoé Martin')}"}
    assert guarded.get("/v1/me", headers=header).json()["name"] == "Zoé Martin"
    tokens.revoke("Zoé Martin")
    assert guarded.get("/v1/me", headers=header).status_code == 401


def test_a_token_typed_in_a_browser(guarded: TestClient, tokens: TokenFile):
    token = tokens.add("zoe")
    asked = guarded.get("/browse/products/a?x=1", headers=PAGE)
    assert (asked.status_code, asked.headers["location"]) == (303, "../../login?next=browse/products/a%3Fx%3D1")
    assert 'value="browse/products/a?x=1"' in guarded.get("/login?next=browse/products/a%3Fx%3D1", headers=PAGE).text
    wrong = guarded.post("/login", data={"token": "x", "next": ""}, headers=PAGE)
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    right = guarded.post(
        "/login", data={"token": f" {token} ", "next": "v1/me"}, headers={"origin": "http://localhost:8000"}
    )
    assert (right.status_code, right.headers["location"]) == (303, "./v1/me")
    assert token not in right.headers["set-cookie"]
    assert guarded.get("/v1/me").json()["name"] == "zoe"
    assert "Sign out" in guarded.get("/", headers=PAGE).text
    # the browser says how it came here, whatever the proxy says
    https = guarded.post(
        "/login", data={"token": token}, headers={"sec-fetch-site": "same-origin", "origin": "https://a"}
    )
    assert https.headers["set-cookie"].endswith("; Secure")
    tokens.revoke("zoe")
    assert guarded.get("/v1/me").status_code == 401


def test_signing_out(guarded: TestClient, tokens: TokenFile):
    guarded.post("/login", data={"token": tokens.add("zoe")})
    assert guarded.get("/v1/me").status_code == 200
    assert "<nav" in guarded.get("/login", headers=PAGE).text
    out = guarded.post("/logout")
    assert (out.headers["location"], out.headers["clear-site-data"]) == ("./login", '"cache"')
    assert "<nav" not in guarded.get("/login", headers=PAGE).text
    assert guarded.get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "a\r\nb"]
)
def test_a_login_leads_nowhere_else(guarded: TestClient, tokens: TokenFile, wanted: str):
    answer = guarded.post("/login", data={"token": tokens.add("a"), "next": wanted})
    assert answer.headers["location"].startswith("./")
    assert "evil.example" not in str(answer.next_request.url.host)
    assert answer.next_request.url.scheme == "http"


def test_a_broken_file_lets_nobody_in(guarded: TestClient, tokens: TokenFile, caplog: pytest.LogCaptureFixture):
    header = {"authorization": f"Bearer {tokens.add('zoe')}"}
    kept = tokens.path.read_text(encoding="utf-8")
    assert guarded.get("/v1/me", headers=header).status_code == 200
    tokens.path.write_text("rayonnage_secret\n", encoding="utf-8")
    assert guarded.get("/v1/me", headers=header).status_code == 401
    assert "nobody is let in" in caplog.text
    assert "rayonnage_secret" not in caplog.text
    tokens.path.write_text(kept, encoding="utf-8")
    assert guarded.get("/v1/me", headers=header).status_code == 200
    tokens.path.chmod(0o666)
    assert guarded.get("/v1/me", headers=header).status_code == 401
    assert "chmod 600" in caplog.text


def test_the_file_keeps_no_token(tokens: TokenFile):
    token = tokens.add("zoe")
    assert token not in tokens.path.read_text(encoding="utf-8")
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="--revoke"):
        tokens.add("zoe")
    with pytest.raises(ValueError, match="zoe has one"):
        tokens.revoke("max")
    for name in ("", " a", "a\tb", "a\n", "x" * 61):
        with pytest.raises(ValueError, match="printable"):
            tokens.add(name)
    os.chmod(tokens.path, 0o640)
    tokens.add("max")
    assert tokens.path.stat().st_mode & 0o777 == 0o640


def test_nobody_is_visitor_by_accident():
    assert visitor_of(Request({"type": "http", "state": {}})) == Visitor(own_name(), "local")
