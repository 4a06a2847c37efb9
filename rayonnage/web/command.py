"""`rayonnage serve`."""

from pathlib import Path

import click

from catalog.cli_options import PATH


@click.command()
@click.argument("workspace", type=PATH, default=Path("runs"))
@click.option("--run", type=PATH, help="The fusion run that answers; default: the workspace's latest.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; another one needs --token.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen at.")
@click.option("--token", "tokens", type=PATH, help="File of the tokens of those who may ask.")
def serve(workspace: Path, run: Path | None, host: str, port: int, tokens: Path | None) -> None:
    """Open the page and the HTTP API of WORKSPACE (default: runs), or of the folder of a demo."""
    from rayonnage.web.places import workspace_folder
    from rayonnage.web.server import run_server
    from rayonnage.web.settings import ServerSettings

    run_server(ServerSettings(workspace_folder(workspace), run, host, port, tokens))
