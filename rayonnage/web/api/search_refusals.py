"""What clients are told when nothing can be searched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rayonnage.web.api.model_refusals import model_refusals
from rayonnage.web.finding.similar_products import NothingToCompare, UnknownLabel, UnknownProduct
from rayonnage.web.finding.workspace_index import NoIndex, UnusableIndex
from rayonnage.web.problem import RequestRefused


@contextmanager
def search_refusals() -> Iterator[None]:
    """Turn what `SimilarProducts` raises into a refusal with its status."""
    try:
        with model_refusals():
            yield
    except NoIndex as error:
        raise RequestRefused(404, "no index yet", str(error)) from None
    except UnusableIndex as error:
        raise RequestRefused(409, "the index cannot be searched", str(error)) from None
    except UnknownProduct as error:
        raise RequestRefused(404, "no such product", str(error), "product_id") from None
    except UnknownLabel as error:
        raise RequestRefused(422, "no such category", str(error), "category_id") from None
    except NothingToCompare as error:
        raise RequestRefused(422, "nothing to search by", str(error), "product_id") from None
