"""Optimizers, the learning-rate schedule, and the generator's moving average."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from img2img.errors import CheckpointError
from img2img.models.base import Model, Update
from img2img.schema import TrainingConfig


def lr_factor(progress: float, constant: float, decay: float) -> float:
    """1 for `constant` epochs (or steps), then falling linearly to 0 over `decay` of them.

    Args:
        progress: epochs (or steps) that are done; within epoch e, counted from 1, e - 1.

    This is pix2pixHD's schedule; pytorch-CycleGAN-and-pix2pix's is the same with
    (constant - 1, decay + 1).
    """
    if progress <= constant:
        return 1.0
    return max(0.0, 1.0 - (progress - constant) / decay) if decay else 0.0


@dataclass(frozen=True)
class Schedule:
    """How long the learning rate is held, and over how long it falls to 0.

    Attributes:
        unit: what `constant` and `decay` count, "epochs" or "steps".
    """

    unit: str
    constant: int
    decay: int
    steps_per_epoch: int

    @classmethod
    def of(cls, config: TrainingConfig, steps_per_epoch: int) -> "Schedule":
        """As set; in steps, where any are."""
        if config.steps is None and config.decay_steps is None:
            return cls("epochs", config.epochs, config.decay_epochs, steps_per_epoch)
        return cls("steps", config.steps or 0, config.decay_steps or 0, steps_per_epoch)

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
        return lr_factor(progress, self.constant, self.decay)


def build_optimizers(
    model: Model, config: TrainingConfig, device: torch.device
) -> dict[str, torch.optim.Optimizer]:
    """One optimizer for each update, over all parameters of its networks.

    It is never rebuilt: a parameter that is not trained yet simply has no gradient. On a CPU the
    moments are there before the first step: between the activations of a step they would leave holes
    in the heap for good.
    """
    optimizers = {
        update.name: _optimizer(
            list(named_parameters(model, update).values()),
            config.learning_rate(update.role),
            config,
            fused=device.type in ("cpu", "cuda"),
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
        state["step"].zero_()


def _optimizer(
    parameters: list[nn.Parameter], lr: float, config: TrainingConfig, *, fused: bool
) -> torch.optim.Optimizer:
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr, alpha=config.beta2)
    betas = (config.beta1, config.beta2)
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=fused)


def named_parameters(model: Model, update: Update) -> dict[str, nn.Parameter]:
    """The parameters of an update's networks as `network.parameter`, in optimizer order."""
    return {
        f"{name}.{key}": parameter
        for name in update.nets
        for key, parameter in getattr(model, name).named_parameters()
    }


def optimizer_tensors(model: Model, update: Update, optimizer) -> dict[str, Tensor]:
    """An optimizer's state as tensors, named `update/network.parameter/exp_avg`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{update.name}/{name}/{key}": value
        for index, name in enumerate(named_parameters(model, update))
        for key, value in state.get(index, {}).items()
    }


def load_optimizer_tensors(
    model: Model, update: Update, optimizer, tensors: dict[str, Tensor]
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
