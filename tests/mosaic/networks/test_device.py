"""Devices are faked: what a GPU would be asked is asked of a stand-in."""

import pytest
import torch

from catalog.files import gpu as device_files
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks import device
from mosaic.networks.device import (
    autocast,
    best_device,
    compute_dtype,
    data_workers,
    described,
    warn_if_slow,
    why_no_gpu,
)

TURING, AMPERE = 7, 8
CPU = torch.device("cpu")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of the given generation (CUDA's major), as PyTorch describes one."""

    def of(major: int) -> torch.device:
        monkeypatch.setattr(device, "_gpu_error", lambda: "")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of generation {major}")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
        return torch.device("cuda")

    return of


@pytest.fixture(autouse=True)
def driver(monkeypatch, tmp_path):
    """The file that says that NVIDIA's driver is loaded; it is not, until a test makes it."""
    monkeypatch.setattr(device_files, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(device_files, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    warn_if_slow.cache_clear()
    return tmp_path / "version"


def failing(monkeypatch, error):
    """PyTorch that finds a GPU, and answers with `error` when it is to compute there."""

    def ones(*_, **__):
        raise error

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", ones)


def test_numbers_are_those_that_the_device_has_units_for(gpu):
    assert compute_dtype(CPU) == torch.float32
    assert compute_dtype(gpu(TURING)) == torch.float32
    assert compute_dtype(gpu(AMPERE)) == torch.bfloat16


def test_on_a_cpu_autocast_changes_nothing():
    with autocast(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_device_is_described_with_its_numbers(gpu):
    assert described(CPU) == "CPU, float32"
    assert described(gpu(TURING)) == "GPU of generation 7, float32"
    assert described(gpu(AMPERE)) == "GPU of generation 8, bfloat16"


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("Torch not compiled with CUDA enabled"),
        RuntimeError("The NVIDIA driver on your system is too old (found version 12020).\nPlease update"),
        RuntimeError("CUDA error: no kernel image is available for execution on the device\nFor debugging"),
    ],
)
def test_a_gpu_that_pytorch_cannot_compute_on_is_left_and_told_of(monkeypatch, driver, caplog, error):
    failing(monkeypatch, error)
    assert best_device() == CPU
    # nothing to complain of: there is none
    assert why_no_gpu() == ""
    driver.touch()
    why = why_no_gpu()
    assert str(error).partition("\n")[0] in why
    assert "\n" not in why
    for _ in range(2):
        warn_if_slow(CPU)
    [warning] = caplog.messages
    assert why in warning
    assert "update the driver" in warning
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert why_no_gpu() == ""


def test_a_gpu_without_bfloat16_is_told_of_once(gpu, driver, caplog):
    driver.touch()
    warn_if_slow(gpu(AMPERE))
    assert caplog.messages == []
    assert why_no_gpu() == ""
    warn_if_slow.cache_clear()
    for _ in range(2):
        warn_if_slow(gpu(TURING))
    [warning] = caplog.messages
    assert "GPU of generation 7, float32" in warning
    assert "lower photos_per_batch" in warning


@pytest.mark.parametrize(("cores", "processes", "workers"), [(16, 1, 8), (4, 1, 4), (16, 8, 2), (4, 8, 1), (64, 8, 8)])
def test_training_processes_share_the_machines_cores(gpu, monkeypatch, cores, processes, workers):
    gpu(AMPERE)
    monkeypatch.setattr(device, "n_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    config = load_config(MosaicConfig, "mosaic")
    assert data_workers(config) == workers
    assert data_workers(config.model_copy(update={"workers": 3})) == 3


def test_on_a_cpu_no_process_takes_cores_from_the_network(monkeypatch):
    monkeypatch.setattr(device, "_gpu_error", lambda: "Found no NVIDIA driver on your system")
    assert data_workers(load_config(MosaicConfig, "mosaic")) == 0
