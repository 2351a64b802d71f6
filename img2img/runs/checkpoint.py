"""One file a checkpoint: every tensor in safetensors, everything else as JSON in its header.

No pickle, nothing is executed on reading. Writing is atomic: a checkpoint is there whole
or not at all, and the former one stays until it is.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from img2img import __version__
from img2img.data.spec import DataSpec
from img2img.errors import CheckpointError
from img2img.foreign import parse_json
from img2img.runs.writing import replacing

FORMAT = 1
_HEADER = "img2img"
SUFFIX = ".safetensors"

# Names of tensors: `model/generator/stem.conv.weight`, `ema/...`, `optim/...`, and by process `rng/0/...`,
# `buffers/1/...`.
WEIGHTS, AVERAGE, OPTIMIZER, RNG, BUFFERS = "model/", "ema/", "optim/", "rng/", "buffers/"
LOG = "log/"  # what the next line of the log sums up

Groups = Mapping[str, Mapping[str, Tensor]]  # tensors by group, such as a network, and key


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's header; tensors are read when they are asked for.

    Attributes:
        meta: `config`, `spec`, `step`, `epoch`, `batch`, `best`, `version`, ...
    """

    path: Path
    meta: Mapping[str, Any]
    spec: DataSpec

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """All tensors whose name starts with `prefix`, without it."""
        with _reading(self.path), safe_open(self.path, "pt") as file:
            return {
                name.removeprefix(prefix): file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 - not a dictionary
                if name.startswith(prefix)
            }

    def networks(self) -> dict[str, dict[str, Tensor]]:
        """State dicts by network name; the moving average where the run has one."""
        states = grouped(self.tensors(WEIGHTS))
        return {**states, **grouped(self.tensors(AVERAGE))}


def grouped(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors named `group/key`, such as those of networks, by group; the reverse of `flatten`."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        group, _, key = name.partition("/")
        groups.setdefault(group, {})[key] = tensor
    return groups


@contextlib.contextmanager
def _reading(path: Path):
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a readable checkpoint, perhaps truncated ({error}); use another one of "
            "the run with --checkpoint"
        ) from error


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Writes a checkpoint so that a crash at any moment leaves the former one.

    Raises:
        CheckpointError: it could not be written, for example on a full disk.
    """
    header = {_HEADER: json.dumps({"format": FORMAT, "version": __version__, **meta})}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new:
            save_file({k: v.detach().contiguous().cpu() for k, v in tensors.items()}, new, header)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: the checkpoint could not be written ({error}); earlier checkpoints are "
            "untouched. Free disk space, then go on with --resume"
        ) from error


def read_checkpoint(path: Path) -> Checkpoint:
    """The header of a checkpoint.

    Raises:
        CheckpointError: missing, truncated, no checkpoint of this tool, or of another format.
    """
    with _reading(path), safe_open(path, "pt") as file:
        header = (file.metadata() or {}).get(_HEADER)
    if header is None:
        raise CheckpointError(
            f"{path}: a safetensors file, but no checkpoint of img2img; published .pth files "
            "are brought in by `img2img import-weights`"
        )
    try:
        meta = parse_json(header, finite=False)
        version, number = meta["version"], meta["format"]
        if number == FORMAT:
            return Checkpoint(path, meta, DataSpec.model_validate(meta["spec"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: the checkpoint's header is damaged ({error})") from error
    raise CheckpointError(
        f"{path}: checkpoint format {number} (img2img {version}), but this is img2img "
        f"{__version__} with format {FORMAT}; use the version that wrote it"
    )


def step_file(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` steps lies."""
    return folder / f"step-{step:08d}{SUFFIX}"


def step_files(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob(f"step-*{SUFFIX}"))


def prune(folder: Path, newest: int, keep: int) -> None:
    """Deletes all but the newest `keep` checkpoints.

    Args:
        newest: the step just saved. Files of later steps are damaged ones that a resumed run
            had to pass over; they go first.
    """
    last = step_file(folder, newest)
    files = step_files(folder)
    stale = [path for path in files if path > last]
    for path in [*stale, *[p for p in files if p <= last][:-keep]]:
        path.unlink(missing_ok=True)


def flatten(states: Groups, prefix: str) -> dict[str, Tensor]:
    """State dicts by network name as the tensors of a checkpoint."""
    return {
        f"{prefix}{name}/{key}": tensor
        for name, state in states.items()
        for key, tensor in state.items()
    }
