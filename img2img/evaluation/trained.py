"""The segmenter that an evaluation trains, kept as a file so that later ones use the same."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from img2img.data.loader import PairDataset
from img2img.data.transforms import JointTransform
from img2img.errors import ConfigError, DataError
from img2img.evaluation.hashing import fingerprint
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.judges.segmenter import STEPS, train_segmenter
from img2img.evaluation.segmenters import NetworkSegmenter
from img2img.keys import TARGET
from img2img.networks.segmenter import PhotoSegmenter
from img2img.runs.checkpoint import replacing

FILE = "segmenter.safetensors"
CROP = 256  # pixels a side at most, of the parts of pictures that it is trained on
LOOKED_AT = 8  # training pictures, whose size limits that of the parts
COLOUR = 0.3  # brightness, contrast and saturation vary: what it judges may be lighter or darker
_HEADER = "img2img segmenter"


def train(
    pairs: HeldOut, path: Path, *, steps: int | None = None, seed: int = 0
) -> NetworkSegmenter:
    """Trains a segmenter on the pairs that are not held out, and writes it to `path`.

    Args:
        steps: None for the usual number.

    Raises:
        UserError: there are none, or the file cannot be written.
    """
    spec, config = pairs.spec, pairs.config
    if not len(pairs.training):
        raise ConfigError(
            "--segmenter train: no training pairs are left, for all pairs are scored; name the "
            f"{FILE} of another evaluation with --segmenter FILE"
        )
    # Pictures are scored at the size of their files, at which networks need not have worked.
    files = spec.model_copy(update={"resize": None})
    update = {"crop": _crop(pairs), "rotate": 0.0, "colour": COLOUR}
    transform = JointTransform(config.data.model_copy(update=update), files, train=True)
    network, done = train_segmenter(
        PairDataset(pairs.training, transform),
        spec,
        pairs.translator.device,
        steps=steps or STEPS,
        workers=config.training.workers,
        seed=seed,
    )
    labels = spec.labels
    header = {
        "in_channels": spec.target.channels,
        "classes": labels.classes,
        "steps": done,
        "pairs": len(pairs.training),
    }
    try:
        with replacing(path) as new:
            state = {k: v.contiguous().cpu() for k, v in network.state_dict().items()}
            save_file(state, new, {_HEADER: json.dumps(header)})
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{path}: cannot be written ({error})") from error
    return _segmenter(network, header, path)


def _crop(pairs: HeldOut) -> tuple[int, int]:
    """Height and width of the parts: no larger than the first pictures, of which one is to be had.

    Padding to more would only cost time.
    """
    sizes = []
    for index in range(min(len(pairs.training), LOOKED_AT)):
        try:
            sizes.append(pairs.training.read(index)[TARGET].shape[:2])
        except DataError:
            continue
    heights, widths = zip(*sizes, strict=True) if sizes else ((CROP,), (CROP,))
    return min(CROP, *heights), min(CROP, *widths)


def load(path: Path, device: torch.device) -> NetworkSegmenter:
    """What `train` wrote.

    Raises:
        ConfigError: no such file, or another one.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        network = PhotoSegmenter(in_channels=header["in_channels"], classes=header["classes"])
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"{path}: not a segmenter that an evaluation has trained ({FILE})"
        ) from error
    return _segmenter(network.to(device), header, path)


def _segmenter(network: PhotoSegmenter, header: dict, path: Path) -> NetworkSegmenter:
    pairs, steps = header["pairs"], header["steps"]
    about = {
        "segmenter": f"U-Net trained on {pairs} pairs of the data in {steps} steps",
        "sha256": fingerprint(path),
    }
    return NetworkSegmenter(
        network, header["classes"], about, channels=header["in_channels"], imagenet=False
    )
