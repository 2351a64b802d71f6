"""Losses that compare a generated image with the real one: by pixels, by features."""

from collections.abc import Callable, Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Wang et al.'s published code: relu1_1 ... relu5_1.
PERCEPTUAL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)

# The published code scales feature matching by 4 / (n_layers + 1): 1 for its three layers.
_FEATURE_MATCHING_LAYERS = 4.0


def l1_loss(fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference (Isola et al. 2017, Eq. 3) over the valid pixels.

    Every picture weighs the same, however many of its pixels count, so that the loss of a batch
    is the mean of its parts, on several processes or one after the other.

    Args:
        fake, real: (N, C, H, W).
        valid: (N, 1, H, W), 1 where a pixel counts; None: everywhere. A picture without any
            valid pixel adds 0.

    >>> float(l1_loss(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)))
    1.0
    """
    fake, real = fake.float(), real.float()
    if valid is None:
        return F.l1_loss(fake, real)
    weight = valid.expand_as(fake)
    distances = ((fake - real).abs() * weight).sum(dim=(1, 2, 3))
    return (distances / weight.sum(dim=(1, 2, 3)).clamp(min=1)).mean()


def feature_matching_loss(
    fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]
) -> Tensor:
    """L1 between a discriminator's features of the fake and the real image (Wang et al. 2018, Eq. 4).

    Args:
        fake, real: one list of feature maps per scale; the last of each list is the
            prediction and does not count. `real` receives no gradient.

    Returns:
        A scalar: the mean over scales of the sum over layers, times 4 / layers.

    >>> fake = [[torch.zeros(1, 8, 4, 4), torch.zeros(1, 1, 3, 3)]]  # one scale, one layer
    >>> real = [[torch.ones(1, 8, 4, 4), torch.ones(1, 1, 3, 3)]]
    >>> float(feature_matching_loss(fake, real))
    4.0
    """
    total = fake[0][0].new_zeros((), dtype=torch.float32)
    for fake_scale, real_scale in zip(fake, real, strict=True):
        layers = len(fake_scale) - 1
        for a, b in zip(fake_scale[:-1], real_scale[:-1], strict=True):
            distance = F.l1_loss(a.float(), b.detach().float())
            total = total + distance * (_FEATURE_MATCHING_LAYERS / layers)
    return total / len(fake)


class PerceptualLoss(nn.Module):
    """Weighted L1 between the features of a frozen network (Wang et al. 2018, Sec. 3.5).

    Args:
        features: images (N, 3, H, W) in [-1, 1] -> list of feature maps. It is handed in,
            so that this loss knows no particular network.
        weights: one weight for each feature map.

    >>> def features(image):  # in place of VGG, as of `img2img.networks.load_vgg`
    ...     return [image, F.avg_pool2d(image, 2)]
    >>> perceptual = PerceptualLoss(features, weights=(0.5, 0.5))
    >>> float(perceptual(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)))
    1.0
    """

    def __init__(
        self,
        features: Callable[[Tensor], list[Tensor]],
        weights: Sequence[float] = PERCEPTUAL_WEIGHTS,
    ):
        super().__init__()
        self.features = features
        self.weights = tuple(weights)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Scalar distance of two image batches (N, 1 or 3, H, W); no gradient for `real`.

        The gradient for `fake` is computed at once, so that nothing of the network's graph is kept.
        """
        if not (torch.is_grad_enabled() and fake.requires_grad):
            return self._distance(fake, real)
        return _WithGradient.apply(fake, real, self._distance)

    def compile(self, **how) -> None:
        """Compiles the network alone: no compiler follows a gradient inside a forward pass."""
        if isinstance(self.features, nn.Module):
            self.features.compile(**how)

    def _distance(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.features(_three_channels(real))
        outputs = self.features(_three_channels(fake))
        terms = (
            weight * F.l1_loss(a.float(), b.float())
            for weight, a, b in zip(self.weights, outputs, targets, strict=True)
        )
        return reduce(torch.add, terms)


class _WithGradient(torch.autograd.Function):
    """A scalar function of `fake` that knows its gradient as soon as its value."""

    # Half precision would lose a mean's gradients, which are 1e-7 a value, without a factor.
    SCALE = 2.0**16

    @staticmethod
    def forward(ctx, fake: Tensor, real: Tensor, distance: Callable[..., Tensor]) -> Tensor:
        with torch.enable_grad():
            leaf = fake.detach().requires_grad_()
            value = distance(leaf, real)
            (gradient,) = torch.autograd.grad(value * _WithGradient.SCALE, leaf)
        ctx.save_for_backward(gradient)
        return value.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * (upstream / _WithGradient.SCALE), None, None


def _three_channels(image: Tensor) -> Tensor:
    """A grey image in all three channels; RGB as it is."""
    return image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image
