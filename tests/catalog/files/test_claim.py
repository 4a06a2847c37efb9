"""One process at a time has the claim to a work; a killed one's ends."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import time

import pytest

from catalog.files.claim import AlreadyClaimed, claimed, require_claim
from catalog.files.lease import LEASE_S, Owner
from tests.support.containers import in_container, require_containers

CLAIMS = """
import sys
from pathlib import Path
from catalog.files.claim import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.readline()
"""


def test_what_is_claimed_in_another_container_is_refused_until_its_end(tmp_path):
    require_containers()
    work = tmp_path / "run"
    command = in_container("web-2", [sys.executable, "-c", CLAIMS, str(work)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        with pytest.raises(AlreadyClaimed, match=r"^process 1 on web-2 \(killed, it would seem"), claimed(work):
            pass
        with pytest.raises(OSError, match="run the command again"):
            require_claim(work)
        process.communicate("enough\n")
    with claimed(work):
        require_claim(work)
        with pytest.raises(AlreadyClaimed, match=rf"^process {os.getpid()} on [^(]*$"), claimed(work):
            pass
        # another work is free
        with claimed(tmp_path / "run-1"):
            pass
    assert os.listdir(tmp_path) == []


def test_claims_that_killed_processes_left_go_of_other_work_too(tmp_path):
    theirs = dataclasses.replace(Owner.of_this_process(), place="0" * 12)
    left = [tmp_path / f".{name}.{theirs}.lease" for name in ("run", "run-1")]
    for claim in left:
        claim.touch()
    with pytest.raises(AlreadyClaimed, match=re.escape(theirs.title)), claimed(tmp_path / "run"):
        pass
    for claim in left:
        os.utime(claim, (time.time() - LEASE_S - 60,) * 2)
    with claimed(tmp_path / "run"):
        assert len(os.listdir(tmp_path)) == 1


def test_a_claim_that_others_took_for_abandoned_is_noticed(tmp_path):
    with claimed(tmp_path / "run"):
        (claim,) = tmp_path.iterdir()
        claim.unlink()
        with pytest.raises(OSError, match="others may have gone on"):
            require_claim(tmp_path / "run")


def test_a_lease_that_cannot_be_removed_claims_nothing(tmp_path):
    killed = dataclasses.replace(Owner.of_this_process(), pid=4_000_000)
    (tmp_path / f".run.{killed}.lease").mkdir()
    with claimed(tmp_path / "run"):
        require_claim(tmp_path / "run")
