"""What the image branch has said of products, kept for the rooms that read it and know nothing of its networks."""

import json
from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.atomic import write_text
from catalog.probabilities import Probabilities
from catalog.runs.run import DETAILS, Run, read_json
from catalog.runs.workspace import Workspace

IMAGE_EXPERT = "mosaic"
"""The expert that speaks for the whole image branch: each product by its own image count's network."""
MATCH_SLOT = "match"
"""Of the workspace's network that has learnt to match photos, see `mosaic train --objective match`."""


NETWORKS = "networks.json"
"""Beside saved probabilities: the digest of each network that they are by."""


def held_out_file(workspace: Workspace) -> Path:
    """Where `mosaic train` keeps the held-out probabilities of `IMAGE_EXPERT`, whatever networks they come from."""
    return workspace.folder / "heldout" / f"{IMAGE_EXPERT}.safetensors"


def held_out(workspace: Workspace) -> Probabilities:
    """Held-out probabilities of the whole image branch.

    Raises:
        FileNotFoundError: none under the workspace's plan; the message names the command that makes them.
    """
    plan, path = workspace.plan(), held_out_file(workspace)
    probabilities = Probabilities.load(path) if path.is_file() else None
    # the file of another plan stays when the catalogue is split anew: what was held out then may have been learnt since
    if probabilities is None or probabilities.plan != plan.plan_id:
        raise FileNotFoundError(
            f"workspace {workspace.folder} holds no held-out probabilities of photos under its plan: run "
            f"`mosaic train{workspace.option}` first (if an earlier version has trained already, "
            f"`mosaic evaluate{workspace.option}`, which writes them)"
        )
    return probabilities


def predictions_folder(workspace: Workspace, catalog: Catalog) -> Path:
    """Where a catalogue's saved probabilities lie in a workspace."""
    return _folder(workspace, catalog, catalog.fingerprint)


def _folder(workspace: Workspace, catalog: Catalog, fingerprint: str) -> Path:
    return workspace.folder / "predictions" / f"{catalog.name}-{fingerprint[:8]}"


def image_networks(workspace: Workspace) -> dict[str, str]:
    """`Run.digest` of the workspace's latest networks by slot, `mosaic:any`; those that are gone are left out.

    The network that matches photos is not among them: it tells no probabilities.
    """
    return {
        slot: Run.load(folder).digest()
        for slot, folder in sorted(workspace.latest_folders().items())
        if slot.partition(":")[::2] != (IMAGE_EXPERT, MATCH_SLOT)
        and slot.partition(":")[0] == IMAGE_EXPERT
        and (folder / DETAILS).is_file()
    }


def keep_networks(folder: Path, networks: dict[str, str]) -> None:
    """Note in a folder of saved probabilities whose they are."""
    write_text(folder / NETWORKS, json.dumps(networks, indent=2) + "\n")


def saved(workspace: Workspace, catalog: Catalog, path: Path | None = None) -> Probabilities:
    """What `mosaic predict` saved for a catalogue (or the file at `path`).

    Raises:
        FileNotFoundError: nothing saved; the message names the command.
        ValueError: it is by other networks than the workspace's latest ones, so out of date.
    """
    name = f"{IMAGE_EXPERT}.safetensors"
    file = path or predictions_folder(workspace, catalog) / name
    # an earlier version saved them under its own fingerprint; networks see no labels
    earlier = _folder(workspace, catalog, catalog.sampled) / name
    if path is None and not file.is_file() and earlier.is_file():
        file = earlier
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist: run `mosaic predict {catalog}{workspace.option}` first")
    if path is None:
        _require_latest(file, catalog, workspace)
    return Probabilities.load(file)


def _require_latest(file: Path, catalog: Catalog, workspace: Workspace) -> None:
    """Refuse what other networks have said; an earlier version noted nothing."""
    note = file.parent / NETWORKS
    latest = image_networks(workspace) if note.is_file() else {}
    if latest and read_json(note) != latest:
        raise ValueError(
            f"{file} is by other networks than the latest of workspace {workspace.folder}: run "
            f"`mosaic predict {catalog}{workspace.option}` again"
        )
