"""Hosts that share a workspace: each writes its own transcripts and knows those of all."""

from __future__ import annotations

import math
import sqlite3

import pytest

from catalog.files.lease import host_name
from ocr import host_cache
from ocr.cache import CacheError, TranscriptCache
from ocr.commands import cache_table, left_alone
from ocr.host_cache import HostTranscripts, transcripts_of
from ocr.transcript import OcrFailure
from tests.ocr.test_cache import key, read


@pytest.fixture
def hosts(tmp_path):
    return [HostTranscripts(tmp_path / "runs", name) for name in ("web-1", "web-2")]


def files_of(cache):
    return {path.name: path.read_bytes() for path in cache.path.parent.iterdir()}


def test_a_local_disk_has_one_file_and_a_shared_one_a_file_per_host(tmp_path, monkeypatch):
    assert transcripts_of(tmp_path).path == tmp_path / "transcripts.sqlite"
    monkeypatch.setattr(host_cache, "network_disk", lambda folder: "nfs4")
    assert transcripts_of(tmp_path).path == tmp_path / f"transcripts-{host_name()}.sqlite"
    assert not list(tmp_path.iterdir())


def test_each_host_knows_what_the_others_have_read_and_writes_to_its_own_file(hosts, tmp_path):
    TranscriptCache(tmp_path / "runs" / "transcripts.sqlite").put_many("e", {key(0): read("avant")})
    one, two = hosts
    one.put_many("e", {key(1): read("un"), key(3): read("trois")}, (2, 1.0))
    two.put_many("e", {key(2): OcrFailure("broken"), key(3): read("drei")})
    everything = [key(n) for n in range(5)]
    known = {key(0): read("avant"), key(1): read("un"), key(2): OcrFailure("broken"), key(3): read("trois")}
    before = files_of(one)
    assert one.get_many("e", everything) == known
    assert two.get_many("e", everything) == known | {key(3): read("drei")}
    assert one.seconds_per_photo("e") == two.seconds_per_photo("e") == 0.5
    assert math.isnan(two.seconds_per_photo("other"))
    assert files_of(one) == before
    assert sorted(before) == ["transcripts-web-1.sqlite", "transcripts-web-2.sqlite", "transcripts.sqlite"]


@pytest.mark.parametrize("state", ["damaged", "being written", "empty", "unfinished"])
def test_a_file_of_another_host_that_cannot_be_read_is_left_alone(hosts, monkeypatch, caplog, state):
    monkeypatch.setattr(host_cache, "WAIT_S", 0.05)
    one, two = hosts
    two.put_many("e", {key(2): read("deux")})
    one.put_many("e", {key(1): read("un")})
    holder = sqlite3.connect(two.path, isolation_level=None)
    if state == "damaged":
        two.path.write_bytes(b"no database" * 1000)
    elif state == "being written":
        holder.execute("BEGIN EXCLUSIVE")
    elif state == "empty":
        two.path.write_bytes(b"")
    else:
        # what a host leaves that lost its power while it wrote; nobody else may finish it
        journal = two.path.with_name(two.path.name + "-journal")
        journal.write_bytes(bytes.fromhex("d9d505f920a163d7") + b"\0\0\0\1" * 5 + b"\0" * 2000)
    before = files_of(one)
    assert one.get_many("e", [key(1), key(2), key(3)]) == {key(1): read("un")}
    assert files_of(one) == before
    assert not caplog.text
    holder.close()


def test_people_are_told_whose_files_there_are_and_each_prunes_its_own(hosts):
    one, two = hosts
    assert cache_table(one, "new") == ""
    two.put_many("old", {key(2): read("deux")})
    assert one.contents() == []
    assert cache_table(one, "new").startswith(f"{two.path}: ")
    one.put_many("old", {key(1): read("un")})
    one.put_many("new", {key(1): read("un")})
    table = cache_table(one, "new").splitlines()
    assert [line.split(": ")[0] for line in table if "photos" not in line] == [str(one.path), str(two.path)]
    assert [line.split(": ")[1] for line in table if "photos" in line] == ["new", "old", "old"]
    assert one.prune("new") == 1
    assert two.contents()[0].settings == "old"
    assert left_alone(one) == "left as they are: transcripts-web-2.sqlite (each host prunes its own)"
    assert left_alone(TranscriptCache(one.path)) == ""
    two.path.write_bytes(b"no database" * 1000)
    (other,) = one.others
    with pytest.raises(CacheError, match=r"transcripts-web-2\.sqlite cannot be read now"):
        other.contents()
    assert "transcripts-web-2.sqlite cannot be read now (file is not a database)" in cache_table(one, "new")
