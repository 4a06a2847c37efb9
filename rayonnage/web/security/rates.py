"""How often a client may ask."""

from __future__ import annotations

import ipaddress
import math
import threading
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from rayonnage.web.settings import RequestLimits

MAX_CLIENTS = 2048
"""Clients that are counted apart in a minute; what comes beyond shares one allowance, so that memory stays bounded."""
FORGET_EVERY_S = 5.0
"""Requests of more than a minute ago are counted no more, and forgotten so often. By itself the library starts a thread
for that after each request, which takes 0.5 ms of CPU time, a thirtieth of a product's."""
NETWORK = ("/v1/predict", "/v1/search")
"""Beginnings of paths whose answers a network computes."""
IPV6_NETWORK = 64
"""Bits that name a subscriber: the other half of an address is the client's own choice."""


class ClientRates:
    """Requests of each client within the last minute, in this process."""

    def __init__(self, limits: RequestLimits) -> None:
        self._storage = MemoryStorage()
        self._forget = self._storage.timer.function
        self._window = MovingWindowRateLimiter(self._storage)
        self._predictions = RateLimitItemPerMinute(limits.per_minute, namespace="predictions")
        self._others = RateLimitItemPerMinute(limits.others_per_minute, namespace="others")

    def seconds_to_wait(self, client: str, path: str) -> int:
        """0: the request is counted, and may be served; else when to come again."""
        item = self._predictions if path.startswith(NETWORK) else self._others
        client = self._counted(item, client)
        if not self._storage.timer.is_alive():
            # while this one runs, the library starts none
            self._storage.timer = threading.Timer(FORGET_EVERY_S, self._forget)
            self._storage.timer.daemon = True
            self._storage.timer.start()
        if self._window.hit(item, client):
            return 0
        return max(1, math.ceil(self._window.get_window_stats(item, client).reset_time - time.time()))

    def _counted(self, item: RateLimitItem, client: str) -> str:
        events = self._storage.events
        if item.key_for(client) in events or len(events) < MAX_CLIENTS:
            return client
        # those of whom nothing is left are forgotten before anybody has to share
        for key in [key for key, entries in list(events.items()) if not entries]:
            events.pop(key, None)
        return client if len(events) < MAX_CLIENTS else "everybody else"


def client_of(address: str) -> str:
    """Whose an address is: itself, or the network of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((known, IPV6_NETWORK), strict=False))
    return address
