"""The workspace: its plan, the catalogue that was split, and whether its runs load."""

from collections.abc import Iterator
from pathlib import Path

from rayonnage.doctor.check import Check, Status


def check_workspace(folder: Path) -> Iterator[Check]:
    """What lies there, and the next command where something lacks; nothing of it is required."""
    from catalog.runs.workspace import Workspace
    from catalog.sources.address import is_uri

    workspace = Workspace(folder)
    if not (folder / "plan").is_dir():
        yield Check(Status.WARNING, "workspace", f"{folder} holds no plan yet", workspace.next_command("fit"))
        return
    try:
        plan, latest = workspace.plan(), workspace.latest_folders()
    except (ValueError, OSError) as error:
        yield Check(Status.WARNING, "workspace", str(error), workspace.next_command("plan"))
        return
    yield Check(Status.OK, "workspace", f"{folder}: plan {plan.plan_id} over {len(plan.positions)} products")
    if not (is_uri(plan.catalog) or Path(plan.catalog).exists()):
        finding = f"{plan.catalog}, which was split, is no longer there: training needs it, prediction does not"
        yield Check(Status.WARNING, "catalogue", finding, "put it back, or split another one")
    kinds = {key.partition(":")[0] for key in latest}
    for key, run in sorted(latest.items()):
        yield _run(key, run, workspace.folder, workspace.next_command(key.partition(":")[0]))
    absent = [kind for kind in ("mosaic", "fusion") if kind not in kinds]
    if absent:
        yield Check(Status.WARNING, absent[0], "no run yet", workspace.next_command(absent[0]))


def _run(key: str, folder: Path, workspace: Path, again: str) -> Check:
    from catalog.runs.run import Run
    from catalog.runs.workspace import Workspace

    try:
        run = Run.load(folder, key.partition(":")[0])
        if run.kind == "fusion":
            from fusion.prediction.predictor import Predictor

            Predictor(run, Workspace(workspace))
            return Check(Status.OK, key, f"{folder} loads with all its networks: it can predict")
        run.taxonomy()
    except (ValueError, OSError) as error:
        return Check(Status.WARNING, key, str(error), again)
    return Check(Status.OK, key, f"{folder} loads")
