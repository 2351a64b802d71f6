"""Sample grids of fixed noise, for models that draw pictures from it."""

from collections.abc import Callable

import numpy as np
import torch

from img2img.data.sheets import picture_grid, to_picture
from img2img.models.base import Model
from img2img.models.latents import COLUMNS
from img2img.schema import Config


class Sampler:
    """Draws the same rows every time, so that grids can be laid side by side.

    There is no right answer to measure a picture by, hence no score and no best checkpoint.
    """

    criterion = ""
    remark = ""

    def __init__(self, config: Config, device: torch.device):
        self.rows, self.seed = config.training.samples, config.training.seed
        self.device = device

    def better(self, value: float, than: float | None) -> bool:
        """Never."""
        return False

    @torch.no_grad()
    def run(
        self, model: Model, interrupted: Callable[[], bool]
    ) -> tuple[dict[str, float], np.ndarray | None]:
        """No scores, and a grid: rows of the classes and codes, where there are any.

        The model is left in training mode.

        Args:
            interrupted: asked before each row; once true, there is no grid.
        """
        if not self.rows:
            return {}, None
        rows, captions = [], []
        # A generator of its own on the CPU: the same noise on every device, and the training's own
        # noise goes on as if nobody had looked.
        generator = torch.Generator().manual_seed(self.seed)
        model.eval()
        try:
            for caption, latents in model.latents.gallery(self.rows, COLUMNS, generator):
                if interrupted():
                    return {}, None
                batch = {name: value.to(self.device) for name, value in latents.items()}
                rows.append([to_picture(image) for image in model.translate(batch)])
                captions.append(caption)
        finally:
            model.train()
        return {}, picture_grid(rows, captions)
