"""All checks, one after the other; one that cannot be made hides no other."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rayonnage.doctor import machine
from rayonnage.doctor.check import Check, Status
from rayonnage.doctor.packages import check_packages
from rayonnage.doctor.workspace import check_workspace


def examine(workspace: Path) -> Iterator[Check]:
    """Look at everything, each result as soon as it is known."""
    yield from check_packages()
    looks: dict[str, Callable[[], Check]] = {
        "reading": machine.check_rapidocr,
        "tesseract": machine.check_tesseract,
        "GPU": machine.check_gpu,
        "processor": machine.check_processor,
        "disk": partial(machine.check_disk, workspace),
        "shared memory": machine.check_shared_memory,
    }
    for subject, look in looks.items():
        try:
            yield look()
        except (ImportError, OSError) as error:
            yield _not_yet(subject, error)
    try:
        yield from check_workspace(workspace)
    except ImportError as error:
        yield _not_yet("workspace", error)


def _not_yet(subject: str, error: Exception) -> Check:
    return Check(Status.WARNING, subject, f"cannot be looked at before what is missing is there ({error})")
