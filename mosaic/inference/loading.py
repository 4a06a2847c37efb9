"""From a run folder to a network that is ready to predict: the one place where prediction may load PyTorch."""

import logging
from dataclasses import replace
from functools import cache, partial

import numpy as np
from safetensors import SafetensorError, safe_open

from catalog.files.gpu import has_gpu
from catalog.photos.batch import PhotoDecoder, decode_in_threads
from catalog.runs.run import Run
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.outputs import Backend
from mosaic.inference.run_graph import file_hashes, graph_backend, graph_format
from mosaic.run_files import weights_name

log = logging.getLogger(__name__)


def load_deployed(run: Run, config: MosaicConfig) -> DeployedNetwork:
    """The deployed network of a finished run.

    PyTorch, which takes seconds to load, is asked for nothing where the run's graph does; else it takes the weights.

    Raises:
        FileNotFoundError: the run has no weights.
        ValueError: they are damaged, or of another backbone.
    """
    form, is_auto = graph_format(config.inference), config.inference.backend == "auto"
    if form is not None and not (is_auto and _torch_has_gpu()):
        backend = graph_backend(run.folder, form, lambda: _in_torch(run, config), fall_back=is_auto)
        if backend is not None:
            return replace(_with_graph(run, backend), weights_digest=partial(_weights_digest, run))
    from mosaic.networks.deployed import deployed
    from mosaic.networks.network import load_network

    network = deployed(load_network(run, config), config.inference, config.photo_size)
    return replace(network, weights_digest=partial(_weights_digest, run))


def load_part(run: Run, config: MosaicConfig, part: int) -> DeployedNetwork:
    """The network of a finished run that never saw a held-out part; raises as `load_deployed` does."""
    from mosaic.networks.deployed import deployed
    from mosaic.networks.network import load_network

    network = deployed(load_network(run, config, part), config.inference, config.photo_size)
    return replace(network, weights_digest=partial(_weights_digest, run, part))


def photo_decoder(config: MosaicConfig) -> PhotoDecoder:
    """What decodes the photos that a run's networks are shown in prediction: as `decode` says, where a GPU can."""
    return _gpu_decoder() if config.decode == "gpu" else decode_in_threads


@cache
def _gpu_decoder() -> PhotoDecoder:
    # a model goes to machines without a GPU as well: photos look the same to it
    if not _torch_has_gpu():
        log.warning("decode is gpu, and PyTorch finds no GPU here: photos are decoded on the CPU")
        return decode_in_threads
    from mosaic.networks.device import best_device
    from mosaic.networks.jpeg_decoder import JpegDecoder

    try:
        return JpegDecoder(best_device())
    except ValueError as error:
        log.warning("photos are decoded on the CPU: %s", error)
        return decode_in_threads


def load_start(config: MosaicConfig) -> DeployedNetwork:
    """The network that a training starts from, for its embeddings: it has learnt nothing of any catalogue."""
    from mosaic.networks.deployed import deployed
    from mosaic.networks.network import MosaicNetwork

    # the head is asked for nothing, and two leaves are the fewest that it takes
    network = MosaicNetwork(config.backbone, np.arange(2), np.full(2, 0.5))
    digest = network.backbone_digest()
    return replace(deployed(network, config.inference, config.photo_size), weights_digest=lambda: digest)


def _weights_digest(run: Run, part: int | None = None) -> str:
    (digest,) = file_hashes(run.folder, (weights_name(part),)).values()
    return digest


def _torch_has_gpu() -> bool:
    if not has_gpu():
        return False
    from mosaic.networks.device import CPU, best_device, warn_if_slow

    device = best_device()
    warn_if_slow(device)
    return device != CPU


def _in_torch(run: Run, config: MosaicConfig) -> Backend:
    """What stands in for a graph that is no good, and therefore on the CPU, as it is."""
    from mosaic.networks.device import CPU
    from mosaic.networks.network import load_network
    from mosaic.networks.torch_backend import TorchBackend

    return TorchBackend(load_network(run, config), CPU)


def _with_graph(run: Run, backend: Backend) -> DeployedNetwork:
    """The network that the graph was made from: what it names stands in the file of its weights."""
    path = run.folder / weights_name(None)
    try:
        with safe_open(path, "numpy") as weights:
            support, frequency = weights.get_tensor("support"), weights.get_tensor("frequency")
            n_leaves, width = weights.get_slice("head.weight").get_shape()
    except (SafetensorError, ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold a network: {error}") from None
    if support.shape != (n_leaves,) or frequency.shape != (n_leaves,):
        raise ValueError(f"{path} does not hold a network: {n_leaves} leaves, but {len(support)} named")
    return DeployedNetwork(support.astype(np.int32), frequency, width, backend)
