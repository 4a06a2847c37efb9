"""The network of a fusion run whose vectors can be compared."""

from collections.abc import Sequence

from catalog.experts import Expert
from mosaic.inference.embedding import Embedder
from mosaic.inference.expert import MosaicExpert
from mosaic.views import View


def embedder_of(experts: Sequence[Expert]) -> Embedder:
    """The general network of these experts, of several the first.

    Raises:
        ValueError: there is none.
    """
    for expert in experts:
        if isinstance(expert, MosaicExpert) and View() in expert.networks:
            return Embedder(expert.networks[View()], expert.config)
    raise ValueError(
        "the model has no general network, which takes any image count and is the one whose vectors can be compared: "
        "run `mosaic train`, and `fusion train` after it"
    )
