"""One call of `train`: from a config to a finished run folder, new or gone on with."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from img2img import shortcuts
from img2img.config import flat, parse_config
from img2img.data.describe import Data
from img2img.data.loader import PairDataset
from img2img.data.transforms import JointTransform
from img2img.devices import precision_warning
from img2img.distributed.engine import make_accelerator
from img2img.distributed.launching import introduction, keep_step, left_behind, rank
from img2img.distributed.processes import all_alive, main_alone, main_first
from img2img.errors import ConfigError, DataError
from img2img.models import OPTIONS, build_model
from img2img.models.base import Model
from img2img.networks.compiling import compile_networks
from img2img.places import expand
from img2img.runs.checkpoint import Checkpoint, read_checkpoint, step_files
from img2img.runs.folder import (
    CHECKPOINTS,
    CONFIG,
    check_new,
    create_run,
    find_run,
    last_checkpoint,
    new_run_name,
    pick_checkpoint,
    run_path,
)
from img2img.runs.locking import owning
from img2img.runs.writing import sweep, write_text
from img2img.schema import RESUMABLE, Config
from img2img.tasks import find_data, task_of
from img2img.training import messages
from img2img.training.fitting import fit_into, parse_budget
from img2img.training.forecast import forecast, memory_sufficing, memory_warning
from img2img.training.optim import Schedule
from img2img.training.trainer import OnStep, Trainer

TRAINING = "a training"  # to whom a run's lock belongs


def _by_its_ways(method: Callable[..., int]) -> Callable[..., int]:
    """In reference mode, where the session's config asks for it, and as before afterwards."""

    @wraps(method)
    def run(self: "Session", **how: Any) -> int:
        with shortcuts.plain(self.config.training.reference_mode):
            return method(self, **how)

    return run


class Session:
    """A run that is about to train.

    Args:
        checkpoint: where to go on; None for a new run.
        overwrite: replace a run folder of that name.
    """

    def __init__(
        self,
        config: Config,
        path: Path,
        *,
        checkpoint: Checkpoint | None = None,
        overwrite: bool = False,
    ):
        self.config, self.path = config, path
        self.checkpoint, self.overwrite = checkpoint, overwrite
        self._found: list[Path] = []

    @classmethod
    def new(cls, config: Config, name: str | None, *, overwrite: bool = False) -> "Session":
        """A new run, refused at once where its folder exists."""
        if shortcuts.asked_for_plain():  # it changes rounding, so the run says that it was so
            training = config.training.model_copy(update={"reference_mode": True})
            config = config.model_copy(update={"training": training})
        path = run_path(name or new_run_name(config.model.name))
        # The first of several processes may have made the folder before another one is here.
        if rank() == 0:
            check_new(path, overwrite=overwrite)
        return cls(config, path, overwrite=overwrite)

    @classmethod
    def resumed(cls, name: str | None, overrides: Mapping[str, Any]) -> "Session":
        """A run to go on with, under its own config.

        Raises:
            CheckpointError: no such run, or none of its checkpoints can be read.
            ConfigError: overrides that would make the rest another experiment, or another
                process is training it.
        """
        path = find_run(name)
        with owning(path, TRAINING) if rank() == 0 else contextlib.nullcontext():
            found = step_files(path / CHECKPOINTS)
            checkpoint = last_checkpoint(path)
        settings, origin = checkpoint.meta["config"], str(checkpoint.path)
        # The time limit was the former session's alone.
        changes = {"training.max_time": None, **overrides}
        before, problem = flat(parse_config(settings, OPTIONS, origin).model_dump()), None
        try:
            config = parse_config(settings, OPTIONS, origin, changes)
            after = flat(config.model_dump())
        except ConfigError as error:  # perhaps of settings that do not fit what cannot be changed
            after, problem = {k: v for k, v in changes.items() if k in before}, error
        free = RESUMABLE | ({"data.label_coding"} - flat(settings).keys())  # runs may be older
        changed = [k for k, v in after.items() if v != before.get(k) and k not in free]
        refused = [f"{key} (was {before.get(key)!r}, now {after[key]!r})" for key in changed]
        if refused:
            raise ConfigError(
                f"--resume cannot change {', '.join(refused)}: the rest of {path} would be another "
                "experiment. Start a new run, if need be from these weights with "
                f"training.init_from={path}"
            )
        if problem:
            raise problem
        session = cls(config, path, checkpoint=checkpoint)
        session._found = found
        return session

    @_by_its_ways
    @memory_sufficing()
    @all_alive("Checkpoints are untouched: go on with --resume")
    def train(self, *, fit: str | None = None, on_step: OnStep | None = None) -> int:
        """Trains and says where everything lies.

        Args:
            fit: memory that the training must fit into, as `fitting.parse_budget` takes it.
            on_step: as of `Trainer.fit`.

        Returns:
            The exit code: 0, or 130 and 143 after Ctrl-C and SIGTERM.
        """
        accelerator, say, data = self._prepare(fit)
        with contextlib.ExitStack() as held:
            main_alone(accelerator, lambda: self._lock_resumed(held))
            settings = self.config.training
            warned = main_alone(accelerator, lambda: memory_warning(self.config, data, accelerator))
            torch.manual_seed(settings.seed)
            model = build_model(self.config, data.spec)
            remarks = [*data.remarks, *main_first(accelerator, model.start_training)]
            remarks += messages.shared_anew(self.checkpoint, self.config, accelerator, model)
            # The processes share their weights, but not their dropout.
            torch.manual_seed(settings.seed + accelerator.process_index)
            trainer = self._trainer(model, data, accelerator, say, remarks)
            if self.checkpoint is not None:
                trainer.restore(self.checkpoint)
                if trainer.progress.step >= trainer.last_step:
                    say(messages.nothing_left(trainer))
                    return 0
                say(f"going on with {self.path} at step {trainer.progress.step}")
            if settings.compile:
                say(compile_networks(model, accelerator.device, apart=model.double_backward))
            # Nothing is written before everything is known to fit.
            main_alone(accelerator, lambda: self._write_folder(held))
            say(messages.summary(trainer, model))
            for warning in warned or ():
                say(warning)
            reason = trainer.fit(on_step)
            say(messages.farewell(trainer, reason))
            accelerator.end_training()
            return trainer.signals.exit_code if reason == "stopped" else 0

    @_by_its_ways
    @memory_sufficing()
    def dry_run(self, *, fit: str | None = None) -> int:
        """Says what `train` would do, and what memory that takes; writes nothing.

        Returns:
            The exit code 0.
        """
        accelerator, say, data = self._prepare(fit)
        expected = forecast(self.config, data, accelerator)
        model = build_model(self.config, data.spec)
        remarks = [*data.remarks, *expected.remarks]
        trainer = self._trainer(model, data, accelerator, say, remarks)
        if self.checkpoint is not None:
            trainer.progress.step = self.checkpoint.meta["step"]
            if trainer.progress.step >= trainer.last_step:
                say(messages.nothing_left(trainer))
        say(messages.summary(trainer, model))
        say(messages.memory_table(expected, trainer))
        say("dry run: nothing was written")
        return 0

    def _trainer(
        self,
        model: Model,
        data: Data,
        accelerator: Accelerator,
        say: Callable[[str], None],
        remarks: list[str],
    ) -> Trainer:
        """The trainer of a fresh model, which may start from another run's weights; says its remarks."""
        if self.checkpoint is None and self.config.training.init_from:
            remarks.append(_start_from(model, self.config.training.init_from))
        trainer = make_trainer(
            self.config, model, data, self.path, accelerator, remarks=tuple(remarks)
        )
        for remark in trainer.state.remarks:
            say(remark)
        return trainer

    def _prepare(self, fit: str | None) -> tuple[Accelerator, Callable[[str], None], Data]:
        """The engine, what prints, and the data, under settings that fit."""
        settings = self.config.training
        accelerator = make_accelerator(settings.device, settings.precision)
        # In one piece: the processes write into one stream.
        print(introduction(accelerator), end="", flush=True)
        say = print if accelerator.is_main_process else _silent
        if self.checkpoint is not None and self.checkpoint.meta["step"]:
            before = self.checkpoint.meta["processes"]
            self.config = keep_step(self.config, before, accelerator.num_processes)
        if line := left_behind():
            say(line)
        if warning := precision_warning(accelerator.mixed_precision, accelerator.device):
            say(warning)
        budget = None if fit is None else parse_budget(fit, accelerator)
        data = self._find_data()
        self._check(data)
        if budget is not None:
            plan, remarks = fit_into(budget, self.config, data, accelerator)
            self.config = plan.config
            data = replace(plan.data, remarks=(*data.remarks, *remarks))
        return accelerator, say, data

    def _find_data(self) -> Data:
        """The data; a resumed run that has lost them is told how it finds them again."""
        try:
            return find_data(self.config)
        except DataError as error:
            place = self.config.data.path
            if self.checkpoint is None or place is None or expand(place).exists():
                raise
            raise DataError(
                f"{error}\nIf the run's data have moved, or its path began in another folder: "
                f"{messages.resume_command(self.path)} --data DIR"
            ) from error

    def _check(self, data: Data) -> None:
        """Raises ConfigError for what no step could do."""
        if not len(data.train):
            raise ConfigError("there is no pair to train on: all are in the validation split")
        schedule = Schedule.of(self.config.training, steps_per_epoch=1)
        if not schedule.total:
            raise ConfigError(
                f"training.{schedule.unit} and training.decay_{schedule.unit} are 0 together: no "
                "step to train"
            )
        if data.spec.size is None and self.config.training.batch_size > 1:
            raise ConfigError(
                f"training.batch_size is {self.config.training.batch_size}, but the pictures differ "
                "in size; set data.crop or data.resize to one size, or training.batch_size=1"
            )

    def _lock_resumed(self, held: contextlib.ExitStack) -> None:
        if self.checkpoint is None:
            return
        held.enter_context(owning(self.path, TRAINING))
        if step_files(self.path / CHECKPOINTS) != self._found:
            raise ConfigError(
                f"{self.path}: another training has gone on with it in between; give the same "
                "command again to go on from there"
            )

    def _write_folder(self, held: contextlib.ExitStack) -> None:
        config = self.config.to_yaml()
        if self.checkpoint is None:
            create_run(self.path, config, overwrite=self.overwrite)
            held.enter_context(owning(self.path, TRAINING))
        else:
            sweep(self.path, self.path / CHECKPOINTS)
            write_text(self.path / CONFIG, config)


def make_trainer(
    config: Config,
    model: Model,
    data: Data,
    run: Path,
    accelerator: Accelerator,
    *,
    remarks: tuple[str, ...] = (),
) -> Trainer:
    """The trainer of a model on described data; arguments are as of `Trainer`."""
    train = JointTransform(config.data, data.spec, train=True)
    one_size = task_of(config.model.name).one_size
    val = JointTransform(config.data, data.spec, train=False, centred=one_size)
    return Trainer(
        config,
        model,
        PairDataset(data.train, train),
        PairDataset(data.val, val),
        run,
        accelerator,
        remarks=remarks,
    )


def _start_from(model: Model, name: str) -> str:
    """Loads another run's weights; `name` is a run, or a checkpoint file."""
    path = expand(name)
    source = read_checkpoint(path) if path.is_file() else pick_checkpoint(find_run(name), None)
    adopted = model.adopt(source.networks())
    return f"starting from {source.path}: {', '.join(adopted)}"


def _silent(*_: object) -> None:
    """`print` of all processes but the main one."""
