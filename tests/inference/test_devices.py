"""Names of devices: what is there is taken, everything else is one message."""

import pytest
import torch

from img2img.devices import pick_device
from img2img.errors import ConfigError


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
