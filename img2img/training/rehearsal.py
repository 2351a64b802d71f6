"""A training step played through on tensors without data, to see what it would hold in memory.

Everything is the training's own: model, losses, optimizers, `Stepper`. PyTorch's fake tensors
have shapes and types, but no memory, and `Ledger` sees every one of them come and go. So the
account follows any model, precision and setting by itself.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from types import SimpleNamespace

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from img2img.data.describe import Data
from img2img.models import build_model
from img2img.schema import Config
from img2img.tasks import task_of
from img2img.training.memory import AVERAGE, FROZEN, GRADIENTS, OPTIMIZER, PARAMETERS, Ledger
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

BATCHES = 2  # of a step; from the second one on, the first one's gradients are there


class Rehearsal:
    """The peaks of a training that has not begun.

    Attributes:
        model: the model on fake tensors.
        remarks: of the model, about networks that only training needs.
        step, validation: bytes by use at the moment when a step, or the translation of the
            largest held-out pair, holds the most.
        heap: the most bytes in tensors of up to `memory.HEAP_LIMIT` each.
    """

    def __init__(self, config: Config, data: Data, accelerator: Accelerator):
        self.device, self.task = accelerator.device, task_of(config.model.name)
        self.ledger = Ledger(self.device.type)
        # Real tensors may meet fake ones: a file's weights may be read as such.
        with FakeTensorMode(allow_non_fake_inputs=True), self.ledger:
            with self.device:
                self.model = build_model(config, data.spec).train()
                self.remarks = self.model.start_training(blank=True)
            stepper = self._stepper(config, accelerator)
            average = self._average() if config.training.ema else []
            self.ledger.assign(average, AVERAGE)
            self.step = self._play_step(stepper, config, data)
            self.validation = self._play_validation(config, data)
        self.heap = self.ledger.heap_peak

    def _stepper(self, config: Config, accelerator: Accelerator) -> Stepper:
        engine = SimpleNamespace(
            device=self.device,
            autocast=accelerator.autocast,
            scaler=None,  # it would keep fake tensors, and takes no memory to speak of
            num_processes=accelerator.num_processes,
            reduce=lambda flat, _: flat.clone(),
        )
        # The moving average copies networks, which fake ones with integers in them do not survive.
        training = config.training.model_copy(update={"ema": 0.0})
        config = config.model_copy(update={"training": training})
        state = TrainingState(config, self.model, engine, pairs=1, criterion="")
        # At the schedule's end, where a coarse-to-fine one trains everything.
        state.progress.epoch = config.training.epochs + config.training.decay_epochs
        note = self.ledger.assign
        note(_tensors(self.model), FROZEN)
        for network in self._trained():
            note(_tensors(network), PARAMETERS)
            for parameter in network.parameters():
                parameter.register_post_accumulate_grad_hook(lambda p: note([p.grad], GRADIENTS))
        for update in self.model.updates:
            # As after the first step, from which on the optimizer holds all that it will.
            optimizer = state.optimizers[update.name]
            for parameter in self.model.trainable(update, state.progress.epoch):
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            note(_moments(optimizer), OPTIMIZER)
        return Stepper(state, engine)

    def _average(self) -> list[Tensor]:
        networks = [getattr(self.model, name) for name in self.model.inference_nets]
        return [torch.empty_like(tensor) for network in networks for tensor in _tensors(network)]

    def _trained(self) -> list[nn.Module]:
        return [getattr(self.model, name) for u in self.model.updates for name in u.nets]

    def _play_step(self, stepper: Stepper, config: Config, data: Data) -> Counter[str]:
        size, training = training_size(config, data), config.training
        group = [
            self.task.blank_batch(data.spec, size, training.batch_size, self.device)
            for _ in range(training.accumulation)
        ]
        self.ledger.reset()
        stepper.step(group[:BATCHES])
        return self.ledger.peak

    def _play_validation(self, config: Config, data: Data) -> Counter[str]:
        training = config.training
        batch = None
        if training.val_pairs or training.samples:
            batch = self.task.blank_inputs(self.model, data, whole_size(data), self.device)
        if batch is None:
            return Counter()
        self.ledger.reset()
        self.model.eval()
        with torch.no_grad():
            self.model.translate(batch)
        return self.ledger.peak


def training_size(config: Config, data: Data) -> tuple[int, int]:
    """(height, width) of the largest picture that a step meets."""
    return config.data.crop or whole_size(data)


def whole_size(data: Data) -> tuple[int, int]:
    """(height, width) of the picture with the most pixels, as the network sees it uncropped."""
    sizes = {data.spec.working_size(size) for size in data.sizes}
    return max(sizes, key=lambda size: size[0] * size[1])


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())


def _moments(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    values = chain.from_iterable(state.values() for state in optimizer.state.values())
    return (value for value in values if value is not None)
