"""`rayonnage serve`, and `rayonnage token` for those who may ask it."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from catalog.cli_options import PATH, note, say

NEEDED = {
    "fastapi": "fastapi", "itsdangerous": "itsdangerous", "limits": "limits",
    "prometheus_client": "prometheus-client", "python_multipart": "python-multipart", "rapidfuzz": "rapidfuzz",
    "uvicorn": "uvicorn",
}  # fmt: skip
"""What the extra `web` installs, by the names under which it is imported."""


@click.command()
@click.argument("workspace", type=PATH, default=Path("runs"))
@click.option("--run", type=PATH, help="The fusion run that answers; default: the workspace's latest.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; another one needs --token.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen at.")
@click.option("--token", "tokens", type=PATH, help="File of the tokens of those who may ask: rayonnage token.")
@click.option(
    "--known-host",
    "known_hosts",
    metavar="NAME",
    multiple=True,
    help="A name by which it is asked for, as a proxy passes it on; several times for several.",
)
@click.option(
    "--proxy",
    "proxies",
    metavar="ADDRESS",
    multiple=True,
    help="Address of a proxy whose X-Forwarded-For and -Proto are believed; default: nobody's.",
)
def serve(
    workspace: Path, run: Path | None, host: str, port: int, tokens: Path | None, known_hosts: tuple[str, ...],
    proxies: tuple[str, ...],
) -> None:  # fmt: skip
    """Open the page and the HTTP API of WORKSPACE (default: runs), or of the folder of a demo."""
    _require_extra()
    from rayonnage.web.places import workspace_folder
    from rayonnage.web.server import run_server
    from rayonnage.web.settings import ServerSettings

    run_server(ServerSettings(workspace_folder(workspace), run, host, port, tokens, known_hosts, proxies))


@click.command()
@click.argument("name", required=False)
@click.option(
    "--file", "path", type=PATH, required=True, help="File of the tokens, as rayonnage serve --token takes it."
)
@click.option("--revoke", is_flag=True, help="Take the name's token back: a server that runs forgets it, too.")
def token(name: str | None, path: Path, revoke: bool) -> None:
    """Make a token for NAME, who may then ask a server; without NAME, list who has one.

    The token is printed this once. The file keeps its digest alone.
    """
    from rayonnage.web.security.tokens import TokenFile

    tokens = TokenFile(path)
    if name is None and revoke:
        raise ValueError("--revoke takes a name's token back: say whose")
    if name is None:
        for known in tokens.load():
            say(f"{known.name}\t{known.made}")
    elif revoke:
        tokens.revoke(name)
        note(f"{name}'s token is worth nothing any more")
    else:
        say(tokens.add(name))
        note(f"this is {name}'s token, shown this once: the page asks for it, programs send it as")
        note("`Authorization: Bearer TOKEN`")
        note(f"next: rayonnage serve --token {path}")


def _require_extra() -> None:
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ValueError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, which the page needs: run "
            f"`{Path(sys.executable).name} -m pip install 'rayonnage[web]'`"
        )
