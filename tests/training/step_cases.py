"""Trainings of a few steps whose gradients do not depend on how many processes share a batch.

Under torchrun, `python step_cases.py FOLDER` trains every case on two pictures a process, and each
process writes what came of it.
"""

import sys
from pathlib import Path
from unittest.mock import patch

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import Tensor

from img2img.config import load_config
from img2img.data.spec import DataSpec
from img2img.fields import Instance, Label
from img2img.models import OPTIONS, build_model
from img2img.models.abilities import DrawsFromNoise
from img2img.networks.layers import BatchNorm
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

SIDE, CLASSES, IGNORED = 64, 5, 4
PICTURES, STEPS, STEPS_PER_EPOCH = 4, 4, 2  # the third step is the second epoch's first
LR = 1e-3
LATENT = 100  # numbers of z

PIX2PIX = {
    "model.name": "pix2pix",
    "model.width": 4,
    "model.d_width": 4,
    "model.depth": 4,
    "model.patch": 16,
    "model.dropout": 0,
}
HD = {
    "model.name": "pix2pixHD",
    "model.width": 4,
    "model.n_down": 2,
    "model.n_blocks": 1,
    "model.d_width": 4,
    "model.num_D": 2,
    "model.weights.perceptual": 0,
}
ENHANCER = HD | {"model.generator": "enhancer", "model.n_blocks_enhancer": 1}
WGAN_GP = {"model": "wgan_gp", "model.width": 4, "model.d_width": 4, "model.critic_steps": 2}
DOUBLE = {
    "pix2pix": PIX2PIX,
    "pix2pix-resnet": PIX2PIX | {"model.generator": "resnet", "model.n_blocks": 1},
    "pix2pix-without-norm": PIX2PIX | {"model.norm": "none", "model.adversarial": "non_saturating"},
    "pix2pix-frozen-batch-norm": PIX2PIX | {"model.norm": "batch", "model.up": "transposed"},
    "global": HD | {"training.ema": 0.9},
    "global-in-two-batches": HD | {"training.accumulation": 2},
    "global-frozen-batch-norm": HD | {"model.norm": "batch"},
    "enhancer": ENHANCER,
    "enhancer-coarse-fixed-then-free": ENHANCER | {"model.coarse_fixed_epochs": 1},
    "enhancer-on-unet": ENHANCER | {"model.coarse": "unet", "model.depth": 3},
    "unet": HD | {"model.generator": "unet", "model.depth": 4},
    "features": HD | {"model.features": True, "model.e_width": 4, "model.e_down": 2},
    "gradient-penalty": WGAN_GP,
    "divergence-penalty": WGAN_GP | {"model": "wgan_div"},
}
# In float32 rounding turns the sign of a difference in an L1 loss now and then, and one of them
# moves a gradient by a hundredth.
WITHOUT_L1 = {
    "pix2pix": {"model.weights.l1": 0},
    "pix2pixHD": {"model.weights.l1": 0, "model.weights.feature_matching": 0},
}
SINGLE = {
    f"{name}-in-float32": options | WITHOUT_L1.get(options.get("model.name"), {})
    for name, options in DOUBLE.items()
}
CASES = DOUBLE | SINGLE


def train(name: str, accelerator: Accelerator) -> dict[str, Tensor]:
    """Weights after a few steps of SGD, and the gradients of each, by name.

    Adam would make a step of the sign of every gradient, even of one that is noise.
    """
    torch.manual_seed(0)
    dtype = torch.float32 if name in SINGLE else torch.float64
    config = load_config(OPTIONS, overrides=CASES[name])
    model = build_model(config, _spec()).train().to(dtype)
    if isinstance(model, DrawsFromNoise):
        model.draw = lambda batch: {"z": batch["z"]}
    else:
        model.condition.register_forward_hook(lambda *args: args[-1].to(dtype))
    _freeze_statistics(model)
    state = TrainingState(config, model, accelerator, pairs=1, criterion="ssim")
    found: dict[str, Tensor] = {}
    for update in model.updates:
        networks = {net: getattr(model, net).named_parameters() for net in update.nets}
        named = {f"{net}.{key}": p for net, parts in networks.items() for key, p in parts}
        optimizer = torch.optim.SGD(named.values(), lr=LR)
        optimizer.register_step_pre_hook(_recorder(f"{update.name}/", named, state, found))
        state.optimizers[update.name] = optimizer
    stepper = Stepper(state, accelerator)
    for step in range(STEPS):
        state.progress.epoch = step // STEPS_PER_EPOCH
        group = _group(step, config.training.accumulation, accelerator, dtype)
        share = group[0]["share"]  # of the penalty
        with patch.object(torch, "rand", return_value=share):
            stepper.step(group)
        state.progress.step += 1
    found |= {f"weights/{key}": value.detach() for key, value in model.state_dict().items()}
    if state.average:
        average = state.average.networks["generator"].state_dict()
        found |= {f"average/{key}": value for key, value in average.items()}
    return found


def _recorder(prefix: str, named: dict[str, Tensor], state: TrainingState, found: dict):
    def record(*_) -> None:
        for key, parameter in named.items():
            if parameter.grad is not None:
                found[f"{prefix}{state.progress.step}/{key}"] = parameter.grad.clone()

    return record


def _freeze_statistics(model: torch.nn.Module) -> None:
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            layer.eval()


def _spec() -> DataSpec:
    label = Label(name="label", part="l", classes=CLASSES, ignore_id=IGNORED)
    instance = Instance(name="instance", part="i")
    return DataSpec(inputs=(label, instance), size=(SIDE, SIDE), smallest=(SIDE, SIDE))


def _group(
    step: int, parts: int, accelerator: Accelerator, dtype: torch.dtype
) -> list[dict[str, Tensor]]:
    """This process's share of a step's pictures, which differ in how many pixels are ignored."""
    draw = torch.Generator().manual_seed(step)
    small = torch.randint(0, CLASSES, (PICTURES, 1, 8, 8), generator=draw)
    small[0, :, :6] = IGNORED
    label = small.repeat_interleave(8, 2).repeat_interleave(8, 3)
    target = torch.rand(PICTURES, 3, SIDE, SIDE, generator=draw).to(dtype) * 2 - 1
    z = torch.randn(PICTURES, LATENT, generator=draw).to(dtype)
    share = torch.rand(PICTURES, 1, 1, 1, generator=draw).to(dtype)
    batch = {"label": label, "instance": label + 7, "target": target, "z": z, "share": share}
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    shares = {key: value[mine].chunk(parts) for key, value in batch.items()}
    return [dict(zip(shares, part, strict=True)) for part in zip(*shares.values(), strict=True)]


if __name__ == "__main__":
    engine = Accelerator(cpu=True)
    for case in CASES:
        result = {key: value.contiguous() for key, value in train(case, engine).items()}
        save_file(result, Path(sys.argv[1]) / f"{case}-{engine.process_index}.safetensors")
    engine.end_training()
