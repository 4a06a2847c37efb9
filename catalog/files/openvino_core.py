"""OpenVINO's core, one in a process."""

from typing import Any

from catalog.files.once import Once


def _make() -> Any:
    import openvino

    return openvino.Core()


_core: Once[Any] = Once(_make)


def openvino_core() -> Any:
    """`openvino.Core`, the same for everybody, and never given up.

    Its program for CPUs has the thread that makes it handle signals on a stack of its own. Of several cores each puts
    back what it found: one that is given up before a later one leaves the thread with memory that is no more, and the
    next signal (Ctrl-C, a child's end) ends the process with a segmentation fault.
    """
    return _core()
