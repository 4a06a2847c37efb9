"""Colour profiles (ICC) by littlecms, which ships with Pillow."""

import io

from PIL import Image, ImageChops, ImageCms

SAME_COLOUR = 2
"""Levels of 255 by which a profile that is sRGB may still change a colour: profiles are rounded tables."""
_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's modes by the colour space that a profile names."""
GREY_MODES = ("1", "L", "I;16")
"""Pillow's modes of pictures without colours, `LA` and `I;16B` among them, begin so."""


def to_srgb(picture: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """From the picture's embedded profile, where there is one that fits its pixels."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space, "")
        if (mode == "CMYK") != (picture.mode == "CMYK") or not mode:
            return None
        if mode == "L" and not picture.mode.startswith(GREY_MODES):
            # a colour photo would turn grey
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        # as browsers do: a profile that cannot be read is none
        return None


def is_srgb(profile: bytes) -> bool:
    """Whether a profile leaves colours (or greys) as they are, or is none that can be applied."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space, "")
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
