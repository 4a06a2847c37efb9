"""All that the fits of one run give: what is said of held-out products, and the network that is deployed."""

from dataclasses import dataclass

from catalog.probabilities import Probabilities
from catalog.reports.page import Section
from mosaic.method_comparison import Method, MethodComparison
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.cross_fitting import CrossFitting


@dataclass(frozen=True)
class Fitted:
    """What a run is made of.

    Attributes:
        held_out: of each held-out part, on the main process alone; deployed: has learnt from every product.
        k: leaves that saved probabilities keep; fits: whose page is that of the training.
        method: of the deployed network; comparison: by which it was chosen, None where there was no choice; sections:
            what the page says of that.
    """

    held_out: list[Probabilities]
    deployed: MosaicNetwork
    k: int
    fits: CrossFitting
    method: Method
    comparison: MethodComparison | None = None
    sections: tuple[Section, ...] = ()


def held_out_parts(fits: CrossFitting) -> tuple[list[Probabilities], MosaicNetwork]:
    """What each part's network says of it, on the main process, and the last of these networks."""
    parts = []
    for part in fits.data.plan.held_out_parts:
        network = fits.fit_without(part, fits.initial(part))
        if distributed.is_main():
            parts.append(fits.predict_held_out(part, network))
    return parts, network


def deployed_after(fits: CrossFitting, measured: MosaicNetwork) -> MosaicNetwork:
    """The network that has learnt from every product; `measured`: the last that lacks a part."""
    # the measured network lacks one part only: to go on from it saves a second full training
    goes_on = fits.data.plan.mode == "heldout" and fits.start is None
    return fits.fit_without(None, measured if goes_on else fits.initial(None))


def kept_leaves(fits: CrossFitting, deployed: MosaicNetwork) -> int:
    """Leaves that saved probabilities keep."""
    return fits.k or min(fits.config.inference.max_leaves, len(deployed.support))


def fitted_by(fits: CrossFitting, method: Method) -> Fitted:
    """Fit for every held-out part, then on everything."""
    parts, measured = held_out_parts(fits)
    deployed = deployed_after(fits, measured)
    return Fitted(parts, deployed, kept_leaves(fits, deployed), fits, method)
