"""Settings with which a training fits into the memory there is."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator
from torch import nn

from img2img.config import as_typed
from img2img.data.describe import Data
from img2img.errors import ConfigError, counted
from img2img.models.base import Model
from img2img.schema import Config
from img2img.tasks import task_of
from img2img.training.forecast import Forecast, forecast, free_memory, gigabytes, held_memory
from img2img.training.memory import PARAMETERS

UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
BATCH, ACCUMULATION = "training.batch_size", "training.accumulation"
CHECKPOINTING, CROP = "training.activation_checkpointing", "data.crop"
SHARES = [eighths / 8 for eighths in range(8, 0, -1)]  # of a picture's sides, for crops

Changes = dict[str, Any]


@dataclass(frozen=True)
class Budget:
    """Bytes that a training may take beyond what its process has already.

    Attributes:
        text: the budget in words.
    """

    size: int
    text: str


@dataclass(frozen=True)
class Plan:
    """A training and what it takes.

    Attributes:
        changes: the settings, by dotted key, that were chosen for it.
    """

    config: Config
    data: Data
    forecast: Forecast
    changes: Changes


def parse_budget(text: str, accelerator: Accelerator) -> Budget:
    """What `--fit` was given: a size such as 8GB, or "" for the memory that is free now.

    Raises:
        ConfigError: this is no size, or less than the process holds already.
    """
    device = accelerator.device
    if not text:
        if accelerator.num_processes > 1:
            raise ConfigError("--fit: with several processes, name the size of each, as --fit 8GB")
        free = free_memory(device)
        return Budget(free, f"the {gigabytes(free)} that are free on {device.type} now")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MG]I?B)", text.strip().upper())
    if match is None:
        raise ConfigError(f"--fit {text}: expected a size such as 8GB, 7.5GiB or 500MB")
    size, held = round(float(match[1]) * UNITS[match[2]]), held_memory(device)
    if size <= held:
        raise ConfigError(
            f"--fit {text}: Python and its libraries alone hold {gigabytes(held)}; give more than that"
        )
    inside = f", {gigabytes(held)} of it Python and its libraries" if held else ""
    return Budget(size - held, f"{text}{inside}")


def fit_into(
    budget: Budget, config: Config, data: Data, accelerator: Accelerator
) -> tuple[Plan, list[str]]:
    """The first training that fits, and what was chosen.

    Tried are: as configured; smaller batches, more of which make a step, so that its pairs stay
    as many; then with activation checkpointing; then with a smaller crop.

    Raises:
        ConfigError: not even the last of them fits.
    """
    given = least = Plan(config, data, forecast(config, data, accelerator), {})
    if given.forecast.peak <= budget.size:
        return given, _remarks(given, given, budget)
    for changes in _candidates(config, data, given.forecast.model):
        changed = _changed(config, changes)
        cropped = data.cropped(changed.data)
        least = Plan(changed, cropped, forecast(changed, cropped, accelerator), changes)
        if least.forecast.peak <= budget.size:
            return least, _remarks(least, given, budget)
    still = f", and with {typed(least.changes)} still {gigabytes(least.forecast.peak)}"
    whole = " (to validate on whole pictures; none with training.val_pairs=0 training.samples=0)"
    raise ConfigError(
        f"the training does not fit into {budget.text}: as configured it needs "
        f"{gigabytes(given.forecast.peak)}{still * bool(least.changes)}"
        f"{whole * least.forecast.validating}. Smaller networks (model.width) or pictures "
        "(data.resize) need less"
    )


def typed(changes: Changes) -> str:
    """Settings as they are typed on a command line."""
    return " ".join(shlex.quote(f"{key}={as_typed(value)}") for key, value in changes.items())


def _candidates(config: Config, data: Data, model: Model) -> list[Changes]:
    """What is changed, in the order in which it is tried. A step keeps its pairs."""
    whole, parts = config.training.batch_size, config.training.accumulation
    batches: list[Changes] = [
        {BATCH: size, ACCUMULATION: parts * whole // size}
        for size in range(whole - 1, model.least_batch - 1, -1)
        if whole % size == 0
    ]
    least, found = batches[-1] if batches else {}, batches
    if not config.training.activation_checkpointing:
        again: Changes = {CHECKPOINTING: True}
        least, found = least | again, [*batches, *(some | again for some in ({}, *batches))]
    return found + [least | {CROP: crop} for crop in _crops(config, data, model)]


def _crops(config: Config, data: Data, model: Model) -> list[tuple[int, int]]:
    """Smaller and smaller crops of about the pictures' proportions.

    They are multiples of what the networks halve, and the discriminator has room in them. None where
    pictures are drawn from noise: those that a generator makes would be parts, too.
    """
    whole = data.spec.smallest
    if whole is None or task_of(config.model.name).one_size:
        return []
    multiple = max(getattr(net, "size_multiple", 1) for net in model.networks().values())
    crops = [_rounded([side * share for side in whole], multiple) for share in SHARES]
    return [
        crop
        for crop in dict.fromkeys(crops)
        if crop != data.spec.size and min(crop) >= model.least_size
    ]


def _rounded(sides: list[float], multiple: int) -> tuple[int, int]:
    """Down to multiples. U-Nets for smaller pictures halve less often, so where a side is shorter
    than the multiple, to half of it, and so on."""
    while multiple > min(sides):
        multiple //= 2
    height, width = (int(side) // multiple * multiple for side in sides)
    return height, width


def _remarks(plan: Plan, given: Plan, budget: Budget) -> list[str]:
    """What was chosen, how it is written, and in what the training then is another one."""
    before, after = given.forecast, plan.forecast
    if not plan.changes:
        return [f"fits into {budget.text}: {gigabytes(after.peak)} at the peak"]
    remarks = [
        f"to fit into {budget.text}: {typed(plan.changes)}, which needs "
        f"{gigabytes(after.peak)} instead of {gigabytes(before.peak)}"
    ]
    if BATCH in plan.changes:
        if plan.config.training.accumulation > given.config.training.accumulation == 1:
            remarks += [after.model.accumulation_remark] if after.model.accumulation_remark else []
        if any(isinstance(layer, nn.BatchNorm2d) for layer in after.model.modules()):
            remarks.append(
                "batch norm then takes its statistics over "
                f"{counted(plan.config.training.batch_size, 'picture')} instead of "
                f"{given.config.training.batch_size}"
            )
    if after.parts[PARAMETERS] != before.parts[PARAMETERS]:
        remarks.append(
            "for pictures of this size the networks are others: a U-Net halves less often"
        )
    return remarks


def _changed(config: Config, changes: Changes) -> Config:
    sections: dict[str, Changes] = {}
    for key, value in changes.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    return config.model_copy(
        update={
            section: getattr(config, section).model_copy(update=values)
            for section, values in sections.items()
        }
    )
