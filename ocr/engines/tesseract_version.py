"""Which Tesseract is installed, asked for without a look-up of names."""

import threading
from typing import Any

NO_LOOK_UPS = {"RES_OPTIONS": "attempts:0"}
"""To the C library: no question to a name server is tried even once."""
_asking = threading.Lock()


def tesseract_version() -> Any:
    """`packaging.version.Version` of the installed program; pytesseract then knows it too and does not ask again.

    Raises:
        OSError: there is none. SystemExit, RuntimeError: what pytesseract makes of an answer that is none.
    """
    import pytesseract
    from pytesseract import pytesseract as calls

    # Asked for its version, Debian's tesseract has that of libcurl told as well, whose libldap looks up this machine's
    # own name. Reading photos does not. The variable is for that process alone: here it would stop MongoDB's look-ups.
    # The lock: of two threads, one would take the other's variables for the usual ones and leave them there.
    with _asking:
        usual = calls.environ
        calls.environ = {**usual, **NO_LOOK_UPS}
        try:
            return pytesseract.get_tesseract_version()
        finally:
            calls.environ = usual
