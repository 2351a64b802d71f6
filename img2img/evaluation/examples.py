"""Which pictures the pages show, and what of them."""

from collections.abc import Mapping

from img2img.data.sheets import to_picture
from img2img.errors import DataError
from img2img.evaluation.evaluator import EvaluatedSet
from img2img.evaluation.pictures import match, read_picture, to_tensor
from img2img.evaluation.result import Shown, chief
from img2img.metrics.paired import BETTER

EACH = 4  # pictures under each heading


def pick(values: Mapping[str, float], metric: str) -> dict[str, list[str]]:
    """Up to four names with the best, the median and the worst values of a metric; none twice."""
    ordered = sorted(values, key=values.__getitem__, reverse=BETTER[metric] == "larger")
    each = min(EACH, -(-len(ordered) // 3))
    best, rest = ordered[:each], ordered[each:]
    worst = rest[max(0, len(rest) - each) :]
    rest = rest[: len(rest) - len(worst)]
    middle = max(0, (len(rest) - each) // 2)
    return {"best": best, "median": rest[middle : middle + each], "worst": worst}


def chosen(found: EvaluatedSet) -> dict[str, list[Shown]]:
    """The pictures of a report; those that have gone since are left out."""
    metric = chief(found.evaluation)
    values = {n: own[metric] for n, own in found.evaluation.images.items() if metric in own}
    return {
        head: [shown for name in names if (shown := _draw(found, name))]
        for head, names in pick(values, metric).items()
    }


def _draw(found: EvaluatedSet, name: str) -> Shown | None:
    ranges = found.reals.ranges
    try:
        real = found.reals.read(name)
        fake = read_picture(found.fakes[name], real.image.shape[2])
        # The real picture as it is: a size of its own is worth seeing.
        whole = to_tensor(real.image, real.image.dtype.name, ranges)
        translated = to_picture(match(fake, real, ranges, name).fake[0])
        return Shown(name, found.reals.inputs(name), translated, to_picture(whole[0]))
    except (DataError, KeyError):
        return None


def rows(first: EvaluatedSet, second: EvaluatedSet) -> list[tuple[Shown, Shown]]:
    """The same inputs by both: those that the second changes for the better, the middle, the worse."""
    one, other = first.evaluation, second.evaluation
    metric = chief(one, other)
    changes = {
        name: other.images[name][metric] - own[metric]
        for name, own in one.images.items()
        if metric in own and metric in other.images.get(name, {})
    }
    names = [name for some in pick(changes, metric).values() for name in some]
    pairs = ((_draw(first, name), _draw(second, name)) for name in names)
    return [(one, other) for one, other in pairs if one and other]
