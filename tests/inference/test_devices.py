"""Names of devices and precisions: what is there is taken, everything else is one message."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.devices import memory_for, pick_device, pick_precision, precision_warning
from img2img.errors import ConfigError, DataError


@pytest.mark.parametrize(
    "name", ["cpu:foo", "cpu:1", "cuda:9", "cuda:", "cuda:-1", "cuda:01", "abacus", "", "mps:3"]
)
def test_what_is_not_there_is_one_message(name):
    with pytest.raises(ConfigError, match="valid here: auto, cpu"):
        pick_device(name)


def test_gpus_by_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="valid here: auto, cpu, cuda, cuda:0, cuda:1"):
        pick_device("cuda:2")


CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.mark.parametrize("native, chosen", [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_on_gpus_that_have_it(monkeypatch, native, chosen):
    asked = []
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: asked.append(1) or native
    )
    assert pick_precision("auto", GPU) == chosen and asked
    assert pick_precision("fp16", GPU) == "fp16"


@pytest.mark.parametrize("device", [CPU, MPS], ids=str)
def test_auto_is_fp32_elsewhere(device):
    assert pick_precision("auto", device) == "fp32"
    assert pick_precision("bf16", device) == "bf16"
    with pytest.raises(ConfigError, match="fp16 needs a CUDA GPU"):
        pick_precision("fp16", device)


def test_bf16_on_a_processor_without_it_is_warned_of(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    assert "10 to 100 times" in precision_warning("bf16", CPU)
    assert not precision_warning("fp32", CPU) and not precision_warning("bf16", GPU)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": True})
    assert not precision_warning("bf16", CPU)


@pytest.mark.parametrize("make", [torch.empty, lambda size: np.empty(size, np.uint8)])
def test_memory_that_does_not_suffice_names_the_picture(make):
    with (
        pytest.raises(DataError, match=r"a\.png: the memory does not suffice"),
        memory_for("a.png"),
    ):
        make(2**55)
    with pytest.raises(RuntimeError, match="another"), memory_for("a.png"):
        raise RuntimeError("another")


@pytest.mark.slow
def test_the_other_pictures_are_translated(tiny_runs, tmp_path):
    """In a process of 5 GB of addresses, whose networks want more for a large picture."""
    (tmp_path / "in").mkdir()
    for name, side in (("a", 12000), ("b", 32)):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / f"in/{name}.png")
    call = f"ulimit -v 5000000; {sys.executable} -m img2img translate in --out out --device cpu"
    command = ["bash", "-c", f"{call} --run {tiny_runs['pix2pix']}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "a.png: the memory does not suffice" in done.stderr
    assert "Traceback" not in done.stderr and (tmp_path / "out/b.png").exists()
