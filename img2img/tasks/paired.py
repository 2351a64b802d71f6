"""Pairs of pictures: an input, or several of one scene, and the right answer."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img.data.describe import Data, describe_data
from img2img.data.loader import PairDataset, iterate, make_loader
from img2img.data.pictures.describe import are_pictures
from img2img.data.sheets import contact_sheet, to_picture
from img2img.data.spec import DataSpec
from img2img.errors import ConfigError, DataError, counted
from img2img.evaluation.evaluator import RunEvaluator
from img2img.evaluation.instruments import Options
from img2img.evaluation.paired import PairedEvaluator
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.metrics.paired import BETTER, l1, load_lpips, psnr, ssim
from img2img.models import MODELS
from img2img.models.abilities import style_input_of
from img2img.models.base import Batch, Model
from img2img.schema import Config
from img2img.tasks.base import Task, Validator


class Paired(Task):
    """A translation is measured by the right answer beside it."""

    def describe(self, config: Config) -> Data:
        try:
            return describe_data(config.data, seed=config.training.seed)
        except DataError as error:
            if not are_pictures(config.data):
                raise
            others = ", ".join(n for n, model in MODELS.items() if model.task == "generative")
            raise DataError(
                f"{error}\n{config.model.name} learns from pairs of pictures; from pictures alone "
                f"learn {others}"
            ) from error

    def validator(self, config: Config, dataset: PairDataset, device: torch.device) -> Validator:
        return PairValidator(config, dataset, device)

    def blank_inputs(
        self, model: Model, data: Data, size: tuple[int, int], device: torch.device
    ) -> Batch | None:
        return self.blank_batch(data.spec, size, 1, device) if len(data.val) else None

    def next_steps(self, run: str, spec: DataSpec, *, styles: bool) -> dict[str, str]:
        picture = spec.inputs[0].placeholder
        commands = {"translate": f"img2img translate {picture} --run {run}"}
        if styles:
            commands["styles"] = f"img2img cluster-styles --run {run}"
        return commands

    def evaluator(self, run: str | None, options: Options) -> RunEvaluator:
        return PairedEvaluator(run, options)

    def predictor(self, run: str | Path | None = None, **settings: Any) -> Translator:
        return Translator.load(run, **settings)


class PairValidator:
    """Translates held-out pairs, the same every time, and measures how near the results are.

    Args:
        dataset: the held-out pairs, not augmented; may be empty.

    Raises:
        ConfigError: LPIPS is asked for, but its weights cannot be had.
    """

    def __init__(self, config: Config, dataset: PairDataset, device: torch.device):
        self.training = config.training
        self.dataset = dataset
        self.device = device
        self.lpips, self.remark = None, ""
        if len(dataset):
            vgg_weights = getattr(config.model, "vgg_weights", None)
            self.lpips, self.remark = load_lpips(config.training.lpips_weights, vgg_weights)
        if self.lpips is not None:
            self.lpips.to(device)
        elif config.training.best == "lpips" and len(dataset):
            raise ConfigError(f"training.best is lpips, but {self.remark}")
        usual = "ssim" if self.lpips is None else "lpips"
        self.criterion = usual if config.training.best == "auto" else config.training.best

    def better(self, value: float, than: float | None) -> bool:
        """Whether a score of the criterion beats another; NaN never does."""
        if math.isnan(value):
            return False
        if than is None:
            return True
        return value < than if BETTER[self.criterion] == "smaller" else value > than

    def terms(self, model: Model) -> str:
        """How many pairs, L1's scale, and whose styles: `evaluate` may take others of each."""
        pairs = counted(min(len(self.dataset), self.training.val_pairs), "pair")
        styles = ", styles of the real pictures" if style_input_of(model) else ""
        return f"{pairs}, values in [-1, 1]{styles}"

    @torch.no_grad()
    def run(
        self, model: Model, interrupted: Callable[[], bool]
    ) -> tuple[dict[str, float], np.ndarray | None]:
        """Mean scores as `val/NAME`, and a sheet of the first pairs.

        Pairs are taken one at a time, so that they may differ in size and no score depends
        on the batch. The model is left in training mode.

        Args:
            interrupted: asked after each pair; once true, there are no scores and no sheet.
        """
        count = min(len(self.dataset), self.training.val_pairs)
        values: dict[str, list[float]] = {}
        rows = []
        shown = min(len(self.dataset), self.training.samples)
        keys = [[(index, 0)] for index in range(max(count, shown))]
        model.eval()
        try:
            for index, batch in enumerate(iterate(make_loader(self.dataset, keys, workers=0))):
                if interrupted():
                    return {}, None
                batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
                fake = model.translate(batch).float()
                if index < count:
                    for name, value in self._scores(model, batch, fake).items():
                        values.setdefault(name, []).append(value)
                if index < shown:
                    pictures = {n: to_picture(p[0]) for n, p in model.visuals(batch).items()}
                    pictures["translated"] = to_picture(fake[0])
                    pictures["real"] = to_picture(batch[TARGET][0])
                    rows.append(pictures)
        finally:
            model.train()
        means = {f"val/{name}": float(np.mean(scores)) for name, scores in values.items()}
        names = [self.dataset.source.name(i) for i in range(len(rows))]
        return means, contact_sheet(rows, names) if rows else None

    def _scores(self, model: Model, batch: Batch, fake: Tensor) -> dict[str, float]:
        real, valid = batch[TARGET], model.valid(batch)
        if valid is not None and not valid.any():
            return {}  # nothing of this picture counts
        metrics = {"l1": l1, "psnr": psnr, "ssim": ssim}
        if self.lpips is not None:
            metrics["lpips"] = self.lpips
        scores = {name: metric(fake, real, valid) for name, metric in metrics.items()}
        return {name: float(value) for name, value in scores.items() if value is not None}
