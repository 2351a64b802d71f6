"""A run that learnt from pictures alone, as a function: seeds in, pictures out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from img2img.config import parse_config
from img2img.devices import pick_device
from img2img.errors import ConfigError, DataError, nearest
from img2img.inference.loading import USES, load_run
from img2img.keys import CLASS, Z
from img2img.models import OPTIONS
from img2img.models.abilities import latents_of
from img2img.models.base import Model
from img2img.schema import Config

BATCH = 64  # pictures drawn at once


class LatentSampler:
    """Draws pictures by a trained model, which brings all its settings with it.

    Attributes:
        config, spec: the settings of the run, its pictures and classes.
        latents: what the model draws from.
        source: where the weights come from, for people to read.
    """

    def __init__(self, model: Model, config: Config, device: torch.device, *, source: str = ""):
        self.model, self.config, self.device, self.source = model, config, device, source
        self.spec, self.latents = model.spec, latents_of(model)

    @classmethod
    def load(
        cls,
        run: str | Path | None = None,
        *,
        checkpoint: str | None = None,
        device: str = "auto",
    ) -> "LatentSampler":
        """The sampler of a run.

        Args:
            run: a name (runs/NAME), a path, or None for the newest.
            checkpoint: `last`, a step, or a file; None: last.
            device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.

        Raises:
            ConfigError: the device is not there, or the run translates pictures.
            CheckpointError: no such run or checkpoint, or it cannot be read.
        """
        target = pick_device(device)
        loaded = load_run(run, checkpoint, target, drawing=True)
        source = str(loaded.checkpoint.path)
        config = parse_config(loaded.checkpoint.meta["config"], OPTIONS, source)
        return cls(loaded.model, config, target, source=source)

    def latents_of(self, seeds: Sequence[int], *, kind: str | None = None) -> dict[str, Tensor]:
        """The latents of pictures, one for each seed, whatever the others are.

        Args:
            kind: the class of all of them by name; None: at random, as the noise.

        Raises:
            ConfigError: the run has no classes, or none of that name.
        """
        drawn = [self.latents.draw(1, generator=torch.Generator().manual_seed(s)) for s in seeds]
        latents = {name: torch.cat([one[name] for one in drawn]) for name in drawn[0]}
        if kind is not None:
            latents[CLASS] = torch.full((len(seeds),), self._class(kind))
        return latents

    def _class(self, kind: str) -> int:
        names = self.latents.classes
        if not names:
            raise ConfigError(
                f"--class {kind}: {self.source} is of {self.model.options.name}, which draws "
                "without a class; cgan and acgan draw by class"
            )
        if kind not in names:
            raise ConfigError(f"--class {kind}: the run has no such class; {nearest(kind, names)}")
        return names.index(kind)

    @torch.inference_mode()
    def render(self, latents: dict[str, Tensor]) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1] of latents, on the CPU.

        Raises:
            DataError: z of another size than the run's.
        """
        z = latents[Z]
        if z.dim() != 2 or z.shape[1] != self.latents.size:
            raise DataError(
                f"z of shape {list(z.shape)}, but the run's z has {self.latents.size} numbers; "
                f"expected (N, {self.latents.size})"
            )
        parts = []
        for start in range(0, len(z), BATCH):
            part = {k: v[start : start + BATCH].to(self.device) for k, v in latents.items()}
            parts.append(self.model.translate(part).float().cpu())
        return torch.cat(parts)

    def draw(self, seeds: Sequence[int], *, kind: str | None = None) -> np.ndarray:
        """Pictures (N, H, W, C) of the run's own type, one for each seed."""
        images = self.render(self.latents_of(seeds, kind=kind)).permute(0, 2, 3, 1).numpy()
        return self.spec.target.denormalise(images)

    def translate(self, *_: Any, **__: Any) -> NoReturn:
        """Raises ConfigError: only a `Translator` translates, of a run that learnt from pairs."""
        raise ConfigError(
            f"{self.source}: a run of {self.model.options.name}, which {USES[True][0]}; use "
            "draw(seeds)"
        )
