"""Who asks: a browser's session, and the name that stands beside an answer in the journal."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True)
class Visitor:
    """One client.

    Attributes:
        name: of the token's owner, or of this machine's user where nobody needs a token.
        session: of one browser; leases and history are its own. Programs share one for each token.
        signed_in: a token was typed in this browser, which can be forgotten again.
    """

    name: str
    session: str
    signed_in: bool = False


def visitor_of(request: Request) -> Visitor:
    """Who asks; the middleware has let nobody through who may not."""
    visitor = getattr(request.state, "visitor", None)
    return visitor if isinstance(visitor, Visitor) else Visitor(own_name(), "local")


def own_name() -> str:
    """This machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container may run under a user that has no name
        return "unknown"
