"""Disks of other hosts are told by how they are mounted."""

from pathlib import Path

import pytest

from catalog.files import network_disk as module
from catalog.files.network_disk import network_disk

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:40 / /mnt/nas rw,relatime shared:1 master:2 - nfs4 nas:/export rw,vers=4.2
41 40 0:41 / /mnt/nas/scratch rw,relatime - xfs /dev/sdb1 rw
42 27 0:42 / /mnt/our\\040disk\\134s rw,relatime - cifs //server/share rw
43 27 0:43 / /mnt/over rw,relatime - nfs nas:/old rw
44 43 0:44 / /mnt/over rw,relatime - ext4 /dev/sdc1 rw
45 27 0:45 / /mnt/bucket rw,relatime - fuse.rclone remote: rw
46 27 0:46 / /mnt/secret rw,relatime - fuse.gocryptfs /home/me/secret rw
47 27 0:47 / /mnt/lustre rw,relatime - lustre mgs@tcp:/fs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/runs", None),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/not/made/yet", "nfs4"),
        ("/mnt/nas-of-another-name", None),
        ("/mnt/nas/scratch/runs", None),
        ("/mnt/our disk\\s/runs", "cifs"),
        ("/mnt/over/runs", None),
        ("/mnt/bucket", "fuse.rclone"),
        ("/mnt/secret", None),
        ("/mnt/lustre/runs", "lustre"),
    ],
)
def test_the_nearest_mount_counts(tmp_path, monkeypatch, path, kind):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(module, "MOUNTS", tmp_path / "mountinfo")
    assert network_disk(Path(path)) == kind


def test_a_link_is_followed_and_a_system_that_does_not_tell_has_local_disks(tmp_path, monkeypatch):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(module, "MOUNTS", tmp_path / "mountinfo")
    (tmp_path / "runs").symlink_to("/mnt/nas/runs")
    assert network_disk(tmp_path / "runs") == "nfs4"
    monkeypatch.setattr(module, "MOUNTS", tmp_path / "nothing")
    assert network_disk(tmp_path / "runs") is None


def test_what_this_system_says_can_be_read():
    assert network_disk(Path("/proc/self")) is None
