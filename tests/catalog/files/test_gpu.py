"""Which GPUs there may be, by the files that drivers make."""

import pytest

from catalog.files import gpu


@pytest.fixture(autouse=True)
def devices(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "DEVICES", tmp_path)
    monkeypatch.setattr(gpu, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(gpu, "CUDA_LIBRARY", "libthere-is-none.so.1")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "nvidia", "driver", "any_gpu"),
    [
        ("nvidiactl", False, False, False),
        ("nvidia0", True, True, True),
        ("kfd", False, False, True),
        # a container that was given no GPU
        ("version", False, True, False),
        # Windows with a GPU of another maker, whose driver brings no libcuda
        ("dxg", False, False, False),
    ],
)
def test_gpus_are_known_by_their_device_files(devices, file, nvidia, driver, any_gpu):
    (devices / file).touch()
    assert (gpu.has_nvidia_gpu(), gpu.has_nvidia_driver(), gpu.has_gpu()) == (nvidia, driver, any_gpu)


def test_in_linux_on_windows_nvidias_gpu_is_known_by_its_library(devices, monkeypatch):
    # some library that every Linux has
    monkeypatch.setattr(gpu, "CUDA_LIBRARY", "libc.so.6")
    assert not gpu.has_gpu()
    (devices / "dxg").touch()
    assert gpu.has_nvidia_gpu()
    assert gpu.has_gpu()


@pytest.mark.parametrize(("variable", "hidden"), [(None, False), ("0,1", False), ("", True), ("-1", True)])
def test_gpus_may_be_hidden_on_purpose(devices, monkeypatch, variable, hidden):
    (devices / "nvidia0").touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert (gpu.gpus_are_hidden(), gpu.has_gpu()) == (hidden, not hidden)
