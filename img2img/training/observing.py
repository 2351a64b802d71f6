"""What the health monitor looks at beside the losses, computed only in steps that are logged."""

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.models.base import Model, Output
from img2img.runs.checkpoint import Groups

PERIOD = 4  # pixels: the last two doublings of a generator repeat after 2 and 4
SAMPLE = 64  # values of each parameter that are watched


def observe(model: Model, out: Output) -> dict[str, Tensor]:
    """Scalars of a step, by the names under which they are logged.

    What the model itself tells, and of pictures, generated and real ones, how much their pixels
    vary (`spread`) and how strong a grid lies over them (`grid`).
    """
    with torch.no_grad():
        seen = dict(model.observe(out))
        for name, picture in (("fake", out.fake), ("real", out.real)):
            if picture is not None:
                seen[f"{name}/spread"] = spread(picture)
                seen[f"{name}/grid"] = grid(picture)
    return seen


def spread(picture: Tensor) -> Tensor:
    """Standard deviation of a picture's pixels, mean over channels and pictures (N, C, H, W)."""
    return picture.float().flatten(2).std(2, correction=0).mean()


def grid(picture: Tensor) -> Tensor:
    """Strength of a pattern that repeats every 4 pixels in (N, C, H, W), as a standard deviation.

    Pixels less their 3x3 neighbourhood, averaged over all cells of 4x4 pixels: what a picture
    shows differs from cell to cell, the checkerboard of uneven overlap (Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts") does not. 0 for pictures without two such cells
    inside their margin.
    """
    picture = picture.float()
    # A binomial filter leaves linear gradients out: skies would count as patterns.
    line = picture.new_tensor([0.25, 0.5, 0.25])
    kernel = (line[:, None] * line).expand(picture.shape[1], 1, 3, 3)
    detail = picture[..., 1:-1, 1:-1] - F.conv2d(picture, kernel, groups=picture.shape[1])
    # Padding disturbs the margin, where it is no fault of the enlarging.
    detail = detail[..., PERIOD:-PERIOD, PERIOD:-PERIOD]
    rows, columns = detail.shape[-2] // PERIOD, detail.shape[-1] // PERIOD
    if rows * columns < 2:
        return picture.new_zeros(())
    cells = detail[..., : rows * PERIOD, : columns * PERIOD]
    cells = cells.unflatten(-1, (columns, PERIOD)).unflatten(-3, (rows, PERIOD))
    cells = cells.permute(1, 3, 5, 0, 2, 4).flatten(3)  # channel, y and x in a cell, cells
    # Means of so many cells differ by chance, too: that share is taken off.
    chance = cells.var(-1).mean((1, 2)) / cells.shape[-1]
    pattern = cells.mean(-1).flatten(1).var(1)
    return (pattern - chance).clamp(min=0).mean().sqrt()


class Movement:
    """How far weights have moved since they were last looked at, in a sample of each parameter."""

    def __init__(self, model: Model):
        self._model = model
        self._before = self._now()

    def _now(self) -> dict[str, Tensor]:
        return {
            update.name: torch.cat(
                [
                    parameter.detach().flatten()[:SAMPLE]
                    for net in update.nets
                    for parameter in getattr(self._model, net).parameters()
                ]
            )
            for update in self._model.updates
        }

    def state(self) -> Groups:
        """What the next reading compares with, for a checkpoint."""
        return {"moved": self._before}

    def restore(self, state: Groups, device: torch.device) -> None:
        """Compares with a `state`; with the weights of now where it is not there."""
        found = state.get("moved")
        self._before = {n: v.to(device) for n, v in found.items()} if found else self._now()

    def read(self) -> dict[str, Tensor]:
        """Length of the way since the last reading, as a share of the weights' own length."""
        now, before = self._now(), self._before
        self._before = now
        return {
            f"{name}/moved": (now[name] - before[name]).norm() / now[name].norm().clamp(min=1e-12)
            for name in now
        }
