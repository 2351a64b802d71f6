"""Everything of a run that a checkpoint must hold, and putting it back."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from img2img.config import Config
from img2img.errors import CheckpointError
from img2img.models.base import Model
from img2img.training import checkpoint as files
from img2img.training.optim import (
    MovingAverage,
    build_optimizers,
    load_optimizer_tensors,
    optimizer_tensors,
)
from img2img.training.runs import BEST, CHECKPOINTS


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
        remarks: sentences about the run that its checkpoints should remember.
    """

    def __init__(
        self,
        config: Config,
        model: Model,
        accelerator: Accelerator,
        *,
        pairs: int,
        remarks: tuple[str, ...] = (),
    ):
        self.config, self.model, self.accelerator = config, model, accelerator
        self.pairs, self.remarks = pairs, remarks
        self.progress = Progress()
        optimizers = build_optimizers(model, config.training, accelerator.device)
        self.optimizers = {name: accelerator.prepare(o) for name, o in optimizers.items()}
        self.average = MovingAverage(model, config.training.ema) if config.training.ema else None

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """The model translates with the moving average, where there is one."""
        with self.average.in_use() if self.average else contextlib.nullcontext():
            yield

    def save(self, run: Path, *, keep: int) -> None:
        """Writes a checkpoint of everything and deletes all but the newest `keep`.

        Every process calls it: each adds its random state, the main one writes.

        Raises:
            CheckpointError: it cannot be written; former checkpoints are untouched.
        """
        rng = self._gather_rng()
        if self.accelerator.is_main_process:
            tensors = {**self._weights(), **rng}
            for update in self.model.updates:
                moments = optimizer_tensors(self.model, update, self.optimizers[update.name])
                tensors.update({f"{files.OPTIMIZER}{k}": v for k, v in moments.items()})
            folder = run / CHECKPOINTS
            files.save_checkpoint(
                files.step_file(folder, self.progress.step), tensors, self._meta()
            )
            files.prune(folder, keep)
        self.accelerator.wait_for_everyone()

    def save_best(self, run: Path) -> None:
        """Writes the weights alone as the run's best."""
        files.save_checkpoint(run / CHECKPOINTS / BEST, self._weights(), self._meta())

    def restore(self, checkpoint: files.Checkpoint) -> None:
        """Goes on exactly where a checkpoint was written.

        Raises:
            CheckpointError: it belongs to another model, data set or number of processes, or
                holds no training state.
        """
        meta, processes = checkpoint.meta, self.accelerator.num_processes
        for what, now in (("pairs", self.pairs), ("processes", processes)):
            if meta[what] != now:
                raise CheckpointError(
                    f"{checkpoint.path}: the run began with {meta[what]} {what}, now there are "
                    f"{now}; a resumed run must see the same"
                )
        moments = checkpoint.tensors(files.OPTIMIZER)
        if not moments and meta["step"]:
            raise CheckpointError(f"{checkpoint.path}: holds no training state, only weights")
        self.model.adopt(files.by_network(checkpoint.tensors(files.WEIGHTS)))
        for update in self.model.updates:
            load_optimizer_tensors(self.model, update, self.optimizers[update.name], moments)
        if self.average:
            for name, state in files.by_network(checkpoint.tensors(files.AVERAGE)).items():
                self.average.networks[name].load_state_dict(state)
        self._set_rng(checkpoint.tensors(f"{files.RNG}{self.accelerator.process_index}/"))
        for key in asdict(self.progress):
            setattr(self.progress, key, meta[key])

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
            "pairs": self.pairs,
            "processes": self.accelerator.num_processes,
            "remarks": list(self.remarks),
            **asdict(self.progress),
        }

    def _gather_rng(self) -> dict[str, Tensor]:
        """The random state of every process: dropout draws from it."""
        device = self.accelerator.device
        states = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        gathered = {}
        for name, state in states.items():
            rows = self.accelerator.gather(state.to(device)[None]).cpu()
            for rank, row in enumerate(rows):
                gathered[f"{files.RNG}{rank}/{name}"] = row.clone()
        return gathered

    def _set_rng(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if "cuda" in states and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.accelerator.device)
