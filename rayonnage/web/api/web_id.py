"""Ids in JSON: browsers round integers of more than 53 bits, so that longer ones are texts there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from catalog.ids.shop_id import LARGEST_EXACT, ShopId, shop_id
from rayonnage.web.problem import RequestRefused

WebId = Annotated[ShopId, Field(examples=[1000015716])]
"""An id in a body of the API."""


def id_for_web(one: ShopId) -> ShopId:
    """An id as a browser can take and give it back."""
    return str(one) if isinstance(one, int) and abs(one) >= LARGEST_EXACT else one


def id_from_web(given: ShopId, field: str = "product_id") -> ShopId:
    """The id that a client means; raises RequestRefused (422) where it is none."""
    try:
        return shop_id(str(given))
    except ValueError as error:
        raise RequestRefused(422, "this is no id", str(error), field) from None
