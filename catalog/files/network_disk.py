"""Whether a path lies on a disk that other hosts may write to."""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_KINDS = frozenset((
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "kafs",
    "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb", "smb2", "smb3", "smbfs",
    "virtiofs", "wekafs",
))  # fmt: skip
"""File systems as Linux names them, of servers or of disks that several hosts have mounted."""
LOCAL_FUSE = frozenset(("fuse.encfs", "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.lxcfs", "fuse.portal"))
"""What a program of this host makes of its own disks; any other one may well be a server's (sshfs, rclone, s3fs)."""


def network_disk(path: Path) -> str | None:
    """Kind of the network file system on which a path lies or would lie, such as `nfs4`; None: this host's own disk.

    None too where the system does not tell (it is not Linux).
    """
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = _kind_of_mount(path.resolve(), mounts)
    is_fuse = kind.startswith("fuse.") and kind not in LOCAL_FUSE
    return kind if kind in NETWORK_KINDS or is_fuse else None


def _kind_of_mount(path: Path, mounts: str) -> str:
    """Type of the file system that is mounted nearest above an absolute path, empty where none is."""
    nearest, kind = Path(), ""
    for line in mounts.splitlines():
        # see proc_pid_mountinfo(5): any number of optional fields end with a dash
        before, _, after = line.partition(" - ")
        place = Path(_unescaped(before.split(" ")[4]))
        # a later mount lies over an earlier one of the same place
        if path.is_relative_to(place) and len(place.parts) >= len(nearest.parts):
            nearest, kind = place, after.split(" ")[0]
    return kind


def _unescaped(place: str) -> str:
    """`/mnt/our\\040disk` -> `/mnt/our disk`."""
    first, *rest = place.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)
