"""The middleware around everything: the door, the bounds of time and memory, and the headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote

from python_multipart.multipart import parse_options_header
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rayonnage.web.errors import broken, refusal, wants_page
from rayonnage.web.problem import RequestRefused
from rayonnage.web.security.door import STATIC, Door, SignInNeeded
from rayonnage.web.security.headers import HEADERS, STATIC_CACHE
from rayonnage.web.settings import RequestLimits
from rayonnage.web.showing.rendering import root_of

FORM_BYTES = 2**18
"""Of a form without files."""
CHARSETS = frozenset({b"utf-8", b"utf8", b"us-ascii"})


class Guard:
    """Lets requests in, ends those that take too long, and answers for what fails behind it.

    It stands outside of Starlette's handlers, as what they send needs the headers, too; plain ASGI, because Starlette's
    `BaseHTTPMiddleware` costs several times as much and holds streams up.
    """

    def __init__(self, app: ASGIApp, door: Door, limits: RequestLimits) -> None:
        self._app, self._door, self._limits = app, door, limits
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "there is nothing to talk about here"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        reply = _Reply(send, STATIC_CACHE if scope["path"].startswith(STATIC) else None)
        try:
            admission = self._door.admit(request)
            self._check_length(request)
            _check_charset(request)
        except RequestRefused as error:
            await _refusal_at_the_door(request, error)(scope, receive, reply.send)
            return
        request.state.visitor, reply.cookie = admission.visitor, admission.cookie
        clock = _Clock(self._limits.longest_s)
        body = _Body(receive, self._count, clock.start, self._longest_body(request))
        if "transfer-encoding" not in request.headers and request.headers.get("content-length", "0") == "0":
            clock.start()
        reply.on_start = clock.stop
        try:
            await self._within_time(scope, body, reply, clock)
        finally:
            clock.stop()
            self._in_flight -= body.size

    def _longest_body(self, request: Request) -> int:
        # forms without files are a few words; only what may hold photos may be large
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return FORM_BYTES if is_form else self._limits.body_bytes

    def _check_length(self, request: Request) -> None:
        said, longest = request.headers.get("content-length", "0"), self._longest_body(request)
        if not said.isdecimal() or int(said) > longest:
            raise RequestRefused(413, "the request is too large", _too_large(longest))

    def _count(self, size: int) -> None:
        self._in_flight += size
        if self._in_flight > self._limits.in_flight_bytes:
            # FastAPI hands on its own kind of error alone while it reads a body
            raise HTTPException(503, "the server holds as much as it may: ask again", {"Retry-After": "2"})

    async def _within_time(self, scope: Scope, body: _Body, reply: _Reply, clock: _Clock) -> None:
        """Run the application beside a clock: a thread cannot be ended, but its client need not wait for it."""
        application = asyncio.ensure_future(self._app(scope, body.receive, reply.send))
        try:
            await asyncio.wait((application, clock.late), return_when=asyncio.FIRST_COMPLETED)
            if application.done():
                application.result()
                return
            late = RequestRefused(503, "it took too long", "the server has much to do: ask again later", retry_after=10)
            answer = refusal(Request(scope), late)
        except ClientDisconnect:
            return
        except Exception:
            if reply.has_started:
                # the server closes the connection: half an answer must not pass for a whole one
                raise
            answer = broken(Request(scope))
        finally:
            application.cancel()
            application.add_done_callback(_forget)
        await reply.instead(answer, scope, body.receive)


def _check_charset(request: Request) -> None:
    """Refuse a form in another encoding than UTF-8.

    Starlette decodes with whatever codec of Python's the form names: `punycode` takes a minute for 500 kB, for which
    nobody else is answered, and `unicode_escape` makes texts that no answer can hold.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    charset = options.get(b"charset", b"utf-8")
    if kind == b"multipart/form-data" and charset.lower() not in CHARSETS:
        raise RequestRefused(415, "another encoding", "texts of a form are UTF-8: leave `charset` out", "Content-Type")


class _Clock:
    """Rings once, `seconds` after it was started, unless it is stopped before."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self.late: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Begin to count, if it has not."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._ring)

    def stop(self) -> None:
        """Never ring."""
        if self._timer is None:
            self._timer = self._loop.call_later(0, lambda: None)
        self._timer.cancel()

    def _ring(self) -> None:
        if not self.late.done():
            self.late.set_result(None)


class _Body:
    """A request's body on its way in: counted, and its end told."""

    def __init__(
        self, receive: Receive, count: Callable[[int], None], on_end: Callable[[], None], longest: int
    ) -> None:
        self._receive, self._count, self._on_end, self._longest = receive, count, on_end, longest
        self.size = 0

    async def receive(self) -> Message:
        """The next part."""
        message = await self._receive()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self.size += size
            self._count(size)
            if self.size > self._longest:
                raise HTTPException(413, _too_large(self._longest))
            if not message.get("more_body", False):
                self._on_end()
        return message


class _Reply:
    """An answer on its way out, with the headers that every answer has."""

    def __init__(self, send: Send, cache: str | None) -> None:
        self._send, self._cache = send, cache
        self.cookie: str | None = None
        self.on_start: Callable[[], None] | None = None
        self.has_started = self._is_replaced = False

    async def send(self, message: Message) -> None:
        """Send the application's answer on, unless another one was sent in its place."""
        if not self._is_replaced:
            await self._send_on(message)

    async def instead(self, answer: Response, scope: Scope, receive: Receive) -> None:
        """Send another answer; what the application still says goes nowhere."""
        self._is_replaced = True
        await answer(scope, receive, self._send_on)

    async def _send_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            if self.on_start is not None:
                self.on_start()
            headers = MutableHeaders(scope=message)
            if self._cache is not None:
                headers.setdefault("Cache-Control", self._cache)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self.cookie is not None:
                headers.append("Set-Cookie", self.cookie)
        await self._send(message)


def _too_large(longest: int) -> str:
    return f"at most {longest / 2**20:g} MiB are read here: send fewer or smaller photos, or a catalogue as a job"


def _refusal_at_the_door(request: Request, error: RequestRefused) -> Response:
    if not isinstance(error, SignInNeeded):
        return refusal(request, error)
    if request.method == "GET" and wants_page(request):
        # relative, as a proxy may have put the root anywhere
        wanted = request.scope["path"].removeprefix("/")
        query = request.scope["query_string"].decode("latin-1")
        link = quote(f"{wanted}?{query}" if query else wanted, safe="/")
        return RedirectResponse(f"{root_of(request)}login?next={link}", 303)
    answer = refusal(request, error)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _forget(task: asyncio.Future[None]) -> None:
    """Take the outcome of a request that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
