"""A trained run as a function: arrays in, pictures out, size and depth as they were."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from img2img.config import parse_config
from img2img.data.palettes import nearest_class
from img2img.data.reading import check_sizes, fit_channels, to_classes
from img2img.data.resizing import resize_ids, resize_image
from img2img.data.spec import DataSpec, InputSpec
from img2img.devices import pick_device
from img2img.errors import DataError
from img2img.models import OPTIONS, build_model
from img2img.models.base import Model, load_strictly
from img2img.training.checkpoint import Checkpoint
from img2img.training.runs import find_run, pick_checkpoint


class Translator:
    """Translates inputs by a trained model, which brings all its settings with it.

    Attributes:
        spec: the inputs and the target of the run.
        source: where the weights come from, for people to read.
    """

    def __init__(self, model: Model, device: torch.device, source: str = ""):
        self.model, self.device, self.source = model, device, source
        self.spec: DataSpec = model.spec

    @classmethod
    def load(
        cls,
        run: str | Path | None = None,
        *,
        checkpoint: str | Path | None = None,
        device: str = "auto",
    ) -> "Translator":
        """The translator of a run.

        Args:
            run: a name (runs/NAME), a path, or None for the newest.
            checkpoint: `best`, `last`, a step, or a file; None: last.
            device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.

        Raises:
            ConfigError: the device is not there.
            CheckpointError: no such run or checkpoint, or it cannot be read.
        """
        target = pick_device(device)
        name, which = (None if v is None else str(v) for v in (run, checkpoint))
        found = pick_checkpoint(find_run(name), which)
        return cls(load_model(found, target), target, str(found.path))

    @torch.inference_mode()
    def translate(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        *,
        stochastic: bool = False,
        seed: int | None = None,
    ) -> np.ndarray:
        """One picture.

        Args:
            inputs: the first input's array, or arrays by input name. Labels: integers (H, W),
                or uint8 RGB (H, W, 3) in the run's palette. Instances: integers (H, W);
                without them boundaries come from the labels. Images: (H, W) or (H, W, C) of
                the run's type and channels.
            stochastic: dropout on, the only noise of pix2pix.
            seed: of that noise; None: another picture every time.

        Returns:
            (H, W, C) of the target's type (uint8, uint16 or float32), RGB.

        Raises:
            DataError: inputs that are missing, of different size, or not the run's.
        """
        batch, size = self._batch(inputs)
        with self._noise(stochastic, seed):
            picture = self.model.translate(batch)[0]
        array = picture.float().permute(1, 2, 0).cpu().numpy()
        return self.spec.target.denormalise(resize_image(array, size))

    def visuals(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """The inputs as pictures, name -> (3, H, W) in [-1, 1]."""
        batch, _ = self._batch(inputs)
        return {name: picture[0] for name, picture in self.model.visuals(batch).items()}

    def _batch(
        self, inputs: np.ndarray | Mapping[str, np.ndarray]
    ) -> tuple[dict[str, Tensor], tuple[int, int]]:
        if isinstance(inputs, np.ndarray):
            inputs = {self.spec.inputs[0].name: inputs}
        arrays = dict(inputs)
        labels = self.spec.of_kind("labels")
        for source in self.spec.inputs:
            if source.name not in arrays:
                if source.kind != "instances" or labels is None or labels.name not in arrays:
                    raise DataError(
                        f"the input {source.name!r} ({source.kind}) is missing; this model needs "
                        f"{', '.join(s.name for s in self.spec.inputs)}"
                    )
            else:
                arrays[source.name] = _prepare(arrays[source.name], source)
        for source in self.spec.inputs:
            if source.name not in arrays:  # boundaries from the labels
                arrays[source.name] = arrays[labels.name]
        sizes = {source.name: arrays[source.name].shape[:2] for source in self.spec.inputs}
        check_sizes(sizes, "inputs")
        size = sizes[self.spec.inputs[0].name]
        work = self.spec.working_size(size)
        return {s.name: self._tensor(arrays[s.name], s, work) for s in self.spec.inputs}, size

    def _tensor(self, array: np.ndarray, source: InputSpec, work: tuple[int, int]) -> Tensor:
        if source.kind == "image":
            value = source.image.normalise(resize_image(array, work))
            tensor = torch.from_numpy(np.ascontiguousarray(value.transpose(2, 0, 1)))
        else:
            tensor = torch.from_numpy(resize_ids(array, work).astype(np.int64))[None]
        return tensor[None].to(self.device)

    @contextlib.contextmanager
    def _noise(self, stochastic: bool, seed: int | None) -> Iterator[None]:
        dropouts = [m for m in self.model.modules() if isinstance(m, nn.Dropout)]
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            for layer in dropouts:
                layer.train(stochastic)
            try:
                yield
            finally:
                for layer in dropouts:
                    layer.eval()

    @property
    def has_noise(self) -> bool:
        """Whether `stochastic` changes anything."""
        return any(isinstance(m, nn.Dropout) for m in self.model.modules())


def load_model(checkpoint: Checkpoint, device: torch.device) -> Model:
    """A checkpoint's model, ready to translate; networks that only train stay empty.

    Raises:
        CheckpointError: weights are missing or have other shapes.
    """
    config = parse_config(checkpoint.meta["config"], OPTIONS, str(checkpoint.path))
    # No memory and no random numbers for weights that are about to be replaced.
    with torch.device("meta"):
        model = build_model(config, checkpoint.spec)
    states = checkpoint.networks()
    for name in model.inference_nets:
        network = getattr(model, name)
        load_strictly(network, states.get(name, {}), name, assign=True)
        network.to(device)
    return model.eval().requires_grad_(False)


def _prepare(array: np.ndarray, source: InputSpec) -> np.ndarray:
    """A caller's array as `reading.read_input` returns it."""
    where = f"input {source.name!r}"
    if array.size == 0 or array.ndim not in (2, 3):
        raise DataError(f"{where}: expected a picture (H, W) or (H, W, C), got {array.shape}")
    if source.kind == "image":
        return fit_channels(array if array.ndim == 3 else array[..., None], source.image, where)
    coloured = array.ndim == 3 and array.shape[2] >= 3 and array.dtype == np.uint8
    if source.kind == "labels" and coloured and source.palette:
        return to_classes(nearest_class(array, source.palette), source, where)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"{where}: expected integer ids (H, W), got {array.dtype} {array.shape}")
    ids = array.astype(np.int64)
    return to_classes(ids, source, where) if source.kind == "labels" else ids
