"""Log records on their way to people while a bar is shown: written to a terminal they would tear it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RecordHandler(logging.Handler):
    """Tells warnings to people, and notes whatever else is let through."""

    def __init__(self, tell: Callable[[str], None], note: Callable[[str], None]) -> None:
        super().__init__()
        self._tell, self._note = tell, note

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        text = f"{record.levelname}: {record.getMessage()}"
        if record.exc_info:
            text += f"\n{logging.Formatter().formatException(record.exc_info)}"
        # what Python warns of is for those who write programs
        if record.levelno >= logging.WARNING and record.name != "py.warnings":
            self._tell(text)
        else:
            self._note(text)


@contextmanager
def records_to(tell: Callable[[str], None], note: Callable[[str], None]) -> Iterator[None]:
    """Have these hear log records, and what Python warns of, in place of whatever heard them."""
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [RecordHandler(tell, note)]
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = before
