"""HEAD, which monitors and link checkers send: what GET would answer, without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Answers HEAD as GET is answered (RFC 9110, 9.3.2), headers and all, where a route has no answer of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        own = _Bodiless(send)
        await self._app(scope, receive, own.unless_refused)
        if own.is_refused:
            await self._app({**scope, "method": "GET"}, receive, _Bodiless(send))


class _Bodiless:
    """Passes an answer on without its body."""

    def __init__(self, send: Send) -> None:
        self._send, self._is_over = send, False
        self.is_refused = False

    async def unless_refused(self, message: Message) -> None:
        """One message; nothing is passed on of a route that knows no HEAD."""
        if message["type"] == "http.response.start":
            self.is_refused = message["status"] == 405
        if not self.is_refused:
            await self(message)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
        elif not self._is_over:
            self._is_over = True
            await self._send({"type": "http.response.body", "body": b""})
