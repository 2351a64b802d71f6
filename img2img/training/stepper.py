"""One step of a training: the only place with backward, zero_grad and step.

In words: generate once; for each update that is due: losses, weigh them
by the weights of the same names, backward into exactly the parameters it trains, step;
then the moving average.
"""

from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.models.base import Batch, Update
from img2img.training.finite import FiniteGuard
from img2img.training.observing import observe
from img2img.training.state import TrainingState
from img2img.training.tracking import RunningMeans


class Stepper:
    """Moves the weights of a training by one step at a time.

    Gradients are averaged between processes after each backward, by hand: a wrapper around
    each network would have to be told of frozen parts, of several forwards before one
    backward, and of second derivatives.

    Attributes:
        means: of the losses, by `update/term`, since they were last read.
        guard: skips updates that would make weights infinite.
        seen: what `observe` found in the last step in which it was asked for.
        factor: share of the learning rate that steps are made with.
    """

    def __init__(self, state: TrainingState, accelerator: Accelerator):
        self.state, self.accelerator = state, accelerator
        self.model, self.progress = state.model, state.progress
        self.means = RunningMeans()
        self.guard = FiniteGuard()
        self.seen: dict[str, Tensor] = {}
        self.factor = 1.0
        self._losses: dict[str, Tensor] = {}  # of the updates that are not stepped yet

    def set_learning_rate(self, factor: float) -> None:
        """All optimizers step by this share of their learning rate."""
        self.factor = factor
        for name, optimizer in self.state.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.state.config.training.learning_rate(name) * factor

    def step(self, group: list[dict[str, Tensor]], *, observed: bool = False) -> None:
        """One step from the gradients of one batch, or of several.

        Over several batches, and where the model's updates share a graph, no weight moves before
        all gradients are there; otherwise each update sees what the updates before it changed.

        Args:
            observed: fill `seen`, from the last batch.
        """
        due = [u for u in self.model.updates if self.progress.step % u.every == 0]
        shared = self.model.shared_graph
        at_once = len(group) == 1 and not shared
        for batch in group:
            with self.accelerator.autocast():
                out = self.model.generate(batch)
            # The smaller graph first: the first update's backward then frees the whole one.
            for update in reversed(due) if shared else due:
                keep = shared and update is not due[0]
                self._backward(update, batch, out, len(group), keep_graph=keep)
                if at_once:
                    self._apply(update)
        if not at_once:
            for update in due:
                self._apply(update)
        if observed:
            self.seen = observe(self.model, batch, out)
        if self.accelerator.scaler:
            self.accelerator.scaler.update()
        if self.state.average:
            self.state.average.update(self.progress.step)

    def _backward(
        self, update: Update, batch: Batch, out: dict, parts: int, *, keep_graph: bool
    ) -> None:
        with self.accelerator.autocast():
            terms = self.model.losses(update.name, batch, out)
        for name, value in terms.items():
            self.means.add(f"{update.name}/{name}", value)
        total = self._weigh(update, terms) / parts
        self._losses[update.name] = self._losses.get(update.name, 0) + total.detach()
        if self.accelerator.scaler:  # fp16
            total = self.accelerator.scaler.scale(total)
        # Gradients go to the trained parameters alone: nothing is computed for frozen ones,
        # and nothing of the generator's loss piles up in the discriminator.
        total.backward(inputs=self._trained(update), retain_graph=keep_graph)

    def _weigh(self, update: Update, terms: Mapping[str, Tensor]) -> Tensor:
        weights = self.model.options.weights
        unknown = [name for name in terms if not hasattr(weights, name)]
        if unknown:
            raise ConfigError(
                f"model.weights has no weight for the loss {', '.join(unknown)} of {update.name}"
            )
        return sum(getattr(weights, name) * value for name, value in terms.items())

    def _trained(self, update: Update) -> list[nn.Parameter]:
        return self.model.trainable(update, self.progress.epoch)

    def _apply(self, update: Update) -> None:
        trained = [p for p in self._trained(update) if p.grad is not None]
        loss = self._losses.pop(update.name)
        if self.accelerator.num_processes > 1:
            loss = self._average(trained, loss)
        optimizer, scaler = self.state.optimizers[update.name], self.accelerator.scaler
        if scaler:
            self.guard.watch(update.name, trained)
            scaler.step(optimizer)
        else:
            self.guard.step(update.name, optimizer, trained, loss)
        optimizer.zero_grad(set_to_none=True)

    def _average(self, parameters: list[nn.Parameter], loss: Tensor) -> Tensor:
        """Averages the gradients between the processes; returns the averaged loss."""
        flat = torch.cat([*(p.grad.flatten() for p in parameters), loss.flatten()])
        flat = self.accelerator.reduce(flat, "mean")
        *parts, loss = flat.split([*(p.numel() for p in parameters), 1])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad.copy_(part.view_as(parameter))
        return loss[0]
