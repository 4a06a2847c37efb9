"""Devices are faked: what a GPU would be asked is asked of a stand-in."""

import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks import device
from mosaic.networks.device import autocast, compute_dtype, data_workers


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of the given generation (CUDA's major), as PyTorch describes one."""

    def of(major: int) -> torch.device:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or major >= 8
        )
        return torch.device("cuda")

    return of


def test_numbers_are_those_that_the_device_has_units_for(gpu):
    assert compute_dtype(torch.device("cpu")) == torch.float32
    turing, ampere = 7, 8
    assert compute_dtype(gpu(turing)) == torch.float32
    assert compute_dtype(gpu(ampere)) == torch.bfloat16


def test_on_a_cpu_autocast_changes_nothing():
    with autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize(("cores", "processes", "workers"), [(16, 1, 8), (4, 1, 4), (16, 8, 2), (4, 8, 1), (64, 8, 8)])
def test_training_processes_share_the_machines_cores(gpu, monkeypatch, cores, processes, workers):
    gpu(8)
    monkeypatch.setattr(device, "n_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    config = load_config(MosaicConfig, "mosaic")
    assert data_workers(config) == workers
    assert data_workers(config.model_copy(update={"workers": 3})) == 3


def test_on_a_cpu_no_process_takes_cores_from_the_network(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert data_workers(load_config(MosaicConfig, "mosaic")) == 0
