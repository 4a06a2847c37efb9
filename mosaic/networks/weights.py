"""Networks of a finished run, loaded without what trains them."""

from catalog.runs.run import Run
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork


def load_network(run: Run, config: MosaicConfig, part: int | None = None) -> MosaicNetwork:
    """The deployed network of a run, or the one that never saw `part`."""
    return MosaicNetwork.load(run.folder / weights_name(part), config.backbone)


def weights_name(part: int | None) -> str:
    """File in the run folder of the deployed network, or of the one that never saw `part`."""
    return "weights.safetensors" if part is None else f"weights-part{part}.safetensors"
