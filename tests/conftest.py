"""What every test stands on: two host devices on any machine, exact products, quick compilation."""

import gc
import os

# Said before jax starts. Two devices, so that lanes are spread. Compiling is most of what the tests do: level 0 of XLA,
# the older emitters of loops and no splitting of programs compile in a fifth of the time that the settings of
# `ltd.runtime` take, for slower programs; LTD_TEST_LEVEL=2 runs the tests as users do.
LEVEL = os.environ.get("LTD_TEST_LEVEL", "0")
FLAGS = {"xla_force_host_platform_device_count": 2, "xla_backend_optimization_level": LEVEL}
if LEVEL == "0":
    FLAGS |= {"xla_cpu_use_fusion_emitters": "false", "xla_cpu_parallel_codegen_split_count": 1}
given = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = " ".join([given, *(f"--{k}={v}" for k, v in FLAGS.items() if k not in given)]).strip()

os.environ["WANDB_MODE"] = "disabled"  # whatever the machine is configured for

from ltd import runtime

runtime.start()

import jax
import pytest

jax.config.update("jax_default_matmul_precision", "highest")
# traces are millions of small objects: looking through all of them for rubbish so often takes a seventh of the time
gc.set_threshold(200_000, 20, 50)


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def x64():
    """Double precision while the test runs."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True, scope="module")
def _forget():
    """Compiled programs of one file are of no use to the next, and gigabytes of them slow everything down."""
    yield
    jax.clear_caches()
