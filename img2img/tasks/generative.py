"""Pictures from noise: there is no right answer beside one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from img2img.data.describe import Data
from img2img.data.loader import PairDataset, at_random, iterate, make_loader
from img2img.data.pictures.describe import describe_pictures
from img2img.data.sheets import picture_grid, to_picture
from img2img.data.spec import DataSpec
from img2img.errors import counted
from img2img.evaluation.drawn import DrawnEvaluator
from img2img.evaluation.evaluator import RunEvaluator
from img2img.evaluation.instruments import Options
from img2img.inference.sampler import LatentSampler
from img2img.keys import CLASS
from img2img.models import MODELS
from img2img.models.abilities import Classifies, latents_of
from img2img.models.base import Batch, Model
from img2img.models.latents import COLUMNS
from img2img.schema import Config
from img2img.tasks.base import Task, Validator


class Generative(Task):
    """A model draws from its latents, and is looked at by grids of the same noise every time."""

    # In a DCGAN of 5,000 digits that went well, the discriminator was always right for 300 steps,
    # and a grid could be seen for 700.
    settling = 1000
    one_size = True

    def describe(self, config: Config) -> Data:
        return describe_pictures(
            config.data,
            seed=config.training.seed,
            classes=MODELS[config.model.name].needs_classes,
            labelled=getattr(config.model, "labelled_per_class", None),
        )

    def validator(self, config: Config, dataset: PairDataset, device: torch.device) -> Validator:
        return GridValidator(config, dataset, device)

    def blank_inputs(
        self, model: Model, data: Data, size: tuple[int, int], device: torch.device
    ) -> Batch | None:
        return latents_of(model).draw(COLUMNS, device)

    def next_steps(self, run: str, spec: DataSpec, *, styles: bool) -> dict[str, str]:
        return {"generate": f"img2img generate --run {run} -n 64"}

    def evaluator(self, run: str | None, options: Options) -> RunEvaluator:
        return DrawnEvaluator(run, options)

    def predictor(self, run: str | Path | None = None, **settings: Any) -> LatentSampler:
        return LatentSampler.load(run, **settings)


class GridValidator:
    """Draws the same rows every time, so that grids can be laid side by side.

    There is no right answer to measure a picture by, hence no best checkpoint; the one score is that
    of a model that classifies.

    Args:
        dataset: the held-out pictures, with their class; may be empty.
    """

    criterion = ""
    remark = ""

    def __init__(self, config: Config, dataset: PairDataset, device: torch.device):
        self.training = config.training
        self.dataset, self.device = dataset, device
        self.chosen = at_random(len(dataset), config.training.val_pairs)

    def better(self, value: float, than: float | None) -> bool:
        """Never."""
        return False

    def terms(self, model: Model) -> str:
        """How many held-out pictures are classified."""
        return counted(len(self.chosen), "picture")

    @torch.no_grad()
    def run(
        self, model: Model, interrupted: Callable[[], bool]
    ) -> tuple[dict[str, float], np.ndarray | None]:
        """`val/accuracy` where it classifies, and a grid: rows of the classes and codes, if any.

        The model is left in training mode.

        Args:
            interrupted: asked before each row and batch; once true, there are no scores and no grid.
        """
        model.eval()
        try:
            grid = self._draw(model, interrupted)
            scores = self._classify(model, interrupted)
        finally:
            model.train()
        return ({}, None) if interrupted() else (scores, grid)

    def _draw(self, model: Model, interrupted: Callable[[], bool]) -> np.ndarray | None:
        rows, captions = [], []
        if not self.training.samples:
            return None
        # A generator of its own on the CPU: the same noise on every device, and the training's own
        # noise goes on as if nobody had looked.
        generator = torch.Generator().manual_seed(self.training.seed)
        gallery = latents_of(model).gallery(self.training.samples, COLUMNS, generator)
        for caption, latents in gallery:
            if interrupted():
                return None
            batch = {name: value.to(self.device) for name, value in latents.items()}
            rows.append([to_picture(image) for image in model.translate(batch)])
            captions.append(caption)
        return picture_grid(rows, captions)

    def _classify(self, model: Model, interrupted: Callable[[], bool]) -> dict[str, float]:
        """The share of held-out pictures whose class has the greatest logit, as `val/accuracy`."""
        if not isinstance(model, Classifies):
            return {}
        count, size = len(self.chosen), self.training.batch_size
        keys = [
            [(index, 0) for index in self.chosen[start : start + size]]
            for start in range(0, count, size)
        ]
        right = torch.zeros((), device=self.device)
        for batch in iterate(make_loader(self.dataset, keys, workers=0)):
            if interrupted():
                return {}
            batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
            right += (model.classify(batch).argmax(1) == batch[CLASS]).sum()
        return {"val/accuracy": float(right) / count} if count else {}
