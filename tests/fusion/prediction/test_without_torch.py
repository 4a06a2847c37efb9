"""What a prediction on a CPU does not load: seconds of every start, and most of its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.trained import picture

HEAVY = ["torch", "torchvision", "timm", "lightning", "sklearn", "skops", "pandas", "matplotlib", "scipy.stats"]
SCRIPT = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from catalog.files import gpu
from fusion.cli import main

photo, workspace, devices, heavy = sys.argv[1], sys.argv[2], Path(sys.argv[3]), json.loads(sys.argv[4])
gpu.DEVICES = devices
answers = []
for device in (None, "nvidia0"):
    if device:
        (devices / device).touch()
    result = CliRunner().invoke(main, ["predict", photo, "--workspace", workspace])
    answers.append([result.exit_code, result.output, [name for name in heavy if name in sys.modules]])
print(json.dumps(answers))
"""


def test_a_photo_is_predicted_without_torch_unless_there_may_be_a_gpu(trained, tmp_path):
    photo, devices = tmp_path / "photo.jpg", tmp_path / "dev"
    photo.write_bytes(picture(3, 0))
    devices.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(photo), str(trained / "runs"), str(devices), json.dumps(HEAVY)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "CUDA_VISIBLE_DEVICES": "0"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (code, output, loaded), (code_beside_gpu, _, loaded_beside_gpu) = json.loads(done.stdout)
    assert (code, code_beside_gpu) == (0, 0), done.stderr
    assert "Cat I " in output
    assert loaded == []
    assert "torch" in loaded_beside_gpu
