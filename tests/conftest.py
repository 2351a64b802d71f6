"""Shared fixtures: where the optional shared data lie, and a clean engine for every test."""

import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it
# Networks as small as the tests' are fastest on one thread; other processors run other tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C;
# `nohup` has them ignore that the terminal was closed.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items):
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason=f"no shared data at {SHARED}")
    for item in items:
        if "shared_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data and vectors."""
    return SHARED


@pytest.fixture(scope="session")
def vector():
    """vector(name) -> (tensors as float32, description) of a compatibility vector."""
    import torch
    from safetensors.torch import load_file

    def load(name: str):
        folder = SHARED / "vectors"
        tensors = load_file(folder / f"{name}.safetensors")
        tensors = {k: v.float() if v.dtype == torch.float16 else v for k, v in tensors.items()}
        return tensors, json.loads((folder / f"{name}.json").read_text())

    return load


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """made_once(name, make) -> an own copy of the folder that `make(folder)` fills.

    The first of all test processes that asks for a name makes it; the others wait and copy, so a
    run that many tests use is trained once.
    """
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make) -> Path:
        original = root / f"made-{name}"
        with (root / f"made-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not original.exists():
                try:
                    make(original)
                except BaseException:
                    shutil.rmtree(original, ignore_errors=True)
                    raise
        return Path(shutil.copytree(original, tmp_path_factory.mktemp(name) / name))

    return once


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What scans remember stays out of the user's cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def fresh_engine():
    """Accelerate keeps device and precision for the whole process; tests choose anew."""
    yield
    import sys

    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)
