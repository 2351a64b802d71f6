"""One step of a training: the only place with backward, zero_grad and step.

In words: generate once; for each update that is due: losses, weigh them
by the weights of the same names, backward into exactly the parameters it trains, step;
then the moving average.
"""

from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from img2img import shortcuts
from img2img.errors import ConfigError
from img2img.models.base import Batch, Output, State, Update
from img2img.training.finite import FiniteGuard
from img2img.training.means import RunningMeans
from img2img.training.observing import observe
from img2img.training.state import TrainingState
from img2img.training.unrolling import terms_of


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

    Raises:
        ConfigError: an update that looks ahead, in a precision that cannot.
    """

    def __init__(self, state: TrainingState, accelerator: Accelerator):
        self.state, self.accelerator = state, accelerator
        self.model, self.progress = state.model, state.progress
        if accelerator.scaler and any(update.ahead for update in self.model.updates):
            raise ConfigError(
                "model.regularizers.unrolled goes through gradients too small for fp16; set "
                "training.precision=bf16 or fp32"
            )
        self.means = RunningMeans()
        self.guard = FiniteGuard(state.config.training.clip)
        self.seen: dict[str, Tensor] = {}
        self.factor = 1.0
        # A GPU would be asked for as many small updates as there are weights.
        self._early = (
            (accelerator.device.type == "cpu" or state.config.training.activation_checkpointing)
            and accelerator.num_processes == 1
            and not accelerator.scaler
            and not self.guard.clip  # the norm is of all gradients
            and shortcuts.allowed()
        )
        self._terms: dict[str, list[Tensor]] = {}  # of the last step, one for each batch
        self._losses: dict[str, Tensor] = {}  # of the updates that are not stepped yet

    def set_learning_rate(self, factor: float) -> None:
        """All optimizers step by this share of their learning rate."""
        self.factor = factor
        for update in self.model.updates:
            for group in self.state.optimizers[update.name].param_groups:
                group["lr"] = self.state.config.training.learning_rate(update.role) * factor

    def step(self, group: Sequence[Batch], *, observed: bool = False) -> None:
        """One step from the gradients of one batch, or of several.

        Over several batches, and where the model's updates share a graph, no weight moves before
        all gradients are there; otherwise each update sees what the updates before it changed.

        A batch may be worth several steps (`Model.steps`). Those of several batches are made side
        by side and must be as many.

        Args:
            observed: fill `seen`, from the last batch.
        """
        self._terms = {}
        states: list[State] = [{} for _ in group]
        worth = (self.model.steps(*each) for each in zip(group, states, strict=True))
        for parts in zip(*worth, strict=True):
            out = self._step(parts, states)
        if observed:
            self.seen = observe(self.model, out)

    def _step(self, group: Sequence[Batch], states: Sequence[State]) -> Output:
        """One step of all updates that are due; adds to the batches' states. Returns the last output."""
        due = [u for u in self.model.updates if self.progress.step % u.every == 0]
        shared = self.model.shared_graph
        alone = len(group) == 1
        at_once = alone and not shared
        for batch, state in zip(group, states, strict=True):
            with self.accelerator.autocast():
                out = self.model.generate(batch)
            state |= out.carried
            # The smaller graph first: the first update's backward then frees the whole one.
            for update in reversed(due) if shared else due:
                last = not shared or update is due[0]
                total = self._loss(update, batch, out) / len(group)
                if alone and last and self._early:
                    self._step_in_backward(update, total, out)
                    continue
                self._backward(update, total, keep_graph=not last)
                if at_once:
                    self._apply(update, out)
        if not at_once:
            for update in due:
                if update.name in self._losses:
                    self._apply(update, out)
        if self.accelerator.scaler:
            self.accelerator.scaler.update()
        if self.state.average:
            self.state.average.update(self.progress.step)
        return out

    def losses(self) -> dict[str, Tensor]:
        """The last step's losses by `update/term`, unweighted scalars on the device."""
        return {name: torch.stack(values).mean() for name, values in self._terms.items()}

    def _loss(self, update: Update, batch: Batch, out: Output) -> Tensor:
        """The weighed sum of an update's terms, which are noted in `means`."""
        optimizers, autocast = self.state.optimizers, self.accelerator.autocast
        clip = self.guard.clip
        terms = terms_of(self.model, update, batch, out, optimizers, autocast, clip=clip)
        for name, value in terms.items():
            self.means.add(f"{update.name}/{name}", value)
            self._terms.setdefault(f"{update.name}/{name}", []).append(value.detach())
        return self.model.weigh(update.name, terms)

    def _backward(self, update: Update, total: Tensor, *, keep_graph: bool) -> None:
        self._losses[update.name] = self._losses.get(update.name, 0) + total.detach()
        if self.accelerator.scaler:  # fp16
            total = self.accelerator.scaler.scale(total)
        # Gradients go to the trained parameters alone: nothing is computed for frozen ones,
        # and nothing of the generator's loss piles up in the discriminator.
        total.backward(inputs=self._trained(update), retain_graph=keep_graph)

    def _step_in_backward(self, update: Update, total: Tensor, out: Output) -> None:
        """Steps every weight as soon as its gradient is there, and drops the gradient.

        So the gradients are never there all at once. One that is not finite keeps its own weight
        from being stepped, not all.
        """
        optimizer, loss, bad = self.state.optimizers[update.name], total.detach(), []

        def step(parameter: nn.Parameter) -> None:
            bad.append(self.guard.step(optimizer, [parameter], loss))
            parameter.grad = None

        trained = self._trained(update)
        hooks = [parameter.register_post_accumulate_grad_hook(step) for parameter in trained]
        total.backward(inputs=trained)
        for hook in hooks:
            hook.remove()
        self.guard.count(update.name, torch.stack(bad).amax())
        with torch.no_grad():
            self.model.after(update.name, out)

    def _trained(self, update: Update) -> list[nn.Parameter]:
        return self.model.trainable(update, self.progress.epoch)

    def _apply(self, update: Update, out: Output) -> None:
        trained = [p for p in self._trained(update) if p.grad is not None]
        loss = self._losses.pop(update.name)
        if self.accelerator.num_processes > 1:
            loss = self._average(trained, loss)
        optimizer, scaler = self.state.optimizers[update.name], self.accelerator.scaler
        if scaler:
            if self.guard.clip:
                scaler.unscale_(optimizer)
            self.guard.count(update.name, self.guard.judge(trained))  # the scaler skips by itself
            scaler.step(optimizer)
        else:
            self.guard.count(update.name, self.guard.step(optimizer, trained, loss))
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.model.after(update.name, out)

    def _average(self, parameters: list[nn.Parameter], loss: Tensor) -> Tensor:
        """Averages the gradients between the processes; returns the averaged loss."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.flatten()])
        flat = self.accelerator.reduce(flat, "mean")
        *parts, loss = flat.split([*(gradient.numel() for gradient in gradients), 1])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return loss[0]
