"""The segmenter that an evaluation trains, kept as a file so that later ones use the same."""

import json
import math
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from img2img.data.loader import EpochBatches, PairDataset, close, make_loader
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import ConfigError, DataError, UserError
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.judges.learning import build_seeded, fit
from img2img.evaluation.judges.segmenters import NetworkSegmenter, fingerprint
from img2img.foreign import parse_json
from img2img.keys import TARGET
from img2img.networks.padding import run_padded
from img2img.networks.unet import UNet
from img2img.runs.writing import replacing

FILE = "segmenter.safetensors"
CROP = 256  # pixels a side at most, of the parts of pictures that it is trained on
LOOKED_AT = 8  # training pictures, whose size limits that of the parts
COLOUR = 0.3  # brightness, contrast and saturation vary: what it judges may be lighter or darker
WIDTH, DEPTH = 16, 5
BATCH, LR, STEPS = 4, 4e-3, 1000
WARM_UP = 0.05  # share of the training in which the learning rate rises
MINUTES = 10.0
_HEADER = "img2img segmenter"


class PhotoSegmenter(nn.Module):
    """Images (N, in, H, W) in [-1, 1] of any size -> logits (N, classes, H, W).

    Batch norm learns faster than instance norm here, which takes away how bright a picture is.
    """

    def __init__(self, *, in_channels: int, classes: int):
        super().__init__()
        self.unet = UNet(
            in_channels=in_channels,
            out_channels=None,
            width=WIDTH,
            depth=DEPTH,
            norm="batch",
            dropout=0.0,
        )
        self.head = nn.Conv2d(WIDTH, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(run_padded(self.unet, images))


def train_segmenter(
    pairs: PairDataset,
    spec: DataSpec,
    device: torch.device,
    *,
    steps: int = STEPS,
    minutes: float = MINUTES,
    workers: int = 0,
    seed: int = 0,
) -> tuple[PhotoSegmenter, int]:
    """A segmenter of the target into the classes of the label input.

    AdamW on the cross-entropy; the learning rate rises for a moment and then falls to 0. Ignored
    pixels do not count. Pairs that cannot be read are passed over.

    Args:
        pairs: all of one size, such as random crops.
        steps: fewer, where they would take longer than so many `minutes`.

    Returns:
        The segmenter, ready to be used, and how many steps it was trained.

    Raises:
        DataError: there is no pair with labels, or none can be read.
    """
    labels, channels = spec.labels, spec.target.channels
    if labels is None or not len(pairs):
        raise DataError("there are no training pairs to train the segmenter on")
    network = build_seeded(
        lambda: PhotoSegmenter(in_channels=channels, classes=labels.classes), seed, device
    )

    def loss(batch: dict[str, Tensor]) -> Tensor:
        logits = network(batch[TARGET].to(device))
        return _loss(logits, batch[labels.name][:, 0].to(device), labels.ignore_id)

    with closing(_batches(pairs, workers, seed)) as batches:
        done = fit(
            network,
            batches,
            loss,
            steps=steps,
            lr=LR,
            schedule=lambda step, steps: _pace(step / steps),
            what="segmenter",
            minutes=minutes,
        )
    return network, done


def _pace(progress: float) -> float:
    """The share of the learning rate: up in a line, then down in half a cosine."""
    if progress < WARM_UP:
        return (progress + 0.01) / (WARM_UP + 0.01)
    return (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


def _loss(logits: Tensor, label: Tensor, ignore_id: int | None) -> Tensor:
    """The mean over the pixels that count; 0 where none does."""
    valid = torch.ones_like(label, dtype=torch.bool) if ignore_id is None else label != ignore_id
    # An ignored id need not be one that the loss could be told to ignore.
    each = F.cross_entropy(logits, torch.where(valid, label, 0), reduction="none")
    return (each * valid).sum() / valid.sum().clamp(min=1)


def _batches(
    pairs: PairDataset, workers: int, seed: int
) -> Generator[dict[str, Tensor], None, None]:
    """Batches without end; those with a pair that cannot be read are left out.

    Raises:
        DataError: a whole epoch of them.
    """
    order = EpochBatches(len(pairs), BATCH, seed=seed)
    loader = make_loader(pairs, order, workers=workers)
    try:
        while True:
            good, problem = 0, None
            for batch in loader:
                if isinstance(batch, UserError):
                    problem = batch
                else:
                    good += 1
                    yield batch
            if not good:
                raise DataError(f"no pair to train the segmenter on can be read: {problem}")
            order.epoch += 1
    finally:
        close(loader)


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
    header = {
        "in_channels": spec.target.channels,
        "classes": len(pairs.class_names),
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
            header = parse_json((file.metadata() or {})[_HEADER])
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
