"""Who is let in: the host asked for, the page that asks, the token, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from rayonnage.web.errors import wants_page
from rayonnage.web.problem import RequestRefused
from rayonnage.web.security.hosts import KnownHosts, name_of
from rayonnage.web.security.origin import is_foreign
from rayonnage.web.security.rates import ClientRates, client_of
from rayonnage.web.security.session_cookie import SessionCookies
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.settings import ServerSettings
from rayonnage.web.visitor import Visitor, own_name

OPEN = frozenset({"/healthz", "/readyz", "/login", "/language"})
"""What needs no token: whether the server lives, and what the page needs on which the token is typed."""
STATIC = "/static/"


@dataclass(frozen=True)
class Admission:
    """A client that may ask; cookie: a `Set-Cookie` for a browser that is here for the first time."""

    visitor: Visitor
    cookie: str | None = None


class SignInNeeded(RequestRefused):
    """A token is needed, and none that is known came with the request."""

    def __init__(self) -> None:
        super().__init__(
            401, "a token is needed",
            "send it as `Authorization: Bearer TOKEN`; whoever runs this server makes one with `rayonnage token`",
        )  # fmt: skip


class Door:
    """Looks at every request before anything else does."""

    def __init__(self, settings: ServerSettings) -> None:
        self.tokens = TokenFile(settings.tokens) if settings.tokens else None
        self.cookies = SessionCookies.of(settings.workspace)
        self._hosts = KnownHosts(settings.host, settings.known_hosts)
        self._rates = ClientRates(settings.limits)
        self._own_name = own_name()

    def admit(self, request: Request) -> Admission:
        """Let a request in, or raise `RequestRefused`."""
        host = request.headers.get("host", "")
        if not self._hosts.knows(host):
            raise RequestRefused(
                400, "the server does not go by this name",
                f"{name_of(host) or 'a request without a host'} is not known here: start it with "
                "`rayonnage serve --known-host NAME` for each name that it is asked for by",
            )  # fmt: skip
        if is_foreign(request.method, request.headers):
            raise RequestRefused(
                403, "another site asks",
                "only pages of this server may change something here; a proxy before it must pass the `Host` on",
            )  # fmt: skip
        path = request.scope["path"]
        address = client_of(request.client.host) if request.client else "?"
        if path.startswith(STATIC):
            return Admission(Visitor("", ""))
        admission = self._recognised(request)
        client = address if admission is None or self.tokens is None else admission.visitor.name
        if wait := self._rates.seconds_to_wait(client, path):
            raise RequestRefused(
                429, "too many requests", f"ask again in {wait} s: the server counts a minute's requests",
                retry_after=wait,
            )  # fmt: skip
        if admission is None:
            if path in OPEN:
                return Admission(Visitor("", ""))
            raise SignInNeeded
        return admission

    def sign_in(self, token: str, *, secure: bool) -> str | None:
        """The `Set-Cookie` for a browser in which a token was typed; None: the token is nobody's."""
        owner = self.tokens.owner_of(token) if self.tokens else None
        return None if owner is None else self.cookies.header(self.cookies.begin(owner.proof), secure=secure)

    def _recognised(self, request: Request) -> Admission | None:
        browser = self.cookies.read(request.headers.get("cookie", ""))
        if self.tokens is None:
            if browser is not None:
                return Admission(Visitor(self._own_name, browser.session))
            if not wants_page(request):
                return Admission(Visitor(self._own_name, "local"))
            browser = self.cookies.begin()
            cookie = self.cookies.header(browser, secure=is_secure(request))
            return Admission(Visitor(self._own_name, browser.session), cookie)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() == "bearer":
            owner = self.tokens.owner_of(token.strip())
            return Admission(Visitor(owner.name, f"token {owner.proof}")) if owner else None
        owner = self.tokens.owner_by_proof(browser.proof) if browser else None
        return Admission(Visitor(owner.name, browser.session, signed_in=True)) if browser and owner else None


def is_secure(request: Request) -> bool:
    """Whether the browser came by https: as a trusted proxy says, or the browser itself when it sends a form."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
