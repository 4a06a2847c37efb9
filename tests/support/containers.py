"""Processes as in another container: with process ids and a host name of their own, on the same disk."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache

import pytest


def in_container(host: str, command: Sequence[str]) -> list[str]:
    """The command line that runs a command under a host name among process ids of its own; all end with the first."""
    return [
        *("unshare", "--user", "--map-root-user", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("sh", "-c", 'hostname "$1" && shift && exec "$@"', "sh", host, *command),
    ]


@cache
def _there_are_containers() -> bool:
    try:
        return subprocess.run(in_container("web-1", ["true"]), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def require_containers() -> None:
    """Skip the test where the kernel lets nobody make namespaces."""
    if not _there_are_containers():
        pytest.skip("no namespaces may be made here (unshare --user --pid)")
