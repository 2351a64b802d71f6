"""A trained run as a function: arrays in, pictures out, size and depth as they were."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from img2img.data.sheets import to_picture
from img2img.data.spec import DataSpec
from img2img.devices import pick_device, pick_precision
from img2img.errors import ConfigError, DataError
from img2img.fields import Field
from img2img.fields.resizing import resize_image
from img2img.inference.arrays import Inputs, Prepared, complete, prepare
from img2img.inference.loading import load_run
from img2img.inference.styles.book import StyleBook
from img2img.inference.styles.looks import Choice, Objects, StyleAssignment, StyleOverrides, choose
from img2img.keys import STYLES, TARGET
from img2img.labels import instance_classes
from img2img.models.abilities import HasStyles, require_styles, style_input_of
from img2img.models.base import Model
from img2img.networks.compiling import compile_networks

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
NO_BOOK = "the run has no style book yet; make it with `img2img cluster-styles`"


class Translator:
    """Translates inputs by a trained model, which brings all its settings with it.

    Attributes:
        spec: the inputs and the target of the run.
        book: the styles of the run; None where it has none.
        source: where the weights come from, for people to read.
        precision: numbers in which the networks compute, `fp32`, `bf16` or `fp16`.
        style_input: the input whose ids carry styles; None: the model has none.
        remark: what is doubtful about the styles, "" for nothing.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        *,
        book: StyleBook | None = None,
        source: str = "",
        precision: str = "fp32",
    ):
        self.model, self.device, self.book, self.source = model, device, book, source
        self.spec: DataSpec = model.spec
        self.style_input = style_input_of(model)
        self.precision = precision
        self.remark = ""

    @classmethod
    def load(
        cls,
        run: str | Path | None = None,
        *,
        checkpoint: str | Path | None = None,
        device: str = "auto",
        precision: str = "fp32",
    ) -> "Translator":
        """The translator of a run.

        Args:
            run: a name (runs/NAME), a path, or None for the newest.
            checkpoint: `best`, `last`, a step, or a file; None: last.
            device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
            precision: `auto`, `fp32`, `bf16`, `fp16`; evaluations take fp32.

        Raises:
            ConfigError: the device is not there, or cannot compute in the precision.
            CheckpointError: no such run or checkpoint, or it cannot be read.
        """
        target = pick_device(device)
        loaded = load_run(run, checkpoint, target, drawing=False)
        model, found = loaded.model, loaded.checkpoint
        book = StyleBook.load(loaded.path) if style_input_of(model) else None
        if book is not None:
            book.require_channels(model.options.feature_channels, loaded.path)
        numbers = pick_precision(precision, target)
        translator = cls(model, target, book=book, source=str(found.path), precision=numbers)
        if book is not None and book.step != found.meta["step"]:
            translator.remark = (
                f"the style book is of step {book.step}, this checkpoint of step "
                f"{found.meta['step']}, whose features may mean other styles; make it anew with "
                "`img2img cluster-styles --overwrite`"
            )
        return translator

    def compile(self) -> str:
        """Compiles the networks; the first pictures of a size then take a while. Says how it went."""
        return compile_networks(self.model, self.device, graphs=True)

    def prepare(self, inputs: Inputs | Prepared) -> Prepared:
        """A caller's arrays as all methods take them; what is prepared is returned as it is.

        Raises:
            DataError: inputs that are missing, of different size, or not the run's.
        """
        if isinstance(inputs, Prepared):
            return inputs
        return prepare(inputs, self.spec, derive=bool(self.style_input))

    def complete(self, arrays: Mapping[str, np.ndarray]) -> Prepared:
        """The same of arrays as `data.reading` returns them; others among them are left out."""
        return complete(arrays, self.spec, derive=bool(self.style_input))

    def translate(
        self,
        inputs: Inputs | Prepared | Sequence[Inputs],
        *,
        look: StyleAssignment | None = None,
        stochastic: bool = False,
        seed: int | None = None,
    ) -> np.ndarray | list[np.ndarray]:
        """One picture, or a list of them for a list of inputs.

        Args:
            inputs: the first input, or inputs by name: arrays (H, W) or (H, W, C), tensors
                (H, W) or (C, H, W), PIL pictures, or paths, with the values that the data
                set's files have. Labels: integers, or uint8 RGB in the run's palette.
                Instances: integers; without them boundaries come from the labels. Or what
                `prepare` made of these, for several calls, or a list of any of these.
            look: styles by object id, as `look` returns them; None: each class's commonest
                style, or neutral features where the run has no style book.
            stochastic: with the model's noise, which of pix2pix is dropout.
            seed: of that noise; None: another picture every time.

        Returns:
            (H, W, C) of the type that the target's files have, RGB.

        Raises:
            DataError: inputs that are missing, unreadable, of different size, or not the run's.
        """
        many = isinstance(inputs, list | tuple)
        each = cast(Sequence[Inputs | Prepared], inputs if many else [inputs])
        made = [self.translate_one(i, look=look, stochastic=stochastic, seed=seed) for i in each]
        return made if many else made[0]

    def translate_one(
        self,
        inputs: Inputs | Prepared,
        *,
        look: StyleAssignment | None = None,
        stochastic: bool = False,
        seed: int | None = None,
    ) -> np.ndarray:
        """`translate` of what is no list."""
        inputs = self.prepare(inputs)
        look = look if look is not None else self.look(inputs) if self.book is not None else {}
        with self._noise(stochastic, seed) as rng:
            return self.render(inputs, [look], rng=rng)[0]

    @torch.inference_mode()
    def render(
        self,
        inputs: Inputs | Prepared,
        looks: Sequence[StyleAssignment],
        *,
        rng: torch.Generator | None = None,
    ) -> list[np.ndarray]:
        """One picture in several looks, as `translate` returns it; `rng` as of `Model.translate`."""
        inputs = self.prepare(inputs)
        batch = self._batch(inputs)
        batch = {name: value.expand(len(looks), *value.shape[1:]) for name, value in batch.items()}
        if self.style_input:
            ids = batch[self.style_input]
            batch[STYLES] = torch.cat([self._features(look, ids) for look in looks])
        with self._autocast():
            translated = self.model.translate(batch, rng=rng)
        pictures = translated.float().permute(0, 2, 3, 1).cpu().numpy()
        return [self.spec.target.denormalise(resize_image(p, inputs.size)) for p in pictures]

    def look(
        self,
        inputs: Inputs | Prepared,
        overrides: StyleOverrides = StyleOverrides(),
        *,
        photo: np.ndarray | None = None,
        seed: int = 0,
        variation: int = 0,
    ) -> dict[int, Choice]:
        """Styles for all objects of a picture; see `styles.looks.choose`.

        Args:
            photo: (H, W, C) as the target: what is not overridden looks as in it.

        Raises:
            ConfigError: the run has no styles, or not those of the overrides.
        """
        inputs = self.prepare(inputs)
        base = self.encode(inputs, photo) if photo is not None else None
        if self.book is None and base is not None and overrides == StyleOverrides():
            return base
        book, objects = self.require_book(), self.objects(inputs)
        return choose(objects, book, overrides, seed=seed, variation=variation, base=base)

    def require_styles(self) -> tuple[HasStyles, str]:
        """The model, and the input whose ids carry styles.

        Raises:
            ConfigError: it was trained without instance features.
        """
        return require_styles(self.model, self.source)

    def require_book(self) -> StyleBook:
        """The run's styles.

        Raises:
            ConfigError: the model has no styles, or nobody has clustered them.
        """
        self.require_styles()
        if self.book is None:
            raise ConfigError(f"{self.source}: {NO_BOOK}")
        return self.book

    def objects(self, inputs: Inputs | Prepared) -> Objects:
        """The objects of a picture that can have a style each, and their classes.

        Raises:
            ConfigError: the model has no styles.
            DataError: as `translate`.
        """
        _, style_input = self.require_styles()
        arrays = self.prepare(inputs).arrays
        ids, labels = arrays[style_input], self.spec.labels
        label = torch.from_numpy(arrays[labels.name]) if labels else None
        return Objects(ids, instance_classes(torch.from_numpy(ids), label))

    @torch.inference_mode()
    def encode(self, inputs: Inputs | Prepared, photo: np.ndarray) -> dict[int, Choice]:
        """The styles that the objects have in a photo of them.

        Args:
            photo: (H, W, C) as the target.

        Raises:
            ConfigError: the model has no styles.
            DataError: the photo has another size, type or other channels.
        """
        model, style_input = self.require_styles()
        inputs = self.prepare(inputs)
        batch, size = self._batch(inputs), inputs.size
        photo = self.spec.target.fit(photo, "the photo")
        if photo.shape[:2] != size:
            (height, width), (own_height, own_width) = photo.shape[:2], size
            raise DataError(
                f"the photo has {width}x{height} pixels, the label map {own_width}x{own_height}; give "
                "the photo of this very scene, at the same size"
            )
        resized = resize_image(photo, self.spec.working_size(size))
        value = self.spec.target.normalise(resized).transpose(2, 0, 1)
        batch[TARGET] = torch.from_numpy(np.ascontiguousarray(value))[None].to(self.device)
        with self._autocast():
            features = model.encode(batch)[0]
        rows = features.flatten(1).T.float().cpu().numpy()
        ids, first = np.unique(batch[style_input].cpu().numpy(), return_index=True)
        return {ident: Choice(rows[i]) for ident, i in zip(ids.tolist(), first, strict=True)}

    def _features(self, look: StyleAssignment, pixels: Tensor) -> Tensor:
        """(1, C, H, W) of ids (N, 1, H, W): its object's features, neutral ones where it has none."""
        ids, index = pixels[0, 0].unique(return_inverse=True)
        table = torch.zeros(len(ids), self.model.options.feature_channels)
        for row, ident in enumerate(ids.tolist()):
            if ident in look:
                table[row] = torch.from_numpy(look[ident].features)
        return table.to(self.device)[index].permute(2, 0, 1)[None]

    def visuals(self, inputs: Inputs | Prepared) -> dict[str, Tensor]:
        """The inputs as pictures, name -> (3, H, W) in [-1, 1]."""
        arrays = self.prepare(inputs).arrays
        batch = {s.name: self._tensor(arrays[s.name], s, None) for s in self.spec.inputs}
        return {name: picture[0] for name, picture in self.model.visuals(batch).items()}

    def display(self, picture: np.ndarray) -> np.ndarray:
        """A picture as `translate` returns it, as uint8 RGB (H, W, 3) for people to look at."""
        return to_picture(torch.from_numpy(self.spec.target.normalise(picture).transpose(2, 0, 1)))

    def _batch(self, inputs: Prepared) -> dict[str, Tensor]:
        """All inputs at the working size, a batch of one."""
        work = self.spec.working_size(inputs.size)
        return {s.name: self._tensor(inputs.arrays[s.name], s, work) for s in self.spec.inputs}

    def _tensor(self, array: np.ndarray, field: Field, work: tuple[int, int] | None) -> Tensor:
        """A batch of one at the size `work`, or at its own."""
        return field.tensor(field.resize(array, work or array.shape[:2]))[None].to(self.device)

    def _autocast(self) -> torch.autocast:
        dtype = DTYPES.get(self.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)

    @contextlib.contextmanager
    def _noise(self, stochastic: bool, seed: int | None) -> Iterator[torch.Generator | None]:
        """A source of noise for the model, and dropout, which draws from the device's own state."""
        rng = torch.Generator() if stochastic else None
        if rng is not None:
            rng.manual_seed(seed) if seed is not None else rng.seed()
        dropouts = [m for m in self.model.modules() if isinstance(m, nn.Dropout)]
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            for layer in dropouts:
                layer.train(stochastic)
            try:
                yield rng
            finally:
                for layer in dropouts:
                    layer.eval()

    @property
    def has_noise(self) -> bool:
        """Whether `stochastic` changes anything."""
        return self.model.stochastic
