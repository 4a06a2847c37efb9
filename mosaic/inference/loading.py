"""From a run folder to a network that is ready to predict: the one place where prediction meets PyTorch."""

from catalog.runs.run import Run
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork


def load_deployed(run: Run, config: MosaicConfig) -> DeployedNetwork:
    """The deployed network of a finished run."""
    from mosaic.networks.deployed import deployed
    from mosaic.networks.network import load_network

    return deployed(load_network(run, config), config.inference, config.photo_size)
