"""What is to be done after the image branch: reading only where the tree has categories that are read."""

from catalog.runs.config import section
from catalog.runs.workspace import Workspace
from catalog.tree.category_names import category_names


def after_training(workspace: Workspace, config: str | None = None) -> str:
    """The commands after `mosaic train --config CONFIG`.

    `ocr train` refuses a tree without any of its categories, unless it is asked to find out where reading pays.
    """
    option = workspace.option
    evaluate = f"or mosaic evaluate{option}"
    if _shelves(config) == "auto":
        return f"ocr train{option} (finds out where reading pays), {evaluate}"
    names = _read_categories(workspace, config)
    if names:
        return f"ocr train{option} (reads {', '.join(names)}), {evaluate}"
    find_out = f"ocr train{option} --set shelves=auto finds out where reading pays"
    return f"fusion train{option} (the tree has no categories to read: no ocr train; {find_out}), {evaluate}"


def after_matching(workspace: Workspace) -> str:
    """The command after `mosaic train --objective match`."""
    return f"rayonnage search index CATALOG{workspace.option}"


def after_prediction(workspace: Workspace, catalog: str) -> str:
    """The command after `mosaic predict CATALOG`: the text branch's where there is one."""
    latest = workspace.latest_folders()
    if "ocr" in latest:
        return f"ocr predict {catalog}{workspace.option}"
    if "fusion" in latest:
        return f"fusion predict {catalog}{workspace.option}"
    return workspace.next_command("ocr" if _read_categories(workspace) else "fusion")


def _read_categories(workspace: Workspace, config: str | None = None) -> list[str]:
    """Those of the text branch's configured categories that the tree has, as people are shown them."""
    shelves = _shelves(config)
    # a wrong one is for `ocr train` to refuse
    return category_names(workspace.taxonomy(), [str(name) for name in shelves] if isinstance(shelves, list) else [])


def _shelves(config: str | None) -> object:
    """What the text branch is configured to read, unchecked."""
    return section("ocr", config).get("shelves")
