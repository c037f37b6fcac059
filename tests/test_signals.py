"""Ctrl-C and SIGTERM are heard wherever the main thread is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DROPPED = """
import os, signal, sys
from ltd import runtime
runtime.hear_signals()
number = int(sys.argv[1])

class Rubbish:
    def __del__(self):
        os.kill(os.getpid(), number)
        for _ in range(100):
            pass

rubbish = Rubbish()
del rubbish  # what the signal raises in here is dropped
try:
    runtime.stop_if_asked()
except runtime.Stopped as stopped:
    print(stopped.number)
try:
    os.kill(os.getpid(), number)
    for _ in range(100):
        pass
except runtime.Stopped as stopped:
    print(stopped.number)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_even_where_its_exception_is_dropped(number):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started must be able to hear it
    code = [sys.executable, "-c", DROPPED, str(int(number))]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == [str(int(number))] * 2 and done.stderr == ""
