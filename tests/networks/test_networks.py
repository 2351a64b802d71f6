"""Networks: shapes, sizes they need, what they refuse, gradients, and padding to any size."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from img2img.networks.autoencoder import Encoder
from img2img.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from img2img.networks.layers import (
    BatchNorm,
    ConvBlock,
    UpBlock,
    concat_condition,
    downsample,
    init_weights,
    make_activation,
    make_norm,
)
from img2img.networks.mlp import MaxoutDiscriminator, MLPGenerator
from img2img.networks.padding import padded_size, run_padded
from img2img.networks.patchgan import PATCHES, MultiscaleDiscriminator, PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet


def coarse(up="resize"):
    return GlobalGenerator(in_channels=5, out_channels=None, width=8, n_down=2, n_blocks=1, up=up)


GENERATORS = {
    "unet": lambda up: UNet(in_channels=5, out_channels=3, width=4, depth=4, up=up),
    "global": lambda up: GlobalGenerator(
        in_channels=5, out_channels=3, width=4, n_down=2, n_blocks=2, up=up
    ),
    "enhancer": lambda up: LocalEnhancer(
        coarse(up), in_channels=5, out_channels=3, width=4, n_blocks=1, up=up
    ),
    "unet-enhancer": lambda up: LocalEnhancer(
        UNet(in_channels=5, out_channels=None, width=8, depth=3, up=up),
        in_channels=5,
        out_channels=3,
        width=4,
        n_blocks=1,
        up=up,
    ),
}


@pytest.mark.parametrize("up", ["resize", "transposed"])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators(name, up):
    network = GENERATORS[name](up)
    side = padded_size(1, multiple=network.size_multiple, minimum=network.size_minimum)
    x = torch.rand(2, 5, side, 2 * side)
    output = network(x)
    assert output.shape == (2, 3, side, 2 * side)
    assert output.abs().max() <= 1
    output.mean().backward()
    without = [key for key, p in network.named_parameters() if p.grad is None]
    assert not without
    ends = [p.grad.abs().sum() for p in network.parameters() if p.dim() == 4]
    assert all(torch.isfinite(g) for g in ends) and ends[-1] > 0


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("size", [(1, 1), (13, 29), (100, 100)])
def test_any_size_by_padding(name, size):
    network = GENERATORS[name]("resize").eval()
    with torch.no_grad():
        assert run_padded(network, torch.rand(1, 5, *size)).shape == (1, 3, *size)


def test_padding_mirrors_and_crops_back():
    class Echo:
        size_multiple, size_minimum = 8, 8

        def __call__(self, x):
            self.seen = x
            return x

    echo, x = Echo(), torch.arange(15.0).view(1, 1, 3, 5)
    assert torch.equal(run_padded(echo, x), x)
    assert echo.seen.shape == (1, 1, 8, 8)
    expected = nn.functional.pad(x, (1, 2, 2, 2), mode="reflect")  # as far as PyTorch can mirror
    assert torch.equal(echo.seen[:, :, :7], expected)
    assert torch.equal(run_padded(echo, torch.ones(1, 1, 8, 16)), torch.ones(1, 1, 8, 16))


@pytest.mark.parametrize("patch, layers", PATCHES.items())
def test_receptive_field_of_a_patchgan_is_its_name(patch, layers):
    network = PatchDiscriminator(in_channels=1, width=2, n_layers=layers, norm="none", padding=1)
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)  # nothing cancels, nothing is cut off by an activation
    side = 2 * patch + 64
    x = torch.rand(1, 1, side, side, requires_grad=True)
    prediction = network(x)[-1]
    middle = prediction.shape[-1] // 2
    prediction[0, 0, middle, middle].backward()
    rows = torch.nonzero(x.grad[0, 0].abs().sum(1)).flatten()
    assert int(rows[-1] - rows[0]) + 1 == patch


def test_multiscale_starts_with_the_full_resolution():
    network = MultiscaleDiscriminator(scales=3, in_channels=4, width=4, padding=2)
    outputs = network(torch.rand(1, 4, 64, 96))
    assert len(outputs) == 3 and all(len(features) == 5 for features in outputs)
    heights = [features[0].shape[-2] for features in outputs]
    assert heights == sorted(heights, reverse=True)
    assert outputs[0][-1].shape[1] == 1


def test_halving_does_not_count_the_border():
    assert_close(downsample(torch.ones(1, 2, 5, 7)), torch.ones(1, 2, 3, 4))


@pytest.mark.parametrize("size", [8, 14, 28, 48, 64])
def test_dcgan(size):
    generator = DCGANGenerator(size=size, width=4, channels=1, classes=3)
    condition = torch.eye(3)
    image = generator(torch.randn(3, 100), condition)
    assert image.shape == (3, 1, size, size) and image.abs().max() <= 1
    verdict = DCGANDiscriminator(size=size, width=4, channels=1, classes=3)(image, condition)
    assert verdict.shape == (3, 1)
    verdict.sum().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("size", [4, 7, 0, 29, 36])
def test_dcgan_refuses_sizes(size):
    for network in (DCGANGenerator, DCGANDiscriminator):
        with pytest.raises(ValueError, match="power of two"):
            network(size=size)


def test_dcgan_has_the_papers_shapes():
    generator = DCGANGenerator(width=128)  # Radford et al. 2016, Fig. 1
    shapes = []
    for layer in (generator.start, *generator.up):
        layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    generator(torch.zeros(2, 100))
    maps = [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    assert shapes == maps
    norms = [isinstance(layer.norm, BatchNorm) for layer in generator.up]
    assert norms == [True, True, True, False]
    judge = DCGANDiscriminator(size=28, channels=1, outputs=11)
    assert judge(torch.zeros(2, 1, 28, 28)).shape == (2, 11)
    assert [isinstance(layer.norm, BatchNorm) for layer in judge.down] == [False, True]


def test_condition_by_concatenation():
    x = torch.zeros(2, 1, 3, 4)
    spread = concat_condition(x, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert spread.shape == (2, 3, 3, 4)
    assert spread[1, 1].unique().tolist() == [4.0]
    joined = concat_condition(x, torch.ones(2, 5, 3, 4))
    assert joined.shape == (2, 6, 3, 4) and joined[:, :5].min() == 1


def test_initialisation():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3), nn.ConvTranspose2d(64, 64, 4), BatchNorm(4096))
    init_weights(network)
    network.requires_grad_(False)
    for layer in network[:2]:
        assert layer.weight.std() == pytest.approx(0.02, rel=0.02)
        assert layer.weight.mean().abs() < 5e-4
        assert layer.bias.abs().max() == 0
    assert network[2].weight.mean() == pytest.approx(1, abs=2e-3)
    assert network[2].weight.std() == pytest.approx(0.02, rel=0.05)


def test_blocks_are_convolution_norm_activation():
    x = torch.randn(2, 3, 8, 8)
    block = ConvBlock(3, 4, norm="instance", activation="leaky_relu", reflect=True)
    padded = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
    y = nn.functional.conv2d(padded, block.conv.weight, block.conv.bias)
    mean, var = y.mean((2, 3), keepdim=True), y.var((2, 3), unbiased=False, keepdim=True)
    y = (y - mean) / (var + 1e-5).sqrt()
    assert_close(block(x), torch.where(y > 0, y, 0.2 * y))
    up = UpBlock(3, 4, mode="resize", norm="none", activation="none")
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    padded = nn.functional.pad(doubled, (1, 1, 1, 1), mode="reflect")
    assert_close(up(x), nn.functional.conv2d(padded, up.conv.weight, up.conv.bias))
    for kernel in (3, 4):
        assert UpBlock(3, 4, mode="transposed", kernel=kernel)(x).shape == (2, 4, 16, 16)


def test_unknown_names_are_answered_with_the_valid_ones():
    with pytest.raises(ValueError, match="valid: instance, batch, none"):
        make_norm("layer", 3)
    with pytest.raises(ValueError, match="valid: relu"):
        make_activation("swish")
    with pytest.raises(ValueError, match="valid: resize, transposed"):
        UpBlock(1, 1, mode="pixelshuffle")
    with pytest.raises(ValueError, match="depth"):
        UNet(in_channels=1, out_channels=1, depth=1)


def test_the_first_gan_s_weights_are_those_of_its_published_experiment():
    """mnist.yaml of github.com/goodfeli/adversarial: irange of 0.05 and 0.005."""
    networks = {
        0.05: MLPGenerator(shape=(1, 28, 28)),
        0.005: MaxoutDiscriminator(shape=(1, 28, 28), minibatch=False),
    }
    for reach, network in networks.items():
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        assert len(layers) == 3
        for layer in layers:
            assert layer.weight.abs().max() <= reach and not layer.bias.any()
            assert float(layer.weight.detach().std()) == pytest.approx(reach / 3**0.5, rel=0.1)


def test_the_first_gan_s_discriminator_drops_what_its_published_experiment_does():
    """mnist.yaml of github.com/goodfeli/adversarial: kept are 0.8 of the picture, 0.5 of the others."""
    shares = [
        [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]
        for network in (
            MaxoutDiscriminator(shape=(1, 8, 8)),
            MaxoutDiscriminator(shape=(1, 8, 8), dropout=False),
        )
    ]
    assert shares == [pytest.approx([0.2, 0.5, 0.5]), [0, 0, 0]]


def test_what_an_autoencoder_hides_is_linear():
    """Berthelot et al. 2017, Sec. 3.5; an exponential linear unit would end at -1."""
    torch.manual_seed(0)
    hidden = Encoder(channels=1, size=16, hidden=8, width=4)(1e4 * torch.randn(20, 1, 16, 16))
    assert hidden.shape == (20, 8) and hidden.min() < -2 and hidden.max() > 2


def test_what_is_recognised_has_a_layer_of_its_own():
    judge = DCGANDiscriminator(size=28, channels=1, width=4, recognised=12)
    image = torch.randn(5, 1, 28, 28)
    said = judge(image)
    assert said.shape == (5, 13)
    found = judge.down(image)
    assert torch.equal(said[:, :1], judge.judge(found).flatten(1))
    hidden = nn.functional.leaky_relu(judge.recognise[0](found), 0.2)
    assert hidden.shape == (5, 128, 1, 1)
    assert_close(said[:, 1:], judge.recognise[2](hidden).flatten(1))
