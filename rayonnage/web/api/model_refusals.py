"""What clients are told when the model does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rayonnage.web.problem import RequestRefused
from rayonnage.web.serving.micro_batcher import QueueFull
from rayonnage.web.serving.prediction_service import TookTooLong
from rayonnage.web.serving.served_model import NotReady

LOADING_S, SLOW_S = 2, 20


@contextmanager
def model_refusals() -> Iterator[None]:
    """Turn what `ServedModel.served` raises into a refusal with its status and when to ask again."""
    try:
        yield
    except NotReady as error:
        raise RequestRefused(503, "no model answers yet", str(error), retry_after=LOADING_S) from None
    except QueueFull as error:
        raise RequestRefused(503, "too much waits", str(error), retry_after=error.retry_after) from None
    except TookTooLong as error:
        # who was worked on for so long will take its time again
        wait_s = SLOW_S if error.is_begun else LOADING_S
        raise RequestRefused(503, "no answer in time", f"{error}: ask again", retry_after=wait_s) from None
