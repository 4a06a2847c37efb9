"""Networks on OpenVINO come and go, and signals are still handled."""

import subprocess
import sys

PROGRAM = """
import os, signal
import numpy as np, openvino, openvino.opset13 as op
from catalog.files.openvino_core import openvino_core

def program():
    x = op.parameter([1, 4], np.float32)
    return openvino_core().compile_model(openvino.Model([op.relu(x)], [x]), "CPU")

first, second = program(), program()
# the one that came first goes first
del first
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_signal_is_handled_after_programs_were_given_up_in_any_order():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
