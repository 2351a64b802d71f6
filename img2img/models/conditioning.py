"""What a generator is shown: labels as planes, boundaries, images, joined as channels."""

import torch
from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.fields.instance import draw_boundary
from img2img.labels import boundary_map, valid_mask
from img2img.models.base import Batch


class Condition(nn.Module):
    """Turns a batch's inputs into one tensor (N, channels, H, W).

    In the order of the inputs: labels become one-hot planes, instance ids their boundary
    map, images stay as they are in [-1, 1].

    Args:
        boundary: join the boundary map of the instances or, where the data have none, of the
            labels. Without it, instance ids are no part of the condition.
    """

    def __init__(self, spec: DataSpec, *, boundary: bool):
        super().__init__()
        self.spec = spec
        derived = spec.labels if boundary and spec.instances is None else None
        self.boundary_of = derived.name if derived else None
        self.shown = [field for field in spec.inputs if boundary or not field.is_boundary]
        self.channels = sum(field.channels for field in self.shown) + bool(derived)

    def forward(self, batch: Batch) -> Tensor:
        """`batch` maps input names to ids (N, 1, H, W) or images (N, C, H, W)."""
        parts = [field.encode(batch[field.name]) for field in self.shown]
        if self.boundary_of:
            parts.append(boundary_map(batch[self.boundary_of]))
        return torch.cat(parts, dim=1)

    def valid(self, batch: Batch) -> Tensor | None:
        """1 where a pixel counts, (N, 1, H, W); None where no id is ignored."""
        if self.spec.ignore is None:
            return None
        name, ignore_id = self.spec.ignore
        return valid_mask(batch[name], ignore_id)

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        """The inputs as pictures: name -> (N, 3, H, W) in [-1, 1]."""
        pictures = {field.drawn_as: field.draw(batch[field.name]) for field in self.shown}
        if self.boundary_of:
            pictures["boundary"] = draw_boundary(batch[self.boundary_of])
        return pictures
