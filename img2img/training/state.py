"""Everything of a run that a checkpoint must hold, and putting it back."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from img2img import shortcuts
from img2img.distributed.processes import main_alone
from img2img.errors import CheckpointError
from img2img.models.base import Model, load_strictly
from img2img.networks.checkpointing import recompute_activations
from img2img.runs import checkpoint as files
from img2img.runs.folder import BEST, CHECKPOINTS
from img2img.schema import Config
from img2img.training.optim import (
    MovingAverage,
    build_optimizers,
    load_optimizer_tensors,
    optimizer_tensors,
)


@dataclass
class Progress:
    """Where a run stands: enough to go on exactly here.

    Attributes:
        step: optimizer steps done.
        batch: batches of this epoch that are done.
        best: the best score of the validation's criterion so far.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float | None = None


class TrainingState:
    """Networks, optimizers, moving average, random state and progress of a run.

    Args:
        pairs: number of training pairs, which the position in an epoch depends on.
        criterion: the metric that `Progress.best` is of.
        remarks: sentences about the run that its checkpoints should remember.
    """

    def __init__(
        self,
        config: Config,
        model: Model,
        accelerator: Accelerator,
        *,
        pairs: int,
        criterion: str,
        remarks: tuple[str, ...] = (),
    ):
        self.config, self.model, self.accelerator = config, model, accelerator
        self.pairs, self.criterion, self.remarks = pairs, criterion, remarks
        self.progress = Progress()
        if config.training.activation_checkpointing:
            recompute_activations(model)
            shortcuts.return_freed_memory()
        self.optimizers = build_optimizers(model, config.training, accelerator.device)
        self.average = MovingAverage(model, config.training.ema) if config.training.ema else None

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """The model translates with the moving average, where there is one, and uncompiled.

        Held-out pictures differ in size: they would be compiled for each, to be drawn once.
        """
        with contextlib.ExitStack() as stack:
            if self.average:
                stack.enter_context(self.average.in_use())
            if self.config.training.compile:
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            yield

    def save(self, run: Path, log: Mapping[str, Tensor], *, keep: int) -> None:
        """Writes a checkpoint of everything and deletes all but the newest `keep`.

        Every process calls it: each adds its random state and its buffers, the main one writes.

        Args:
            log: what the next line of the log sums up, named as in a checkpoint.

        Raises:
            CheckpointError: it cannot be written; former checkpoints are untouched.
            TrainingError: in the other processes, where the main one could not write it.
        """
        own = {**self._gather_rng(), **self._gather_buffers(), **log}
        main_alone(self.accelerator, lambda: self._write(run / CHECKPOINTS, own, keep))

    def _write(self, folder: Path, own: dict[str, Tensor], keep: int) -> None:
        tensors = {**self._weights(), **own}
        for update in self.model.updates:
            moments = optimizer_tensors(self.model, update, self.optimizers[update.name])
            tensors.update({f"{files.OPTIMIZER}{k}": v for k, v in moments.items()})
        files.save_checkpoint(files.step_file(folder, self.progress.step), tensors, self._meta())
        files.prune(folder, self.progress.step, keep)

    def save_best(self, run: Path) -> None:
        """Writes the weights alone as the run's best."""
        files.save_checkpoint(run / CHECKPOINTS / BEST, self._weights(), self._meta())

    def restore(self, checkpoint: files.Checkpoint) -> None:
        """Goes on exactly where a checkpoint was written.

        Raises:
            CheckpointError: it holds no training, or the rest would be another one: another
                model, data set or choice of losses.
        """
        meta = checkpoint.meta
        self._require_same(checkpoint)
        states = files.grouped(checkpoint.tensors(files.WEIGHTS))
        for name, network in self.model.networks().items():
            load_strictly(network, states.get(name, {}), name)
        index = self.accelerator.process_index
        for name, value in checkpoint.tensors(f"{files.BUFFERS}{index}/").items():
            self.model.get_buffer(name).copy_(value)
        moments = checkpoint.tensors(files.OPTIMIZER)
        for update in self.model.updates:
            load_optimizer_tensors(self.model, update, self.optimizers[update.name], moments)
        if self.average:
            averages = files.grouped(checkpoint.tensors(files.AVERAGE))
            for name, network in self.average.networks.items():
                load_strictly(network, averages.get(name, {}), name)
        self._set_rng(checkpoint)
        if self.accelerator.scaler and meta["scaler"]:
            self.accelerator.scaler.load_state_dict(meta["scaler"])
        for key in asdict(self.progress):
            setattr(self.progress, key, meta[key])
        # Other processes may take larger or smaller shares of the step's pairs.
        pairs = meta["batch"] * meta["config"]["training"]["batch_size"] * meta["processes"]
        size = self.config.training.batch_size * self.accelerator.num_processes
        self.progress.batch = pairs // size
        self._adopt_best(checkpoint.path.with_name(BEST))

    def _require_same(self, checkpoint: files.Checkpoint) -> None:
        """Raises CheckpointError where the rest would not be the same training."""
        meta, path = checkpoint.meta, checkpoint.path
        if not meta["step"]:
            raise CheckpointError(
                f"{path}: holds weights, but no training to go on with; start one from them with "
                f"training.init_from={path}"
            )
        now = self._identity()
        for what, then in ((key, meta.get(key)) for key in now):
            if then != now[what]:
                raise CheckpointError(
                    f"{path}: the run began with {what} {then}, now it would be {now[what]}; a "
                    "resumed run must see the same"
                )
        # What an older checkpoint does not say of its data may be anything.
        before = checkpoint.spec.model_dump(exclude_unset=True)
        after = self.model.spec.model_dump()
        changed = ", ".join(key for key in before if not _same(before[key], after[key]))
        if changed:
            raise CheckpointError(
                f"{path}: the data are not what the run began with: {changed} changed"
            )

    def _identity(self) -> dict:
        """What the rest of a run depends on besides its config and its data's description."""
        return {
            "pairs": self.pairs,
            "criterion": self.criterion,
            "losses": self.model.loss_switches(),
        }

    def _adopt_best(self, path: Path) -> None:
        """The best score so far may be younger than the checkpoint, which is saved before it."""
        if path.is_file():
            best = files.read_checkpoint(path).meta
            if best["step"] <= self.progress.step:
                self.progress.best = best["best"]

    def _weights(self) -> dict[str, Tensor]:
        """What translating and fine-tuning need."""
        states = {n: net.state_dict() for n, net in self.model.networks().items()}
        tensors = files.flatten(states, files.WEIGHTS)
        if self.average:
            averages = {n: net.state_dict() for n, net in self.average.networks.items()}
            tensors.update(files.flatten(averages, files.AVERAGE))
        return tensors

    def _meta(self) -> dict:
        return {
            "config": self.config.model_dump(mode="json"),
            "spec": self.model.spec.model_dump(mode="json"),
            "roles": self.model.roles,
            "remarks": list(self.remarks),
            "processes": self.accelerator.num_processes,
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else None,
            **self._identity(),
            **asdict(self.progress),
        }

    def _gather_rng(self) -> dict[str, Tensor]:
        """The random state of every process: dropout draws from it."""
        device = self.accelerator.device
        states = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        elif device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        gathered = {}
        for name, state in states.items():
            rows = self.accelerator.gather(state.to(device)[None]).cpu()
            for rank, row in enumerate(rows):
                gathered[f"{files.RNG}{rank}/{name}"] = row.clone()
        return gathered

    def _gather_buffers(self) -> dict[str, Tensor]:
        """The buffers in which other processes differ from the first one, whose are with the weights.

        Weights are the same in all of them. But each fills a history, say, with pictures of its own.
        """
        gathered: dict[str, Tensor] = {}
        shared = self.accelerator.num_processes > 1
        for name, buffer in self.model.named_buffers() if shared else ():
            rows = self.accelerator.gather(buffer[None]).cpu()
            for rank, row in enumerate(rows):
                if not torch.equal(row, rows[0]):
                    gathered[f"{files.BUFFERS}{rank}/{name}"] = row.clone()
        return gathered

    def _set_rng(self, checkpoint: files.Checkpoint) -> None:
        index = self.accelerator.process_index
        states = checkpoint.tensors(f"{files.RNG}{index}/")
        if not states:  # of a process that was not there before
            torch.manual_seed(self.config.training.seed + index + checkpoint.meta["step"])
            return
        torch.set_rng_state(states["cpu"])
        if "cuda" in states and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.accelerator.device)
        elif "mps" in states and self.accelerator.device.type == "mps":
            torch.mps.set_rng_state(states["mps"])


def _same(before: Any, after: Any) -> bool:
    """Whether a description is as it was, as far as it went."""
    if (
        isinstance(before, dict)
        and isinstance(after, dict)
        and all(isinstance(k, str) for k in before)
    ):
        return all(key in after and _same(value, after[key]) for key, value in before.items())
    if isinstance(before, tuple) and isinstance(after, tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return before == after
