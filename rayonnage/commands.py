"""`rayonnage demo | report | doctor`."""

from pathlib import Path

import click

from catalog.cli_options import note, progress_bar, say, workspace_option
from catalog.runs.config_options import config_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option("--draw-only", is_flag=True, help="Draw the catalogue into FOLDER itself, and leave it at that.")
@click.option("--train", "n_train", type=click.IntRange(40, 1_000_000), default=1500, show_default=True,
              help="Labelled products to draw.")  # fmt: skip
@click.option("--test", "n_test", type=click.IntRange(10, 1_000_000), default=400, show_default=True,
              help="Unlabelled products to draw.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same catalogue.")
@config_option(default="demo", show_default=True, help="Configuration of the trainings.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo, or with --draw-only files that exist.")
def demo(folder: Path, draw_only: bool, n_train: int, n_test: int, seed: int, config: str, overwrite: bool) -> None:
    """Draw a catalogue into FOLDER (default: demo) and do the whole job on it, some ten minutes on two cores.

    Explored, searched for copies, split, trained on, predicted, evaluated and audited, each with its page or file.
    """
    if draw_only:
        from rayonnage.demo.sample import write_sample

        with progress_bar("draw") as progress:
            sizes = {"n_train": n_train, "n_test": n_test, "seed": seed}
            written = write_sample(folder, **sizes, overwrite=overwrite, progress=progress)
        say(str(written))
        say(f"next: rayonnage fit {written.train} --tree {written.category_names} --names {written.names}")
        return
    from rayonnage.demo.job import run_demo

    run_demo(folder, config=config, n_train=n_train, n_test=n_test, seed=seed, overwrite=overwrite)
    say(f"\nSubmission: {folder / 'predictions' / 'submission.csv'}")
    say(f"Its pages: rayonnage report --workspace {folder / 'runs'}")
    say(f"next: rayonnage serve {folder} (opens the page; the demo's predictions wait there for review)")


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open the newest one in the browser.")
@workspace_option
def report(in_browser: bool, workspace: Path) -> None:
    """List the pages that were written, the newest first: evaluations, trainings, explored catalogues, copies, audits.

    Those of the workspace, and those in the folders beside it.
    """
    from catalog.runs.workspace import Workspace
    from rayonnage.written_pages import latest_pages

    pages = latest_pages(Workspace(workspace))
    for page in pages:
        say(str(page))
    if in_browser:
        import webbrowser

        if not webbrowser.open(pages[0].path.resolve().as_uri()):
            note(f"no browser can be started here: open {pages[0].path} in one")
    else:
        note("--open shows the first one in the browser")


@click.command()
@workspace_option
def doctor(workspace: Path) -> None:
    """Look at Python, packages, OCR engines, GPU, disk, memory and workspace: what lacks, and how to get it.

    Ends with status 1 when something is missing that the work cannot do without.
    """
    from rayonnage.doctor.examination import examine

    missing = []
    for check in examine(workspace):
        say(str(check))
        if check.status == "missing":
            missing.append(check.subject)
    if missing:
        raise click.ClickException(f"missing, and needed: {', '.join(missing)}; the arrows say how to get them")
    say("everything that is needed is there")
