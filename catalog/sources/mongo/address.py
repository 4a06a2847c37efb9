"""Which collection of which server, and as whom: the parts of a MongoDB URI that may be shown apart from the others."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

SECRET_OPTIONS = frozenset(
    {"authmechanismproperties", "proxypassword", "proxyusername", "tlscertificatekeyfilepassword"}
)
"""Options that hold passwords or tokens, in lower case."""
USERNAME, PASSWORD = "MONGODB_USERNAME", "MONGODB_PASSWORD"
"""Environment variables that stand in for the credentials of a URI that has none."""
EXPECTED = "expected mongodb://[user:password@]host[:port]/database.collection[?options]"


@dataclass(frozen=True)
class MongoAddress:
    """A MongoDB URI taken apart. As text it has neither credentials nor secret options: only that is ever written.

    Attributes:
        hosts: scheme and hosts: `mongodb://one:27017,two:27017`.
        database: its name; collection: its name, which may hold dots.
        options: those that may be shown, as in the URI: `replicaSet=rs0&authSource=admin`.
        username: percent-decoded; password: likewise; secrets: the secret options, as in the URI.
    """

    hosts: str
    database: str
    collection: str
    options: str = ""
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    secrets: str = field(default="", repr=False)

    @classmethod
    def parse(cls, uri: str, environment: Mapping[str, str] | None = None) -> MongoAddress:
        """Take a URI apart; what it lacks of user name and password is taken from the environment.

        Raises:
            ValueError: it does not name a collection, or its credentials are not percent-encoded.
        """
        scheme, _, rest = uri.partition("://")
        # a password with a bare @ or / in it must not end up in what is shown: the last @ ends the credentials
        who, at, place = rest.rpartition("@")
        if re.search(r"[/?#\[\]@]|%(?![0-9A-Fa-f]{2})", who) or who.count(":") > 1:
            raise ValueError(
                f"{scheme}://...: user name, password and options must be percent-encoded (@ is %40, / is %2F, : is "
                f"%3A), or leave the credentials to the environment variables {USERNAME} and {PASSWORD}"
            )
        hosts, _, path = place.partition("/")
        names, _, query = path.partition("?")
        database, _, collection = unquote(names).partition(".")
        pairs = [pair for pair in re.split("[&;]", query) if pair]
        shown = [pair for pair in pairs if pair.partition("=")[0].lower() not in SECRET_OPTIONS]
        if not hosts or not database or not collection or re.search(r'[/\\ "$*<>:|?\0]', database):
            # what stands for the hosts may be a password whose host was forgotten
            raise ValueError(f"{scheme}://.../{names} names no collection: {EXPECTED}")
        name, given, word = who.partition(":")
        environment = os.environ if environment is None else environment
        return cls(
            hosts=f"{scheme}://{hosts}",
            database=database,
            collection=collection,
            options="&".join(shown),
            username=unquote(name) if at else environment.get(USERNAME),
            # a user's name alone may stand in the URI, where everybody sees it
            password=unquote(word) if given else environment.get(PASSWORD),
            secrets="&".join(pair for pair in pairs if pair not in shown),
        )

    def __str__(self) -> str:
        """The URI without anything secret; it opens the same collection, given the credentials."""
        return f"{self.hosts}/{quote(self.namespace)}" + (f"?{self.options}" if self.options else "")

    @property
    def namespace(self) -> str:
        """`database.collection`."""
        return f"{self.database}.{self.collection}"

    @property
    def place(self) -> str:
        """Hosts, database and collection, whatever the options."""
        return f"{self.hosts}/{self.namespace}"

    @property
    def uri(self) -> str:
        """For the driver: with the secret options, still without user name and password."""
        options = "&".join(filter(None, (self.options, self.secrets)))
        return f"{self.hosts}/{quote(self.namespace)}" + (f"?{options}" if options else "")

    def has_option(self, name: str) -> bool:
        """Whether the URI sets an option."""
        return any(pair.partition("=")[0].lower() == name.lower() for pair in self.options.split("&"))

    def masked(self, text: str) -> str:
        """A message of the driver without anything secret in it."""
        values = [pair.partition("=")[2] for pair in self.secrets.split("&")]
        for secret in filter(None, (self.password, *values, *map(unquote, values))):
            text = text.replace(secret, "***")
        return text
