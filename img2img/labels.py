"""Label and instance maps as tensors: one-hot planes, boundary maps, colours, id codes.

Maps are integer tensors (N, 1, H, W). Everything here is pure, vectorised, and runs on
the device its arguments are on.
"""

import torch
from torch import Tensor

# Cityscapes and pix2pixHD write the instance k of class c as c * 1000 + k.
INSTANCES_PER_CLASS = 1000


def one_hot(label: Tensor, classes: int, *, ignore_id: int | None = None) -> Tensor:
    """Class ids as planes.

    Args:
        label: integer ids (N, 1, H, W), each in [0, classes) or equal to `ignore_id`.
        classes: number of planes.
        ignore_id: pixels with this id are zero in every plane.

    Returns:
        float32 (N, classes, H, W) of zeros and ones.

    Raises:
        ValueError: an id lies outside the classes. Checked on the CPU only: on a GPU the
            check would stall the queue, and ids are checked when files are read.
    """
    label = label.long()
    if ignore_id is not None:
        label = torch.where(label == ignore_id, classes, label)
    allowed = classes if ignore_id is None else classes + 1
    if label.device.type == "cpu" and label.numel():
        _require_ids(label, classes, allowed)
    # One plane more than classes takes the ignored pixels and is cut off again.
    planes = label.new_zeros(label.shape[0], allowed, *label.shape[2:], dtype=torch.float32)
    return planes.scatter_(1, label, 1.0)[:, :classes]


def _require_ids(label: Tensor, classes: int, allowed: int) -> None:
    low, high = label.aminmax()
    if low < 0 or high >= allowed:
        raise ValueError(
            f"label ids run from {int(low)} to {int(high)}, but {classes} classes allow "
            f"0..{classes - 1}; set the number of classes or an ignore id"
        )


def boundary_map(ids: Tensor) -> Tensor:
    """1 where a pixel's id differs from one of its four neighbours (Wang et al. 2018, Sec. 3.3).

    Args:
        ids: instance or label ids (N, 1, H, W). The picture's border is no boundary.

    Returns:
        float32 (N, 1, H, W) of zeros and ones.
    """
    edge = torch.zeros_like(ids, dtype=torch.bool)
    across = ids[..., :, 1:] != ids[..., :, :-1]
    down = ids[..., 1:, :] != ids[..., :-1, :]
    edge[..., :, 1:] |= across
    edge[..., :, :-1] |= across
    edge[..., 1:, :] |= down
    edge[..., :-1, :] |= down
    return edge.float()


def valid_mask(label: Tensor, ignore_id: int | None) -> Tensor | None:
    """float32 (N, 1, H, W): 0 at ignored pixels, else 1; None where nothing can be ignored."""
    return None if ignore_id is None else (label != ignore_id).float()


def colourise(label: Tensor, palette: Tensor, *, ignore_id: int | None = None) -> Tensor:
    """Class ids in the colours of a palette.

    Args:
        label: integer ids (N, 1, H, W).
        palette: (classes, 3), values 0..255.
        ignore_id: drawn black.

    Returns:
        float32 (N, 3, H, W) in [-1, 1].
    """
    label = label[:, 0].long()
    colours = palette.to(label.device, torch.float32)[label.clamp(0, len(palette) - 1)]
    if ignore_id is not None:
        colours = colours * (label != ignore_id).unsqueeze(-1)
    return colours.permute(0, 3, 1, 2) / 127.5 - 1


def default_palette(classes: int) -> Tensor:
    """`classes` well-separated colours, (classes, 3) uint8.

    The bits of the id, taken three at a time, set the bits of red, green and blue from the
    highest down, as in the PASCAL VOC colour map; id 0 is black.
    """
    ids = torch.arange(classes)
    channels = []
    for channel in range(3):
        value = torch.zeros_like(ids)
        for bit in range(8):
            value |= ((ids >> (3 * bit + channel)) & 1) << (7 - bit)
        channels.append(value)
    return torch.stack(channels, 1).to(torch.uint8)


def instance_classes(instance: Tensor, label: Tensor | None) -> dict[int, int]:
    """The class of every instance of one picture: the commonest label under it.

    A coded id (`class * 1000 + k`) whose class occurs under the instance keeps that class.

    Args:
        instance: integer ids (1, H, W) or (H, W).
        label: integer ids of the same shape; None where there are none: an id then is a code, or
            the class itself.
    """
    if label is None:
        coded = INSTANCES_PER_CLASS
        return {i: i // coded if i >= coded else i for i in instance.unique().tolist()}
    codes, span, low = _joint_codes(instance.flatten().long(), label.flatten().long())
    codes, counts = codes.unique(return_counts=True)
    idents = codes.div(span, rounding_mode="floor")
    pairs = zip(idents.tolist(), (codes - idents * span + low).tolist(), strict=True)
    classes: dict[int, int] = {}
    best: dict[int, int] = {}
    for (ident, cls), count in zip(pairs, counts.tolist(), strict=True):
        if ident >= INSTANCES_PER_CLASS and ident // INSTANCES_PER_CLASS == cls:
            count = instance.numel() + 1  # the code settles it
        if count > best.get(ident, 0):
            classes[ident], best[ident] = cls, count
    return classes


def instance_mean(features: Tensor, instance: Tensor) -> Tensor:
    """Every pixel gets its instance's mean feature, picture by picture (Wang et al. 2018, Sec. 3.4).

    Args:
        features: (N, C, H, W).
        instance: integer ids (N, 1, H, W); every id counts, 0 included.

    Returns:
        float32 (N, C, H, W), differentiable in `features`.
    """
    features = features.float()  # half precision cannot count to the size of an instance
    count, channels = features.shape[:2]
    # One number for each instance of each picture, consecutive over the batch.
    picture = torch.arange(count, device=instance.device).view(-1, 1, 1, 1).expand_as(instance)
    codes, *_ = _joint_codes(picture.flatten(), instance.flatten().long())
    # Not `unique`: to know how many there are, the processor would have to wait for a GPU.
    codes, order = codes.sort()
    number = (codes.diff(prepend=codes[:1]) != 0).cumsum(0)
    index = torch.empty_like(order).scatter_(0, order, number)
    rows = features.permute(0, 2, 3, 1).reshape(-1, channels)
    sums = torch.zeros_like(rows).index_add(0, index, rows)
    sizes = rows.new_zeros(len(rows)).index_add(0, index, rows.new_ones(len(rows)))
    means = sums[index] / sizes[index, None]
    return means.view(count, *features.shape[2:], channels).permute(0, 3, 1, 2)


def _joint_codes(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of integers as single ones, `first * span + second - low`: `unique` of rows is slow.

    Returns:
        The codes, span and low.
    """
    low, high = second.aminmax()
    span = high - low + 1
    return first * span + second - low, span, low
