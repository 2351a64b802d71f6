"""Optimizers and learning-rate schedules by name, and the generator's moving average."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from img2img.errors import CheckpointError
from img2img.models.base import Model, Update
from img2img.schema import TrainingConfig

Parameters = list[nn.Parameter]

# What each of the settings' optimizers is made of: parameters, learning rate, settings, and whether
# the device has it in one piece (`fused`), which steps or skips without waiting for the device.
# RMSprop has no such piece. See `finite.FiniteGuard`, and `unrolling` for the same as formulas.
OPTIMIZERS: dict[
    str, Callable[[Parameters, float, TrainingConfig, bool], torch.optim.Optimizer]
] = {
    "adam": lambda parameters, lr, s, fused: torch.optim.Adam(
        parameters, lr=lr, betas=(s.beta1, s.beta2), fused=fused
    ),
    "adamw": lambda parameters, lr, s, fused: torch.optim.AdamW(
        parameters, lr=lr, betas=(s.beta1, s.beta2), weight_decay=s.weight_decay, fused=fused
    ),
    "rmsprop": lambda parameters, lr, s, fused: torch.optim.RMSprop(
        parameters, lr=lr, alpha=s.beta2
    ),
    "sgd": lambda parameters, lr, s, fused: torch.optim.SGD(
        parameters, lr=lr, momentum=s.momentum, fused=fused
    ),
}


def linear(progress: float, constant: float, decay: float) -> float:
    """1 for `constant` epochs (or steps), then falling linearly to 0 over `decay` of them.

    Args:
        progress: epochs (or steps) that are done; within epoch e, counted from 1, e - 1.

    This is pix2pixHD's schedule; pytorch-CycleGAN-and-pix2pix's is the same with
    (constant - 1, decay + 1).
    """
    if progress <= constant:
        return 1.0
    return max(0.0, 1.0 - (progress - constant) / decay) if decay else 0.0


def cosine(progress: float, constant: float, decay: float) -> float:
    """As `linear`, but falling in half a cosine (Loshchilov & Hutter 2017, Eq. 5, without restarts)."""
    return (1 - math.cos(math.pi * linear(progress, constant, decay))) / 2


SCHEDULES = {"linear": linear, "cosine": cosine}


@dataclass(frozen=True)
class Schedule:
    """How long the learning rate is held, and how, and over how long, it falls to 0.

    Attributes:
        unit: what `constant` and `decay` count, "epochs" or "steps".
        shape: a name in `SCHEDULES`.
        warmup: first steps, in which the rate rises in a line to what it else would be.
    """

    unit: str
    constant: int
    decay: int
    steps_per_epoch: int
    shape: str = "linear"
    warmup: int = 0

    @classmethod
    def of(cls, config: TrainingConfig, steps_per_epoch: int) -> "Schedule":
        """As set; in steps, where any are."""
        how = (steps_per_epoch, config.schedule, config.warmup_steps)
        if config.steps is None and config.decay_steps is None:
            return cls("epochs", config.epochs, config.decay_epochs, *how)
        return cls("steps", config.steps or 0, config.decay_steps or 0, *how)

    def __str__(self) -> str:
        return f"{self.constant} + {self.decay} {self.unit}"

    @property
    def steps_per_unit(self) -> int:
        return self.steps_per_epoch if self.unit == "epochs" else 1

    @property
    def total(self) -> int:
        """Steps until the learning rate is 0."""
        return (self.constant + self.decay) * self.steps_per_unit

    def factor(self, *, step: int, epoch: int) -> float:
        """The share of the learning rate in a step, counted from 0, that is in this epoch."""
        progress = epoch if self.unit == "epochs" else step
        factor = SCHEDULES[self.shape](progress, self.constant, self.decay)
        return factor * min(1.0, (step + 1) / self.warmup) if self.warmup else factor


def build_optimizers(
    model: Model, config: TrainingConfig, device: torch.device
) -> dict[str, torch.optim.Optimizer]:
    """One optimizer for each update, over all parameters of its networks.

    It is never rebuilt: a parameter that is not trained yet simply has no gradient. On a CPU the
    moments are there before the first step: between the activations of a step they would leave holes
    in the heap for good.
    """
    optimizers = {
        update.name: OPTIMIZERS[config.optimizer](
            list(named_parameters(model, update).values()),
            config.learning_rate(update.role),
            config,
            device.type in ("cpu", "cuda"),
        )
        for update in model.updates
    }
    if device.type == "cpu":
        for optimizer in optimizers.values():
            _allocate_moments(optimizer)
    return optimizers


def _allocate_moments(optimizer: torch.optim.Optimizer) -> None:
    """Steps every parameter by nothing, which leaves it and the optimizer as they were."""
    for group in optimizer.param_groups:
        lr, group["lr"] = group["lr"], 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            parameter.grad = None
        group["lr"] = lr
    for state in optimizer.state.values():
        if "step" in state:  # all but SGD count their steps
            state["step"].zero_()


def named_parameters(model: Model, update: Update) -> dict[str, nn.Parameter]:
    """The parameters of an update's networks as `network.parameter`, in optimizer order."""
    return {
        f"{name}.{key}": parameter
        for name in update.nets
        for key, parameter in getattr(model, name).named_parameters()
    }


def optimizer_tensors(
    model: Model, update: Update, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """An optimizer's state as tensors, named `update/network.parameter/exp_avg`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{update.name}/{name}/{key}": value
        for index, name in enumerate(named_parameters(model, update))
        for key, value in state.get(index, {}).items()
        if value is not None  # SGD without momentum
    }


def load_optimizer_tensors(
    model: Model, update: Update, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    """The reverse of `optimizer_tensors`.

    Raises:
        CheckpointError: a tensor is named after no parameter.
    """
    parameters = named_parameters(model, update)
    index = {name: i for i, name in enumerate(parameters)}
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        owner, name, moment = key.split("/")
        if owner != update.name:
            continue
        if name not in index:
            raise CheckpointError(f"optimizer state for {name}, which the model does not have")
        if value.shape == parameters[name].shape:  # a fused step wants their strides alike
            value = torch.empty_like(parameters[name], requires_grad=False).copy_(value)
        state.setdefault(index[name], {})[moment] = value
    full = optimizer.state_dict()
    full["state"] = state
    optimizer.load_state_dict(full)


class MovingAverage:
    """An exponential moving average of the networks that translate.

    Early on the decay is smaller, (1 + t) / (10 + t) after t steps, so that the first
    random weights are soon forgotten.
    """

    def __init__(self, model: Model, decay: float):
        self.model, self.decay = model, decay
        networks = model.networks()
        self.networks = {
            name: copy.deepcopy(networks[name]).requires_grad_(False).eval()
            for name in model.inference_nets
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the weights after `step` steps; buffers are copied."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, average in self.networks.items():
            current = getattr(self.model, name)
            torch._foreach_lerp_(list(average.parameters()), list(current.parameters()), 1 - decay)
            for mine, other in zip(average.buffers(), current.buffers(), strict=True):
                mine.copy_(other)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The model translates with the averaged networks while the context lasts."""
        current = {name: getattr(self.model, name) for name in self.networks}
        try:
            for name, network in self.networks.items():
                setattr(self.model, name, network)
            yield
        finally:
            for name, network in current.items():
                setattr(self.model, name, network)
