"""`python -m catalog.photos.confined_decoder`: a process that decodes photos with Pillow within the limits of a job.

It loads Pillow alone: it starts in a tenth of a second, and what an address space limit leaves is the photo's.
"""

import io
import math
import random
import resource
import struct
import time
from typing import NamedTuple

from PIL import AvifImagePlugin, Image, ImageChops, ImageCms, ImageFile, ImageOps

from catalog.files.parent_process import ParentProcess

JOB = struct.Struct("<8sIIIBBBQdQ")
"""See `Job`; the photo's bytes follow."""
ANSWER = struct.Struct("<BIIIIIQ")
"""See `JobOutcome`; pixels or a reason follow."""
GOOD, BAD = 1, 0
PLUGINS = {
    "JPEG": ("JPEG", "MPO"), "PNG": ("PNG",), "WEBP": ("WEBP",), "GIF": ("GIF",),
    "AVIF": ("AVIF",), "BMP": ("BMP",), "TIFF": ("TIFF",), "HEIC": ("HEIF",),
}  # fmt: skip
"""Pillow's names of what may be opened: nothing else is, whatever the file holds."""
MAX_COMPLAINT_BYTES = 16 * 2**20
BOXED = ("AVIF", "HEIC")
STRIP_PIXELS = 2**20
FINER = 8
"""Times the pixels that are wanted on a side, to which a picture is shrunk here: a whole number of pixels seldom goes
into one exactly, and the last cell, which is narrower, would shift the picture."""
SAME_COLOUR = 2
"""Levels of 255 by which a profile that is sRGB may still change a colour: profiles are rounded tables."""
_ORIENTATION = 0x0112
_END = b"\xff\xd9"
_PROFILE_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


class Job(NamedTuple):
    """What is asked for.

    Attributes:
        format: `PhotoFormat`, or `profile`: whether the bytes are a colour profile that is sRGB.
        width, height: that the photo announced.
        at_most: longer side of the picture that is wanted, 0 for all of it.
        scale: 1, 2, 4 or 8, to which a JPEG is decoded.
        orientation: EXIF's, 1 to 8, to which it is turned; of formats that Pillow turns by itself 1.
        is_cut: its end is missing.
        memory: bytes that decoding may take.
        seconds: of CPU time that it may take.
        n_bytes: of the photo.
    """

    format: bytes
    width: int
    height: int
    at_most: int
    scale: int
    orientation: int
    is_cut: int
    memory: int
    seconds: float
    n_bytes: int

    @property
    def name(self) -> str:
        """The format as text."""
        return self.format.rstrip(b"\0").decode("ascii")


class JobOutcome(NamedTuple):
    """What came of a job.

    Attributes:
        status: `GOOD` or `BAD`. whole_width, whole_height: of the photo as its header counts it; of a
            profile, whether it is sRGB.
        width, height: of the picture. n_missing: rows at the end that are missing. n_bytes: that follow.
    """

    status: int
    whole_width: int = 0
    whole_height: int = 0
    width: int = 0
    height: int = 0
    n_missing: int = 0
    n_bytes: int = 0


class Refused(Exception):
    """Why a photo is not decoded."""


def confine(job: Job) -> None:
    """Set the limits of the process from where it stands now; the kernel keeps them, whatever a decoder does."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + job.memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    until = math.ceil(time.process_time() + job.seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def decode(job: Job, photo: bytes) -> tuple[tuple[int, int], Image.Image, int]:
    """The photo's size as its header counts it; its picture, RGB, upright, on white; how many last rows are missing.

    It is shrunk by a whole number, so that its longer side still has `FINER` times `at_most` pixels.
    """
    n_missing = 0
    if job.is_cut:
        photo, n_missing = photo + _END, missing_rows(job, photo)
    with opened(job, photo) as picture:
        size = picture.size
        picture.draft(picture.mode, (max(1, size[0] // job.scale), max(1, size[1] // job.scale)))
        picture.load()
        factor = max(1, max(picture.size) // (FINER * job.at_most)) if job.at_most else 1
        small = _on_white(picture, factor)
        # TIFF and HEIC were turned while they were loaded; of an AVIF, Pillow says how its boxes turn it. Of others it
        # would also believe their XMP, and refuse those whose EXIF is damaged, both unlike what is plain
        orientation = picture.getexif().get(_ORIENTATION, 1) if job.name == "AVIF" else job.orientation
        if job.name == "AVIF" and orientation > 4:
            size = size[::-1]
        small.getexif()[_ORIENTATION] = orientation
        return size, ImageOps.exif_transpose(small), n_missing


def opened(job: Job, photo: bytes) -> Image.Image:
    """The photo, not loaded yet, where it has the size that it announced."""
    if job.name == "HEIC":
        _know_heic()
    picture = Image.open(io.BytesIO(photo), formats=PLUGINS[job.name])
    if not _fits(picture.size, job):
        raise Refused(f"it announces {job.width} x {job.height} pixels and holds {picture.width} x {picture.height}")
    if job.name == "PNG" and photo[24] == 16 and isinstance(picture.info.get("transparency"), tuple):
        # the transparent colour has 16 bits, the pixels that Pillow makes have 8
        picture.info["transparency"] = tuple(value >> 8 for value in picture.info["transparency"])
    return picture


def _fits(size: tuple[int, int], job: Job) -> bool:
    """Whether a photo has the size that it announced: HEIC may be cut to less, and is turned by Pillow."""
    announced = (job.width, job.height)
    if job.name in BOXED:
        return all(side <= most for side, most in zip(sorted(size), sorted(announced), strict=True))
    return size == announced


def missing_rows(job: Job, photo: bytes) -> int:
    """Of a JPEG that is cut: the rows that depend on what is put in the place of what is missing."""
    filler = bytes(random.Random(0).choices(range(1, 255), k=max(4096, len(photo) // 4)))
    pictures = []
    for rest in (b"", filler):
        picture = opened(job, photo + rest + _END)
        # an eighth is enough: rows are coded eight or sixteen at a time
        picture.draft("L", (max(1, job.width // 8), max(1, job.height // 8)))
        pictures.append(picture.convert("L"))
    changed = ImageChops.difference(*pictures).getbbox()
    return 0 if changed is None else -(-(pictures[0].height - changed[1]) * job.height // pictures[0].height)


def _on_white(picture: Image.Image, factor: int) -> Image.Image:
    """RGB on white in sRGB, each side divided by `factor`: strip by strip, so that one copy is held and no more."""
    small = Image.new("RGB", (-(-picture.width // factor), -(-picture.height // factor)))
    to_srgb = _to_srgb(picture)
    rows = factor * max(1, STRIP_PIXELS // (picture.width * factor))
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        colour = _colour(strip) if picture.mode != "CMYK" or to_srgb is None else strip
        if factor > 1:
            colour = colour.reduce(factor)
        if to_srgb is not None:
            colour = to_srgb.apply(colour.convert(to_srgb.input_mode))
        small.paste(colour.convert("RGB"), (0, top // factor))
    return small


def _colour(strip: Image.Image) -> Image.Image:
    """RGB on white of any mode with up to 16 bits."""
    if strip.mode.startswith("I;16"):
        return _of_16_bits(strip)
    if strip.mode in ("I", "F"):
        raise Refused("its pixels have 32 bits: save it with 8 or 16")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    layers = strip.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")


def _of_16_bits(strip: Image.Image) -> Image.Image:
    """The upper eight bits, as Pillow takes them of colours; its own conversion of grey cuts off all above 255."""
    pixels = strip.tobytes()
    if strip.mode == "I;16B":
        upper, lower = pixels[::2], pixels[1::2]
    else:
        upper, lower = pixels[1::2], pixels[::2]
    grey = Image.frombytes("L", strip.size, upper)
    transparent = strip.info.get("transparency")
    if isinstance(transparent, int):
        differs = ImageChops.lighter(
            grey.point([255 * (value != transparent >> 8) for value in range(256)]),
            Image.frombytes("L", strip.size, lower).point([255 * (value != transparent & 255) for value in range(256)]),
        )
        grey = Image.composite(grey, Image.new("L", grey.size, 255), differs)
    return grey.convert("RGB")


def _to_srgb(picture: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """From the picture's embedded profile, where there is one that fits its pixels."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space, "")
        if (mode == "CMYK") != (picture.mode == "CMYK") or not mode:
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        # as browsers do: a profile that cannot be read is none
        return None


def is_srgb(profile: bytes) -> bool:
    """Whether a profile leaves colours (or greys) as they are, or is none that can be applied."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space, "")
        if mode not in ("RGB", "L"):
            return True
        steps = range(0, 256, 51)
        colours = bytes(value for r in steps for g in steps for b in steps for value in (r, g, b))
        grid = Image.frombytes("RGB", (len(colours) // 3, 1), colours) if mode == "RGB" else Image.linear_gradient("L")
        turned = ImageCms.profileToProfile(grid, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return True
    if turned is None:
        return True
    changes = ImageChops.difference(turned, grid.convert("RGB")).getextrema()
    return max(int(most) for _, most in changes) <= SAME_COLOUR  # type: ignore[misc]


def answer(job: Job, photo: bytes) -> tuple[JobOutcome, bytes]:
    """The answer to one job, and its pixels or reason; whatever goes wrong is that photo's."""
    try:
        confine(job)
        if job.name == "profile":
            return JobOutcome(GOOD, int(is_srgb(photo))), b""
        size, picture, n_missing = decode(job, photo)
        pixels = picture.tobytes()
        return JobOutcome(GOOD, *size, *picture.size, n_missing, len(pixels)), pixels
    except MemoryError:
        why = "it takes more memory to decode than a photo of its size does"
    except Refused as error:
        why = str(error)
    except Exception as error:  # Pillow's decoders raise anything on damaged bytes
        why = f"damaged {job.name} ({str(error) or type(error).__name__})"
    reason = why.encode("utf-8", "replace")[:500]
    return JobOutcome(BAD, n_bytes=len(reason)), reason


def prepare() -> None:
    """Pillow with one thread, and its own limit, which is not ours, off; what libraries complain stays short."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_COMPLAINT_BYTES, MAX_COMPLAINT_BYTES))
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _know_heic() -> None:
    """HEIC is the one format that Pillow needs a plugin for; of its file the main picture alone is unpacked."""
    import pillow_heif

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def main() -> None:
    """JobOutcome jobs until the process that gives them is gone."""
    parent = ParentProcess()
    prepare()
    parent.say_ready()
    while header := parent.receive(JOB.size):
        job = Job(*JOB.unpack(header))
        photo = parent.receive(job.n_bytes)
        if photo is None:
            break
        head, rest = answer(job, photo)
        parent.answer(ANSWER.pack(*head), rest)


if __name__ == "__main__":
    main()
