"""GANs on mixtures of Gaussians in the plane: which modes does a generator leave out?

The model `gan` learns points as pictures of 1 x 1 pixel with two channels, by the training's own
`Stepper`. Networks and rates are near those of Metz et al. 2017, Appendix A, with maxout units in
the discriminator, and in batches of a quarter, which a CPU makes in less time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarking.gaussians import Mixture, grid, ring
from img2img.config import load_config
from img2img.data.spec import DataSpec
from img2img.distributed.engine import make_accelerator
from img2img.fields.image import ImageSpec
from img2img.keys import TARGET
from img2img.metrics.modes import mixture_coverage
from img2img.models import OPTIONS, build_model
from img2img.models.base import Model
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

MIXTURES = {"ring": ring(), "grid": grid()}
GAIN = 1.4
NOISY = 0.8  # share of a training with instance noise
SAMPLES = 2500  # that modes are counted in: Lin et al. 2018 (PacGAN), Sec. 4.1

# z of 256 normal numbers, two layers of 128, Adam with 0.001 for G and 0.0001 for D and beta1 of 0.5:
# the published code of Metz et al. 2017, which has batches of 512. Dropout would blur points of two numbers.
BASE = {
    "model": "gan",
    "model.latent": 256,
    "model.noise": "normal",
    "model.width": 128,
    "model.d_width": 32,
    "model.d_dropout": False,
    "training.batch_size": 128,
    "training.optimizer": "adam",
    "training.lr": 1e-3,
    "training.d_lr": 1e-4,
}
WASSERSTEIN = {"model.adversarial": "wasserstein", "model.critic_steps": 5}
# What is trained, by name: settings beside those of `BASE`. WGAN has ten times the rates and the clipping
# of its Algorithm 1, WGAN-GP ten times the rates of its published code for points (gan_toy.py), whose
# weight of 0.1 it keeps for the penalty: after 10,000 steps by the published rates both are clouds.
KINDS: dict[str, dict[str, object]] = {
    "gan": {},
    "lsgan": {"model.adversarial": "lsgan"},
    "wgan": WASSERSTEIN
    | {
        "model.clip": 0.1,
        "training.optimizer": "rmsprop",
        "training.beta2": 0.99,
        "training.lr": 5e-4,
        "training.d_lr": 5e-4,
    },
    "wgan_gp": WASSERSTEIN
    | {
        "model.penalty": "gradient",
        "model.weights.penalty": 0.1,
        "training.beta2": 0.9,
        "training.lr": 1e-3,
        "training.d_lr": 1e-3,
    },
    "instance_noise": {"model.regularizers.instance_noise": 0.2},
    "minibatch": {"model.regularizers.minibatch_discrimination": True},
    "unrolled": {"model.regularizers.unrolled": 5},
}


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes:
        modes, high_quality, even: as of `metrics.modes.mixture_coverage`.
        points: samples (N, 2), on the CPU, in the mixture's units.
    """

    kind: str
    seed: int
    modes: int
    high_quality: float
    even: float
    points: Tensor


def study(
    mixture: str, kinds: Iterable[str], seeds: Iterable[int], steps: int, device: str = "cpu"
) -> list[Result]:
    """Trains every kind by every seed, and counts the modes that its samples hit.

    Args:
        mixture: a name in `MIXTURES`.
        kinds: names in `KINDS`.
        steps: the generator's; a critic makes several for each.
        device: as `training.device`.
    """
    seeds = list(seeds)
    return [
        _train(MIXTURES[mixture], kind, seed, steps, device) for kind in kinds for seed in seeds
    ]


def _train(mixture: Mixture, kind: str, seed: int, steps: int, device: str) -> Result:
    overrides = BASE | KINDS[kind]
    steps *= overrides.get("model.critic_steps", 1)
    if kind == "instance_noise":  # behind noise that stays, nothing finer could be seen
        overrides["model.regularizers.instance_noise_steps"] = max(1, round(NOISY * steps))
    config = load_config(OPTIONS, overrides=overrides)
    accelerator = make_accelerator(device, "fp32")
    torch.manual_seed(seed)
    spec = DataSpec(inputs=(), target=ImageSpec(channels=2), size=(1, 1))
    model = build_model(config, spec)
    _fit_for_points(model)
    model.to(accelerator.device).train()
    state = TrainingState(config, model, accelerator, pairs=1, criterion="")
    stepper = Stepper(state, accelerator)
    generator = torch.Generator(accelerator.device).manual_seed(seed)
    for _ in range(steps):
        points = mixture.sample(config.training.batch_size, generator=generator)
        stepper.step([{TARGET: points[:, :, None, None]}])
        state.progress.step += 1
    points = _draw(model, seed).cpu()
    found = mixture_coverage(points, mixture.centres, mixture.std)
    return Result(kind, seed, **found, points=points)


def _fit_for_points(model: Model) -> None:
    """Orthogonal weights of gain 1.4 and no tanh, as in the published code of Metz et al. 2017.

    From the small weights of the model's own, which are meant for pictures, all points begin as one;
    and those that come near the ends of its tanh have no gradient to leave them by.
    """
    model.generator.layers[-1] = nn.Identity()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, GAIN)


@torch.no_grad()
def _draw(model: Model, seed: int) -> Tensor:
    """`SAMPLES` points (N, 2) of a trained generator."""
    device = next(model.parameters()).device
    latents = model.latents.draw(SAMPLES, device, torch.Generator().manual_seed(seed))
    return model.eval().translate(latents).flatten(1)
