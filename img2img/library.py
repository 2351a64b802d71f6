"""The toolkit as functions: train a model, load a trained one. Users' mistakes are `img2img.errors`."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from img2img.config import as_tree, flat, parse_config, read_yaml
from img2img.distributed.engine import own_state
from img2img.errors import ConfigError
from img2img.models import OPTIONS
from img2img.schema import Config
from img2img.tasks import predictor_of
from img2img.training.session import Session
from img2img.training.trainer import OnStep


@dataclass(frozen=True)
class Run:
    """A trained run on disk; stands for its path wherever a path is taken.

    Attributes:
        path: its folder, absolute, with `config.yaml`, `metrics.jsonl`, `samples/` and
            `checkpoints/`.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)


def load(run: str | os.PathLike | None = None, **settings: Any) -> Any:
    """What uses a trained run: which class it is of depends on what the run's model does.

    Returns:
        Of a run that learnt from pairs a `Translator`: `translate(array)` gives a picture (H, W, C).
        Of a run that draws from noise a `LatentSampler`: `draw(seeds)` gives pictures (N, H, W, C),
        and `translate` raises ConfigError. Of a task of your own, what its `predictor` returns.

    Args:
        run: what `train` returned, a name (runs/NAME), a path, or None for the newest run.
        settings: `checkpoint` and `device`; of a translator `precision`, too (`Translator.load`).

    Raises:
        CheckpointError: no such run or checkpoint, or it cannot be read.
        ConfigError: the device is not there, or cannot compute in the precision.
    """
    return predictor_of(None if run is None else os.fspath(run), **settings)


def train(
    config: Config | Mapping[str, Any] | str | os.PathLike | None = None,
    *,
    data: str | os.PathLike | None = None,
    run: str | os.PathLike | None = None,
    overwrite: bool = False,
    resume: bool = False,
    on_step: OnStep | None = None,
) -> Run:
    """Trains a model, as `img2img train` does, and returns the run.

    Ctrl-C ends the training after the running step: it is saved, then KeyboardInterrupt is raised
    as usual. In a thread other than the main one signals are left alone. The process's random
    state, signal handlers and Accelerate's state are as before when this returns.

    Args:
        config: settings as a mapping, nested or with dotted keys, such as
            `{"model": "pix2pix", "training.max_steps": 1000}`; or a YAML file as in configs/. All
            settings are in docs/settings.md. With `resume`, a mapping of what is to change.
        data: folder with the pairs or pictures, a CSV, or idx files; stronger than the config's
            `data.path`. Without either, the built-in street scenes.
        run: name (runs/NAME) or path of the run; None makes a name of the model and the time.
        overwrite: replace a run of that name.
        resume: go on with that run (None: the newest) under its own config.
        on_step: called as `on_step(step, losses)` after every step, before it is logged or saved.
            `losses` are this step's by name (`g/l1`, `d/real`, ...), unweighted, as detached
            scalars on the training's device. The call itself waits for nothing; a GPU is waited
            for when a value is read, as by `float()`, so read them every so many steps. Returning
            False ends the training after this step; it is saved, and can be resumed. With several
            processes each calls its own, of its share of the batch.

    Raises:
        ConfigError: settings that are unknown or impossible, or a run of that name that exists.
        DataError: data that cannot be used.
        CheckpointError: a checkpoint that cannot be read or written.
        TrainingError: the training went wrong, as by losses that are not finite.
    """
    name = None if run is None else os.fspath(run)
    if resume:
        if isinstance(config, Config | str | os.PathLike) or overwrite:
            raise ConfigError(
                "resume goes on with a run under its own config: give a mapping of the settings to "
                "change, or none, and leave out overwrite"
            )
        changes = flat(as_tree(config or {}))
        if data is not None:
            changes["data.path"] = os.fspath(data)
        session = Session.resumed(name, changes)
    else:
        session = Session.new(_config(config, data), name, overwrite=overwrite)
    with _state_kept():
        code = session.train(on_step=on_step)
    if code:  # 128 + the signal's number: saved, and now it does what signals do here
        signal.raise_signal(code - 128)
    return Run(session.path.absolute())


def _config(
    config: Config | Mapping[str, Any] | str | os.PathLike | None, data: str | os.PathLike | None
) -> Config:
    if isinstance(config, Config):
        tree, origin = config.model_dump(mode="json"), "config"
    elif isinstance(config, str | os.PathLike):
        tree, origin = read_yaml(Path(config)), os.fspath(config)
    else:
        tree, origin = as_tree(config or {}), "config"
    overrides = {} if data is None else {"data.path": os.fspath(data)}
    return parse_config(tree, OPTIONS, origin, overrides)


@contextlib.contextmanager
def _state_kept() -> Iterator[None]:
    """Random numbers, Accelerate's state and the present GPU are afterwards as they were."""
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(list(gpus)))
        if gpus:
            stack.enter_context(torch.cuda.device(torch.cuda.current_device()))
        stack.enter_context(own_state())
        yield
