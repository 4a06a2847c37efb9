"""The names that the server goes by: pages of another name must not reach it through a visitor's browser."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class KnownHosts:
    """Names that a request's `Host` may have.

    A page of evil.example may point its own name at 127.0.0.1 once it is loaded: the browser then takes the answers
    for its own (DNS rebinding), but says `Host: evil.example`. A name must therefore be known. An address cannot be
    pointed elsewhere, so a server that listens beyond this machine answers to every address. Ports are not compared: a
    tunnel or a container may show another one.
    """

    def __init__(self, listening: str, named: Iterable[str] = ()) -> None:
        """`listening`: the address listened at; `named`: what else the server goes by, without ports."""
        self._names = LOCAL | {listening.casefold()} | {name.casefold() for name in named}
        self._every_address = listening not in LOCAL

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server."""
        name = name_of(host)
        return name in self._names or (self._every_address and _is_address(name))


def name_of(host: str) -> str:
    """The name or address in a `Host` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].casefold()
    return host.partition(":")[0].rstrip(".").casefold()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
