"""Weight files of other networks, whose names or sizes resemble published ones."""

import pytest
import torch
import torchvision

from img2img.cli import main


def conv(*shape):
    return torch.zeros(*shape)


OTHERS = {
    "a ResNet": (torchvision.models.resnet18().state_dict(), "not a network of pix2pixHD"),
    "layers of a ResNet": (
        {"layer1.0.conv1.weight": conv(4, 4, 3, 3), "layer2.0.conv1.weight": conv(4, 4, 3, 3)},
        "not a network of pix2pixHD",
    ),
    "a discriminator and more": (
        {"layer0.0.weight": conv(4, 3, 4, 4), "head.weight": conv(4, 3, 4, 4)},
        "not a network of pix2pixHD",
    ),
    "a U-Net of depth 1": (
        {f"model.model.{i}.weight": conv(8, 3, 4, 4) for i in (0, 1)},
        "named like a unet of pix2pixHD or pytorch-CycleGAN-and-pix2pix, but not one",
    ),
    "half an enhancer": ({"model1_1.1.weight": conv(4, 3, 7, 7)}, "an incomplete network"),
    "a chain with blocks of another kind": (
        {f"model.{i}.conv_block.conv.weight": conv(4, 3, 3, 3) for i in range(3)},
        "an incomplete network",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_network_is_one_message(name, tmp_path, capsys):
    state, expected = OTHERS[name]
    torch.save(state, tmp_path / "G.pth")
    run = tmp_path / "run"
    assert main(["import-weights", str(tmp_path / "G.pth"), "--run", str(run)]) == 2
    message = capsys.readouterr().err
    assert expected in message and "G.pth" in message
    assert not run.exists()
