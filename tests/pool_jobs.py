"""Jobs for the pools of test_executors.py: light, so that their processes start at once; and cells that misbehave."""

import os
import signal
import time
from pathlib import Path

from ltd.config import ConfigError


def act(job, warn):
    """A job is a file in whose name stands what to do; it gets a line for each attempt."""
    path = Path(job)
    with open(path, "a") as file:
        file.write(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
    attempts = len(path.read_text().splitlines())
    if path.name == "dies" or (path.name == "dies once" and attempts == 1):
        warn(f"attempt {attempts}")
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "raises":
        raise RuntimeError("no\nluck")
    if path.name == "refuses":
        raise ConfigError("device = 'gpu': jax finds none here.")
    if path.name.startswith("sleeps"):
        time.sleep(600)
    warn(f"{path.name} is done")


CELLS = """
import multiprocessing, os, signal
from ltd.cells.elman import Elman

class Raises(Elman):
    def project(self, inputs):
        if multiprocessing.parent_process() is not None:
            raise RuntimeError("as it was asked to")
        return super().project(inputs)

class Dies(Elman):
    def project(self, inputs):
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().project(inputs)
"""

CLUSTER = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(True, head_node_args={"num_cpus": 1, "include_dashboard": False, "temp_dir": sys.argv[1]})
second = cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(second, allow_graceful=False)
    print("removed", flush=True)
cluster.shutdown()
"""
