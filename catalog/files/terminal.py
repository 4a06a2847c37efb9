"""Text for a terminal: what a name may hold to steer it is shown instead of obeyed."""

import re

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline; what turns the direction of writing; halves of characters, no text at all."""


def printable(text: str) -> str:
    r"""Text with an escape, such as `\x1b`, for each character that would steer a terminal.

    Names of files, categories and shops are anybody's: one with `ESC [ 2 J` in it would empty the screen, one with
    a carriage return would write over what stands there.
    """
    return _STEERING.sub(lambda found: _escape(found[0]), text)


def on_one_line(text: str) -> str:
    """`printable` text that no newline in a name can make look like two messages."""
    return printable(text).replace("\n", r"\n")


def _escape(character: str) -> str:
    code = ord(character)
    # a byte of a file's name that is no UTF-8
    if 0xDC80 <= code <= 0xDCFF:
        return rf"\x{code - 0xDC00:02x}"
    return rf"\x{code:02x}" if code < 0x100 else rf"\u{code:04x}"
