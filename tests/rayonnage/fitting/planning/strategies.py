"""Catalogues and machines of every kind, for what must hold of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import BackboneSpeed, MachineSpeed
from tests.rayonnage.fitting.known_catalogues import machine, survey

COUNTS = st.integers(0, 3000)


@st.composite
def surveys(draw: st.DrawFn) -> CatalogSurvey:
    """Catalogues of 20 products and more, on up to four shelves."""
    one, two, three, four = draw(COUNTS) + 20, draw(COUNTS), draw(COUNTS), draw(COUNTS)
    n, photos = one + two + three + four, one + 2 * two + 3 * three + 4 * four
    n_shelves = draw(st.integers(1, 4))
    leaves = draw(st.integers(1, 30))
    shelves = [(f"S{i}", n // n_shelves, photos // n_shelves, leaves) for i in range(n_shelves)]
    sizes = [max(1, n // (leaves * n_shelves))] * (leaves * n_shelves)
    titled = draw(st.integers(0, n))
    return survey(
        (0, one, two, three, four), shelves, sizes, n_titled=titled, n_distinct_titles=titled,
        megapixels_per_photo=draw(st.sampled_from([0.03, 1.0, 12.0])),
    )  # fmt: skip


@st.composite
def machines(draw: st.DrawFn) -> MachineSpeed:
    """From a GPU's speed to a hundred times slower than two cores."""
    step = draw(st.floats(0.0005, 2.0))
    speeds = {"tf_efficientnet_lite0": BackboneSpeed(160, step, step / 3, step / 6, 10_000_000)}
    if draw(st.booleans()):
        speeds["tf_efficientnet_lite2"] = BackboneSpeed(160, 1.8 * step, 0.6 * step, 0.3 * step, 20_000_000)
    words = draw(st.dictionaries(st.sampled_from(["S0", "S1", "S2"]), st.floats(0, 10)))
    return machine(
        words, backbones=speeds, decode_s=draw(st.floats(0, 0.1)), read_s=draw(st.sampled_from([0.0, 0.05, 0.3])),
        words_per_photo=draw(st.floats(0, 8)),
    )  # fmt: skip
