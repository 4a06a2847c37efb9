"""Which network's vectors an index is made of."""

from __future__ import annotations

from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.embedding import Embedder, backbone_embedder, workspace_embedder


def embedder_of(workspace: Workspace, *, is_trained: bool) -> Embedder:
    """The workspace's network that photos are searched by, or one before any training.

    Raises:
        FileNotFoundError: the workspace has no network; the message names what makes one, and what needs none.
    """
    if not is_trained:
        return backbone_embedder(load_config(MosaicConfig, "mosaic"))
    try:
        return workspace_embedder(workspace)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; or search by a network before any training: rayonnage search index CATALOG --backbone"
            f"{workspace.option}"
        ) from None
