"""Photos whose decoding cannot be bounded in this process: a child decodes them within limits that the kernel keeps."""

import hashlib
import logging
import signal
import time
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from catalog.files.child_pool import ChildPool
from catalog.files.child_process import ChildLost, ChildNotStarted, ChildProcess
from catalog.photos.confined_job import ANSWER, CUT, CUT_IN_DETAIL, GOOD, JOB, WHOLE, Job, JobOutcome
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.header import Header
from catalog.photos.headers.jpeg import END, begun_scans
from catalog.photos.limits import CONFINED_BYTES, DEFAULT_MIB, DecodingPlan, max_decoded_bytes
from catalog.photos.opencv import Pixels, shrunk, upright

log = logging.getLogger(__name__)
SECONDS, PIXELS_PER_SECOND, PASSED_PER_SECOND = 1.0, 24_000_000, 300_000_000
"""CPU time that a photo may take, a second more for each so many pixels, and for each so many that further scans go
over: an AVIF's 49 million pixels took 2.4 s, a scan takes 2 ns a pixel."""
MOST_SECONDS = 2.2
"""At the default limit of memory no photo that passes it takes longer."""
WALL_LIMIT_S = 120.0
"""For machines so busy that a second of CPU time takes its time to come."""
MOST_MISSING = 1 / 8
"""Of a photo's rows may be missing at its end: more, and it is refused instead of shown with a grey field below."""
LEAST_ROWS = 16
"""Of a JPEG are coded together: what is missing is counted in these."""
OUT_OF_TIME = (signal.SIGXCPU, signal.SIGPROF)
FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, *OUT_OF_TIME)
"""Signals by which a process ends because of what it was given; others may be the machine's state."""
MAX_KNOWN = 1000
"""Colour profiles whose answer is remembered: each phone and each editor has its own."""
_srgb_of_digest: dict[bytes, bool] = {}


@cache
def _children() -> ChildPool[ChildProcess]:
    # one arena: each other one would take 128 MiB of the address space that is the limit; large blocks go back to the
    # kernel at once: what a photo leaves would count for the next one
    memory = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    return ChildPool(partial(ChildProcess, "catalog.photos.confined_decoder", environment=memory))


def end_decoders() -> None:
    """End the children that wait for a photo; the next that needs one starts it anew."""
    _children().close()


class ConfinedPicture(NamedTuple):
    """What the child made of a photo.

    Attributes:
        pixels: `(H, W, 3)` uint8 RGB, upright, on white, in sRGB; its longer side as asked for.
        size: (width, height) of the whole photo, as its header counts it.
        remark: what is wrong with it, empty for nothing.
    """

    pixels: Pixels
    size: tuple[int, int]
    remark: str


def decode_confined(photo: bytes, header: Header, plan: DecodingPlan, at_most: int | None) -> ConfinedPicture:
    """Have a photo decoded by a child; `plan`: with the memory that it may take there.

    Raises:
        UnreadablePhoto: damaged, other than it announced, or over its limits.
    """
    has_scans, is_cut = header.bytes_beside > 0, WHOLE
    if header.is_cut and has_scans:
        all_begun, is_refinement = begun_scans(photo)
        if not all_begun:
            raise UnreadablePhoto("the JPEG breaks off: of its details nothing but the coarse ones is there")
        is_cut = WHOLE if is_refinement else CUT_IN_DETAIL
        photo = photo + END if is_refinement else photo
    elif header.is_cut:
        is_cut = CUT
    job = Job(
        header.format.encode(), header.width, header.height, at_most or 0, plan.finer, plan.scale,
        header.orientation, is_cut, plan.n_bytes, _seconds(header), len(photo),
    )  # fmt: skip
    answer, pixels = _answer(job, photo)
    if len(pixels) != answer.width * answer.height * 3:
        raise UnreadablePhoto(f"damaged {header.format}", is_lasting=False)
    picture = np.frombuffer(pixels, np.uint8).reshape(answer.height, answer.width, 3)
    remark = _remark(header, is_cut == WHOLE, answer.n_missing) if header.is_cut else ""
    picture = upright(shrunk(picture, at_most), answer.orientation)
    return ConfinedPicture(picture, (answer.whole_width, answer.whole_height), remark)


def _seconds(header: Header) -> float:
    """More than `MOST_SECONDS` where a larger setting lets larger photos pass."""
    n_pixels = header.width * header.height
    wanted = SECONDS + n_pixels / PIXELS_PER_SECOND + n_pixels * (header.n_passes - 1) / PASSED_PER_SECOND
    return min(wanted, MOST_SECONDS * max(1.0, max_decoded_bytes() / (DEFAULT_MIB * 2**20)))


def _remark(header: Header, lacks_detail: bool, n_missing: int) -> str:
    """Raises UnreadablePhoto where too many rows are missing."""
    if n_missing > max(LEAST_ROWS, MOST_MISSING * header.height):
        raise UnreadablePhoto(f"the {header.format} breaks off: {n_missing} of its {header.height} rows are missing")
    if lacks_detail:
        return f"the {header.format} breaks off within its finest details"
    if n_missing:
        return f"the {header.format} breaks off in its last {n_missing} of {header.height} rows"
    return f"the end mark of the {header.format} is missing"


def is_srgb(profile: bytes) -> bool:
    """Whether an embedded colour profile (ICC) leaves colours as they are; it is looked at once.

    Raises:
        UnreadablePhoto: nobody is there to look at it.
    """
    digest = hashlib.blake2b(profile, digest_size=16).digest()
    known = _srgb_of_digest.get(digest)
    if known is None:
        job = Job(b"profile", 0, 0, 0, 1, 1, 1, 0, CONFINED_BYTES, SECONDS, len(profile))
        try:
            known = bool(_answer(job, profile)[0].whole_width)
        except UnreadablePhoto as error:
            if not error.is_lasting:
                # the machine's state says nothing of the profile: not to be remembered
                raise
            # one that fells its reader is none
            known = True
        if len(_srgb_of_digest) >= MAX_KNOWN:
            _srgb_of_digest.clear()
        _srgb_of_digest[digest] = known
    return known


def _answer(job: Job, photo: bytes) -> tuple[JobOutcome, bytearray]:
    """The answer and its pixels; a child that ended by no fault of the photo is replaced once."""
    try:
        try:
            return _ask(job, photo)
        except ChildLost as error:
            if error.late or error.signal_number in FAULTS:
                raise
            log.info("a photo of %d bytes is decoded again in a new process: %s", len(photo), error)
            return _ask(job, photo, fresh=True)
    except ChildLost as error:
        log.info("a photo of %d bytes ended its decoder: %s", len(photo), error)
        raise UnreadablePhoto(_why_lost(error, job), error.signal_number in FAULTS) from None
    except ChildNotStarted as error:
        raise UnreadablePhoto(f"its decoder does not start: {error}", is_lasting=False) from None


def _ask(job: Job, photo: bytes, fresh: bool = False) -> tuple[JobOutcome, bytearray]:
    deadline = time.monotonic() + WALL_LIMIT_S
    with _children().child(fresh) as child:
        child.send(JOB.pack(*job), photo, deadline=deadline)
        answer = JobOutcome(*ANSWER.unpack(child.receive(ANSWER.size, deadline)))
        if answer.n_bytes > job.memory:
            # no decoder of ours says that: what a photo made of it is not believed
            raise ChildLost("an answer of more bytes than it may hold")
        rest = bytearray(answer.n_bytes)
        child.receive_into(rest, deadline)
    if answer.status != GOOD:
        raise UnreadablePhoto(rest.decode("utf-8", "replace"))
    return answer, rest


def _why_lost(error: ChildLost, job: Job) -> str:
    if error.signal_number in OUT_OF_TIME:
        return f"it takes more than {job.seconds:.0f} s to decode, far more than a photo of its size does"
    if error.late:
        return f"it was not decoded within {WALL_LIMIT_S:.0f} s"
    return f"its decoder was lost ({error})"
