"""The setting by which steps are the same to the last bit, on a GPU too: switched on here, and left as it was."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training.determinism import deterministic_algorithms
from mosaic.training.resume import identity_of
from mosaic.views import View


def test_torch_computes_the_same_way_each_time_within_and_as_before_afterwards(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    with deterministic_algorithms(False):
        assert not torch.are_deterministic_algorithms_enabled()
    with deterministic_algorithms(True):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark


def test_an_operation_that_has_no_such_way_is_named_with_a_way_out():
    message = r"^max_pool3d_backward of this network .* train without deterministic=true"
    with pytest.raises(ValueError, match=message), deterministic_algorithms(True):
        raise RuntimeError(
            "max_pool3d_backward does not have a deterministic implementation, but you set "
            "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this operation"
        )
    with pytest.raises(RuntimeError, match=r"^another$"), deterministic_algorithms(True):
        raise RuntimeError("another")
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_run_of_before_the_setting_is_the_same_run():
    settings = load_config(MosaicConfig, "mosaic", "debug")
    later = ("deterministic", "decode", "matching", "method")
    values = {key: value for key, value in settings.model_dump().items() if key not in later}
    known = MosaicConfig.model_validate(values)
    # how matching is learnt is nothing to this run
    assert known.model_copy(update={"matching": settings.matching}) == settings
    wanted = {"plan": "p", "view": View().slot, "init_from": None, "config": values}
    earlier = hashlib.blake2b(json.dumps(wanted, sort_keys=True).encode(), digest_size=8).hexdigest()
    assert identity_of(settings, View(), None, "p") == earlier
    other = load_config(MosaicConfig, "mosaic", "debug", ["deterministic=true"])
    assert identity_of(other, View(), None, "p") != earlier
