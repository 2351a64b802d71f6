"""What a training says about itself at its start and its end."""

from pathlib import Path

from accelerate import Accelerator

from img2img.errors import counted
from img2img.models.abilities import style_input_of
from img2img.models.base import Model
from img2img.runs.checkpoint import Checkpoint
from img2img.runs.folder import HEALTH, typed
from img2img.schema import Config
from img2img.tasks import task_of
from img2img.training.forecast import Forecast, gigabytes
from img2img.training.trainer import Trainer


def resume_command(run: Path) -> str:
    """The command that goes on with a run."""
    return f"img2img train --resume {typed(run)}"


def summary(trainer: Trainer, model: Model) -> str:
    """What is about to be trained, and for how long."""
    counts = {
        name: sum(p.numel() for p in network.parameters()) / 1e6
        for name, network in model.networks().items()
        if name not in model.extra_state
    }
    sizes = ", ".join(f"{name} {count:.2f} M parameters" for name, count in counts.items())
    s, engine = trainer.settings, trainer.accelerator
    batch = f"batch {s.batch_size}"
    if engine.num_processes > 1:
        batch += f" on each of {engine.num_processes} processes"
    if s.accumulation > 1:
        batch += f", {s.accumulation} batches a step"
    return (
        f"training {trainer.run} on {engine.device.type} ({_precision(trainer)}): {sizes}; {batch}, "
        f"{counted(trainer.last_step, 'step')}, {trainer.schedule.steps_per_epoch} an epoch"
    )


def shared_anew(
    checkpoint: Checkpoint | None, config: Config, accelerator: Accelerator, model: Model
) -> list[str]:
    """What is different in a run that goes on with another number of processes."""
    meta, now = checkpoint.meta if checkpoint else {}, accelerator.num_processes
    if meta.get("processes", now) == now:
        return []
    former, s = meta["config"]["training"], config.training
    remarks = [
        f"{counted(meta['processes'], 'process', 'processes')} before, {now} now, and as many pairs "
        f"a step: training.batch_size={s.batch_size} training.accumulation={s.accumulation}"
    ]
    if model.accumulation_remark and s.accumulation > former["accumulation"] == 1:
        remarks.append(model.accumulation_remark)
    return remarks


def _precision(trainer: Trainer) -> str:
    """The numbers that are computed in, and whether somebody asked for them."""
    chosen = trainer.accelerator.mixed_precision.replace("no", "fp32")
    return f"auto: {chosen}" if trainer.settings.precision == "auto" else chosen


def memory_table(forecast: Forecast, trainer: Trainer) -> str:
    """What a training is going to take of its device's memory, part by part."""
    s, device = trainer.settings, trainer.accelerator.device
    size = "{1}x{0}".format(*forecast.size)
    moment = f"a step on a batch of {s.batch_size} at {size}"
    if forecast.validating:
        moment = f"a validation on a picture of {size}"
    rows = {use: gigabytes(part) for use, part in forecast.parts.items() if part}
    rows["in all"] = f"{gigabytes(forecast.peak)} of {gigabytes(forecast.free)} that are free"
    lines = [
        f"memory on {device.type} ({_precision(trainer)}), a forecast for the peak, in {moment}:",
        *(f"  {use:24} {size}" for use, size in rows.items()),
    ]
    if forecast.held:
        lines.append(
            f"  not counted: Python with what it has loaded until now ({gigabytes(forecast.held)}), "
            "and the processes that read pictures"
        )
    if forecast.peak > forecast.free:
        lines.append("WARNING: more than is free; --fit chooses settings that need less")
    return "\n".join(lines)


def nothing_left(trainer: Trainer) -> str:
    """Why a run that is gone on with has nothing to train, and how to train on."""
    step, schedule = trainer.progress.step, trainer.schedule
    if step < schedule.total:
        limit = trainer.last_step  # that is, `max_steps`
        end = f"--max-steps {limit}"
        remedy = f"set a higher limit (its schedule ends at step {schedule.total})"
        change = f"--max-steps {schedule.total}"
    else:
        limit = schedule.total
        end = f"the end of its schedule ({schedule})"
        least = step // schedule.steps_per_unit + 1 - schedule.decay
        remedy = f"make that longer, with {least} or more for N"
        change = f"training.{schedule.unit}=N"
    where = f"already past {end}" if step > limit else f"where {end} stops it"
    return (
        f"{trainer.run} is at step {step}, {where}: nothing to train. To train on, {remedy}: "
        f"{resume_command(trainer.run)} {change}"
    )


def farewell(trainer: Trainer, reason: str) -> str:
    """How a training ended, and what to do next."""
    run, step = trainer.run, trainer.progress.step
    if reason == "stopped":
        return f"stopped at step {step} and saved; go on with: {resume_command(run)}"
    if reason == "time":
        return f"time is up at step {step}, saved; go on with: {resume_command(run)}"
    text = f"done: {counted(step, 'step')}, saved in {run}\n  samples:   {run / 'samples'}\n"
    steps = task_of(trainer.model.options.name).next_steps(
        typed(run), trainer.model.spec, styles=bool(style_input_of(trainer.model))
    )
    text += "\n".join(f"  {what + ':':10} {command}" for what, command in steps.items())
    said = len(trainer.monitor.said)
    if said:
        text += f"\n  health:    {counted(said, 'warning')}, above and in {run / HEALTH}"
    return text
