"""What a generator is shown: labels as planes, boundaries, images, joined as channels."""

import torch
from torch import Tensor, nn

from img2img.data.spec import DataSpec, InputSpec
from img2img.labels import boundary_map, colourise, default_palette, one_hot, valid_mask


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
        labels = spec.of_kind("labels")
        derive = boundary and labels is not None and spec.of_kind("instances") is None
        self.boundary_of = labels.name if derive else None
        self.shown = [s for s in spec.inputs if boundary or s.kind != "instances"]
        self.channels = sum(map(_channels, self.shown)) + derive

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """`batch` maps input names to ids (N, 1, H, W) or images (N, C, H, W)."""
        parts = [_encode(source, batch[source.name]) for source in self.shown]
        if self.boundary_of:
            parts.append(boundary_map(batch[self.boundary_of]))
        return torch.cat(parts, dim=1)

    def valid(self, batch: dict[str, Tensor]) -> Tensor | None:
        """1 where a pixel counts, (N, 1, H, W); None where no id is ignored."""
        if self.spec.ignore is None:
            return None
        name, ignore_id = self.spec.ignore
        return valid_mask(batch[name], ignore_id)

    def visuals(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The inputs as pictures: name -> (N, 3, H, W) in [-1, 1]."""
        pictures = {}
        for source in self.shown:
            value = batch[source.name]
            if source.kind == "labels":
                pictures[source.name] = _draw_labels(source, value)
            elif source.kind == "image":
                pictures[source.name] = _rgb(value)
            else:
                pictures["boundary"] = _draw_boundary(value)
        if self.boundary_of:
            pictures["boundary"] = _draw_boundary(batch[self.boundary_of])
        return pictures


def _channels(source: InputSpec) -> int:
    if source.kind == "labels":
        return source.classes
    return 1 if source.kind == "instances" else source.image.channels


def _encode(source: InputSpec, value: Tensor) -> Tensor:
    if source.kind == "labels":
        return one_hot(value, source.classes, ignore_id=source.ignore_id)
    return boundary_map(value) if source.kind == "instances" else value


def _draw_labels(source: InputSpec, value: Tensor) -> Tensor:
    palette = torch.tensor(source.colours) if source.colours else default_palette(source.classes)
    return colourise(value, palette, ignore_id=source.ignore_id)


def _draw_boundary(ids: Tensor) -> Tensor:
    return (boundary_map(ids) * 2 - 1).expand(-1, 3, -1, -1)


def _rgb(image: Tensor) -> Tensor:
    """The first three channels; the first one replicated where there are fewer."""
    return image[:, :3] if image.shape[1] >= 3 else image[:, :1].expand(-1, 3, -1, -1)
