"""`python -m catalog.photos.confined_decoder`: a process that decodes photos with Pillow within the limits of a job.

It loads Pillow alone: it starts in a tenth of a second, and what an address space limit leaves is the photo's.
"""

import math
import resource
import signal
import time

from PIL import AvifImagePlugin, Image, ImageFile, PngImagePlugin

from catalog.files.parent_process import ParentProcess
from catalog.photos.colour_profiles import is_srgb
from catalog.photos.confined_job import ANSWER, BAD, GOOD, JOB, Job, JobOutcome
from catalog.photos.headers.header import MAX_PROFILE_BYTES
from catalog.photos.pillow import Refused, decode

MAX_COMPLAINT_BYTES = 16 * 2**20


def confine(job: Job) -> None:
    """Set the limits of the process from where it stands now; the kernel keeps them, whatever a decoder does."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + job.memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    # the limit counts whole seconds, the timer of the same clock is exact; either ends the process
    signal.setitimer(signal.ITIMER_PROF, job.seconds)
    until = math.ceil(time.process_time() + job.seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(job: Job, photo: bytes) -> tuple[JobOutcome, list[bytes]]:
    """The answer to one job, and its pixels or reason in parts; whatever goes wrong is that photo's."""
    try:
        confine(job)
        if job.name == "profile":
            return JobOutcome(GOOD, int(is_srgb(photo))), []
        whole, size, strips, orientation, n_missing = decode(job, photo)
        return JobOutcome(GOOD, *whole, *size, orientation, n_missing, sum(map(len, strips))), strips
    except MemoryError:
        why = "it takes more memory to decode than a photo of its size does"
    except Refused as error:
        why = str(error)
    except Exception as error:  # Pillow's decoders raise anything on damaged bytes
        why = f"damaged {job.name} ({str(error) or type(error).__name__})"
    reason = why.encode("utf-8", "replace")[:500]
    return JobOutcome(BAD, n_bytes=len(reason)), [reason]


def prepare() -> None:
    """Pillow with one thread, and its own limit, which is not ours, off; what libraries complain stays short."""
    # a photo that fells a decoder leaves no core behind
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_COMPLAINT_BYTES, MAX_COMPLAINT_BYTES))
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # a profile of that size is read from any other format; texts are bounded together, by a limit of Pillow's own
    PngImagePlugin.MAX_TEXT_CHUNK = MAX_PROFILE_BYTES


def main() -> None:
    """Answer jobs until the process that gives them is gone."""
    parent = ParentProcess()
    prepare()
    parent.say_ready()
    while header := parent.receive(JOB.size):
        job = Job(*JOB.unpack(header))
        photo = parent.receive(job.n_bytes)
        if photo is None:
            break
        head, parts = answer(job, photo)
        del photo
        parent.answer(ANSWER.pack(*head))
        # what the parent has is given up here: together they hold one picture, and nothing while they wait
        parts.reverse()
        while parts:
            parent.answer(parts.pop())


if __name__ == "__main__":
    main()
