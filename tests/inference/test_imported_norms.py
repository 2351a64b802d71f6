"""Which norm published weights were trained with is read off their tensors, or said by --norm."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import img2img
from img2img.cli import main

NORMS = {
    "none": nn.Identity,
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "old": lambda channels: nn.InstanceNorm2d(channels, track_running_stats=True),
}


def published_bias(norm):
    """The published code's rule: convolutions before instance norms alone have a bias."""
    return norm in ("instance", "old")


class Down(nn.Module):
    """A level of the published U-Net, whose sequence numbers its layers' names."""

    def __init__(self, outer, inner, norm, sub=None, *, outermost=False):
        super().__init__()
        bias, make = published_bias(norm), NORMS[norm]
        down = nn.Conv2d(outer, inner, 4, 2, 1, bias=bias)
        wide = inner if sub is None else inner * 2
        up = nn.ConvTranspose2d(wide, outer, 4, 2, 1, bias=bias or outermost)
        self.outermost = outermost
        if outermost:
            layers = [down, sub, nn.ReLU(), up, nn.Tanh()]
        elif sub is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, make(outer)]
        else:
            layers = [nn.LeakyReLU(0.2), down, make(inner), sub, nn.ReLU(), up, make(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        if self.outermost:
            return self.model(x)
        return torch.cat([nn.functional.leaky_relu(x, 0.2), self.model(x)], 1)


class UNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        inner = Down(16, 32, norm, Down(32, 64, norm))
        self.model = Down(3, 8, norm, Down(8, 16, norm, inner), outermost=True)

    def forward(self, x):
        return self.model(x)


class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        layers = []
        for last in (False, True):
            conv = nn.Conv2d(32, 32, 3, bias=published_bias(norm))
            layers += [nn.ReflectionPad2d(1), conv, NORMS[norm](32)] + [nn.ReLU()] * (not last)
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        make, bias = NORMS[norm], published_bias(norm)
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7, bias=bias), make(8), nn.ReLU()]
        for c in (8, 16):
            layers += [nn.Conv2d(c, 2 * c, 3, 2, 1, bias=bias), make(2 * c), nn.ReLU()]
        layers += [Block(norm), Block(norm)]
        for c in (32, 16):
            up = nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1, bias=bias)
            layers += [up, make(c // 2), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Patches(nn.Module):
    """The published PatchGAN of two strided layers."""

    def __init__(self, norm):
        super().__init__()
        bias, make = published_bias(norm), NORMS[norm]
        layers = [nn.Conv2d(6, 8, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after, stride in ((8, 16, 2), (16, 32, 2), (32, 64, 1)):
            conv = nn.Conv2d(before, after, 4, stride, 1, bias=bias)
            layers += [conv, make(after), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(64, 1, 4, 1, 1))


def drawn(network):
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    return network


def do_import(*arguments):
    return main(["import-weights", *map(str, arguments)])


@pytest.mark.parametrize("norm", list(NORMS))
@pytest.mark.parametrize("kind", [UNet, ResNet])
def test_the_norm_is_recognised(tmp_path, capsys, kind, norm):
    network = drawn(kind(norm)).train()  # each picture's own statistics, as published results have
    torch.save(network.state_dict(), tmp_path / "G.pth")
    torch.save(drawn(Patches(norm)).state_dict(), tmp_path / "D.pth")
    files = (tmp_path / "G.pth", tmp_path / "D.pth")
    assert do_import(*files, "--run", tmp_path / "run", "--model", "pix2pix") == 0
    said = capsys.readouterr().out
    assert f"\nnorm: {'instance' if norm == 'old' else norm}" in said
    model = img2img.load(str(tmp_path / "run"), device="cpu").model
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        if norm == "old":  # as when they were saved: statistics did not count
            for layer in network.modules():
                if isinstance(layer, nn.InstanceNorm2d):
                    layer.track_running_stats = False
        expected, ours = network(x), model.generator.eval()(x)
    assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_flag_decides_where_tensors_cannot(tmp_path, capsys):
    torch.save(
        drawn(ResNet("instance")).state_dict(), tmp_path / "G.pth"
    )  # a fork: biases, no norm
    assert do_import(tmp_path / "G.pth", "--run", tmp_path / "run", "--norm", "none") == 0
    model = img2img.load(str(tmp_path / "run"), device="cpu").model
    assert model.options.norm == "none" and model.options.bias
    capsys.readouterr()
    assert do_import(tmp_path / "G.pth", "--run", tmp_path / "other", "--norm", "batch") == 2
    assert "the file has no weights of batch norms" in capsys.readouterr().err


def test_norms_that_no_network_here_has_are_said(tmp_path, capsys):
    NORMS["affine"] = lambda channels: nn.InstanceNorm2d(channels, affine=True)
    try:
        torch.save(ResNet("affine").state_dict(), tmp_path / "G.pth")
    finally:
        del NORMS["affine"]
    assert do_import(tmp_path / "G.pth", "--run", tmp_path / "run") == 2
    assert "norms with weights but without statistics" in capsys.readouterr().err


def test_networks_of_different_norms_make_no_run(tmp_path, capsys):
    torch.save(drawn(ResNet("none")).state_dict(), tmp_path / "G.pth")
    torch.save(drawn(Patches("instance")).state_dict(), tmp_path / "D.pth")
    files = (tmp_path / "G.pth", tmp_path / "D.pth")
    assert do_import(*files, "--run", tmp_path / "run", "--model", "pix2pix") == 2
    assert "norm instance, but the generator has none" in capsys.readouterr().err
