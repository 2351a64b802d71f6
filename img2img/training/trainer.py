"""The one training loop: steps to the end of the run, the log, validation and checkpoints."""

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from accelerate import Accelerator
from torch import Tensor

from img2img.data.loader import EpochBatches, PairDataset, close, draw_samples, make_loader
from img2img.distributed.processes import in_any, main_alone, together
from img2img.errors import TrainingError, UserError
from img2img.models.abilities import KeepsReferences
from img2img.models.base import Batch, Model
from img2img.networks.channels_last import as_channels_last, use_channels_last, wanted
from img2img.progress import Meter, say
from img2img.runs.checkpoint import Checkpoint
from img2img.runs.records import Tracker
from img2img.schema import Config
from img2img.tasks import task_of
from img2img.training.finite import BUDGET
from img2img.training.health import HealthMessage, Monitor, cause
from img2img.training.history import Line
from img2img.training.optim import Schedule
from img2img.training.signals import StopSignals
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper
from img2img.training.summing import LogSums

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Step and its losses by name, detached scalars on the device; False ends the training.
OnStep = Callable[[int, dict[str, Tensor]], bool | None]


class Trainer:
    """Trains a model on one process of possibly several.

    Args:
        remarks: sentences about the run that its checkpoints should remember.
    """

    def __init__(
        self,
        config: Config,
        model: Model,
        train: PairDataset,
        val: PairDataset,
        run: Path,
        accelerator: Accelerator,
        *,
        remarks: tuple[str, ...] = (),
    ):
        self.settings, self.run, self.accelerator = config.training, run, accelerator
        self.model = model.to(accelerator.device).train()
        self._channels_last = wanted(self.settings.memory_format, accelerator.device)
        if self._channels_last:
            use_channels_last(self.model)
        if isinstance(model, KeepsReferences) and model.references:
            # The same in every process; what a resumed run has kept replaces it.
            kept = draw_samples(train, model.references, seed=self.settings.seed)
            model.keep_reference({k: v.to(accelerator.device) for k, v in kept.items()})
        self.batches = EpochBatches(
            len(train),
            self.settings.batch_size,
            seed=self.settings.seed,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
        )
        self.loader = make_loader(train, self.batches, workers=self.settings.workers)
        task = task_of(config.model.name)
        self.validator = task.validator(config, val, accelerator.device)
        self.state = TrainingState(
            config,
            self.model,
            accelerator,
            pairs=len(train),
            criterion=self.validator.criterion,
            remarks=(*remarks, self.validator.remark) if self.validator.remark else remarks,
        )
        self.progress = self.state.progress
        self.stepper = Stepper(self.state, accelerator)
        weights = self.model.options.weights.model_dump()
        self.monitor = Monitor(weights, self.model.roles, settling=task.settling)
        self.signals = StopSignals()
        self.sums = LogSums(self.stepper, self.settings)
        self._deadline: float | None = None
        self._enough = False
        per_epoch = -(-self.batches.per_epoch // self.settings.accumulation)
        self.schedule = Schedule.of(self.settings, per_epoch)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes on exactly where a checkpoint was written; errors are as of `TrainingState.restore`."""
        self.state.restore(checkpoint)
        self.sums.restore(checkpoint, self.accelerator.device)

    # ---------------------------------------------------------------- how long

    @property
    def last_step(self) -> int:
        """The step after which the run ends: the schedule's end, or max_steps before it."""
        return min(self.schedule.total, self.settings.max_steps or self.schedule.total)

    def _reason_to_stop(self) -> str | None:
        """The same answer in every process."""
        if self.progress.step >= self.last_step:
            return "end"
        if in_any(self.accelerator, self.signals.received is not None or self._enough):
            return "stopped"
        out_of_time = self._deadline is not None and time.monotonic() >= self._deadline
        return "time" if in_any(self.accelerator, out_of_time) else None

    # ---------------------------------------------------------------- the loop

    def fit(self, on_step: OnStep | None = None) -> str:
        """Trains to the end of the run, a limit, a signal, or until `on_step` has enough.

        Args:
            on_step: called after every step, before it is logged or saved, in every process.

        Returns:
            "end", "time" or "stopped". A checkpoint is written in every case.

        Raises:
            UserError: a pair cannot be read; the steps so far are saved first.
            CheckpointError: a checkpoint cannot be written.
            TrainingError: a loss is not finite, the log cannot be written, or another process
                could not go on.
        """
        if self.settings.max_time is not None:
            self._deadline = time.monotonic() + self.settings.max_time * 60
        step, main = self.progress.step, self.accelerator.is_main_process
        meter = Meter(self.last_step, what="step", done=step, keep=True, shown=main)
        tracker = None
        # Around all of it: where a process dies, the launcher sends SIGTERM to the others, which
        # are to say so first.
        with self.signals:
            try:
                tracker = main_alone(self.accelerator, lambda: Tracker(self.run, step=step))
                if step and step % self.settings.validate_every == 0:
                    main_alone(self.accelerator, lambda: self._validate_if_missing(tracker))
                return self._run(tracker, meter, on_step)
            except BrokenPipeError:
                raise  # who read what it prints has gone: no fault of the run's
            except OSError as error:
                remedy = "Free disk space, then go" if error.errno in FULL else "Go"
                raise TrainingError(
                    f"{self.run}: the log or a sample sheet could not be written ({error}); the "
                    f"last checkpoint is untouched. {remedy} on with --resume"
                ) from error
            finally:
                close(self.loader)
                meter.close()
                if tracker:
                    tracker.close()

    def _run(self, tracker: Tracker | None, meter: Meter, on_step: OnStep | None) -> str:
        progress = self.progress
        reason = self._reason_to_stop()
        while reason is None:
            self.batches.epoch, self.batches.start = progress.epoch, progress.batch
            for found in self._groups():
                group = self._require_batches(found)
                factor = self.schedule.factor(step=progress.step, epoch=progress.epoch)
                self.stepper.set_learning_rate(factor)
                observed = (progress.step + 1) % self.settings.log_every == 0
                self.stepper.step(group, observed=observed)
                progress.step += 1
                progress.batch += len(group)
                if progress.batch >= self.batches.per_epoch:
                    progress.epoch, progress.batch = progress.epoch + 1, 0
                meter.advance()
                if on_step is not None:
                    self._enough = self._call(on_step) is False
                reason = self._reason_to_stop()
                self._report(tracker, meter, reason=reason)
                if reason:
                    break
        return reason

    def _call(self, on_step: OnStep) -> bool | None:
        """One process's error ends all of them."""
        losses = self.stepper.losses()
        return together(self.accelerator, lambda: on_step(self.progress.step, losses))

    def _require_batches(self, found: list[Batch] | UserError) -> list[Batch]:
        """Where a pair of any process cannot be read, all of them save, and leave together."""
        failed = in_any(self.accelerator, isinstance(found, UserError))
        if failed and self.progress.step:
            self._save()
        if isinstance(found, UserError):
            raise found
        if failed:
            raise TrainingError("another process could not read a pair")
        return found

    def _groups(self) -> Iterator[list[Batch] | UserError]:
        """The epoch's batches in groups whose gradients make one step, or what is wrong."""
        group: list[Batch] = []
        for batch in self.loader:
            if isinstance(batch, UserError):
                yield batch
                return
            device = self.accelerator.device
            moved = {k: v.to(device, non_blocking=True) for k, v in batch.items()}
            if self._channels_last:
                moved = {k: as_channels_last(v) for k, v in moved.items()}
            group.append(moved)
            if len(group) == self.settings.accumulation:
                yield group
                group = []
        if group:
            yield group

    # ---------------------------------------------------------------- the record

    def _report(self, tracker: Tracker | None, meter: Meter, *, reason: str | None) -> None:
        step, s = self.progress.step, self.settings
        # A signal wants an end soon: no validation then.
        validating = reason in ("end", "time") or (step % s.validate_every == 0 and not reason)
        failed = False
        # Logged before it is saved, so that a checkpoint never sums up what was written already.
        if reason == "end" or step % s.log_every == 0:
            problem = together(self.accelerator, lambda: self._log(tracker, meter))
            failed = in_any(self.accelerator, problem is not None)
        # Saved before validating, which takes its time, needs memory and reads more files.
        if failed or reason or validating or step % s.save_every == 0:
            self._save()
        if failed:
            raise problem or TrainingError("the main process could not write the log")
        if validating:
            main_alone(self.accelerator, lambda: self._validate(tracker))

    def _save(self) -> None:
        together(self.accelerator, self._require_finite)
        self.state.save(self.run, self.sums.tensors(), keep=self.settings.keep)

    def _require_finite(self, line: Line | None = None) -> None:
        if self.stepper.guard.longest() < BUDGET:
            return
        why = cause(line or self.sums.read(self.progress))
        raise TrainingError(
            f"step {self.progress.step}: the last {BUDGET} updates or more could not be made, because "
            f"{why}. Nothing is saved of the steps since the last checkpoint. Train anew with a "
            "smaller training.lr or with --precision fp32"
        )

    def _log(self, tracker: Tracker | None, meter: Meter) -> OSError | None:
        """Writes a line; what keeps it from being written, so that the run is saved before it ends."""
        line = self.sums.read(self.progress)
        self._require_finite(line)
        try:
            if tracker is not None:
                self._write_line(tracker, meter, line)
        except OSError as error:
            return error
        return None

    def _write_line(self, tracker: Tracker, meter: Meter, line: Line) -> None:
        tracker.scalars(line.step, line.values)
        shown = [name for name in line.values if name.partition("/")[0] in self.model.roles]
        meter.note = ", ".join(
            f"{name} {line.values[name]:.3g}" for name in shown if not name.endswith("/moved")
        )
        self._tell(tracker, self.monitor.line(line))

    def _tell(self, tracker: Tracker, findings: list[HealthMessage]) -> None:
        for finding in findings:
            say(f"step {self.progress.step}: health: {finding.message}")
            tracker.finding(self.progress.step, finding.rule, finding.message)

    def _validate_if_missing(self, tracker: Tracker | None) -> None:
        """Makes up for the validation of a process that died in it, after its checkpoint."""
        if tracker is not None and not tracker.has_validation(
            self.progress.step, scored=bool(self.validator.criterion)
        ):
            self._validate(tracker)

    def _validate(self, tracker: Tracker | None) -> None:
        if tracker is None:  # the main process alone validates, and has one
            return
        with self.state.translating():
            scores, sheet = self.validator.run(
                self.model, lambda: self.signals.received is not None
            )
        if sheet is not None:
            tracker.sheet(self.progress.step, sheet)
        listed = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        # What draws from noise has a sheet alone; what a signal interrupts has nothing.
        if said := listed or (sheet is not None and "samples drawn"):
            terms = self.validator.terms(self.model) if scores else ""
            beside = "; ".join(filter(None, (terms, self.monitor.pulse())))
            say(f"step {self.progress.step}: {said}" + (f"  ({beside})" if beside else ""))
        if not scores:
            return
        score = scores.get(f"val/{self.validator.criterion}", float("nan"))
        if self.validator.better(score, self.progress.best):
            self.progress.best = score
            self.state.save_best(self.run)
        # Last: where they are written down, the validation is whole.
        tracker.scalars(self.progress.step, scores)
        self._tell(tracker, self.monitor.validation(self.progress.step, scores))
