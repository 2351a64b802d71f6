"""Which pictures the pages show, and what of them."""

from collections.abc import Sequence

from img2img.data.sheets import to_picture
from img2img.errors import DataError
from img2img.evaluation.evaluator import EvaluatedSet
from img2img.evaluation.pictures import match, read_picture, to_tensor
from img2img.evaluation.result import Evaluation, Shown, chief
from img2img.metrics.paired import BETTER

EACH = 4  # pictures under each heading


def best_to_worst(evaluation: Evaluation) -> list[str]:
    """The names of the pictures that have a value of the chief metric."""
    metric = chief(evaluation)
    names = [name for name, own in evaluation.images.items() if metric in own]
    sign = 1 if BETTER[metric] == "smaller" else -1
    return sorted(names, key=lambda name: sign * evaluation.images[name][metric])


def pick(ordered: Sequence[str]) -> dict[str, list[str]]:
    """Up to four from the start, the middle and the end of a list; none twice."""
    each = min(EACH, -(-len(ordered) // 3))
    best, rest = list(ordered[:each]), list(ordered[each:])
    worst = rest[max(0, len(rest) - each) :]
    rest = rest[: len(rest) - len(worst)]
    middle = max(0, (len(rest) - each) // 2)
    return {"best": best, "median": rest[middle : middle + each], "worst": worst}


def chosen(found: EvaluatedSet) -> dict[str, list[Shown]]:
    """The pictures of a report."""
    picked = pick(best_to_worst(found.scored.evaluation))
    return {head: draw(found, names) for head, names in picked.items()}


def draw(found: EvaluatedSet, names: Sequence[str]) -> list[Shown]:
    """Pictures of these names; those that have gone since are left out."""
    drawn = (_draw(found, name) for name in names)
    return [shown for shown in drawn if shown is not None]


def _draw(found: EvaluatedSet, name: str) -> Shown | None:
    ranges = found.reals.ranges
    try:
        fake, real = read_picture(found.fakes[name]), found.reals.read(name)
        # The real picture as it is: a size of its own is worth seeing.
        whole = to_tensor(real.image, real.image.dtype.name, ranges)
        translated = to_picture(match(fake, real, ranges).fake[0])
        return Shown(name, found.reals.inputs(name), translated, to_picture(whole[0]))
    except (DataError, KeyError):
        return None


def rows(first: EvaluatedSet, second: EvaluatedSet) -> list[tuple[Shown, Shown]]:
    """The same inputs by both: those that the second changes for the better, the middle, the worse."""
    one, other = first.scored.evaluation, second.scored.evaluation
    metric = chief(one, other)
    sign = 1 if BETTER[metric] == "smaller" else -1
    changes = {
        name: sign * (other.images[name][metric] - own[metric])
        for name, own in one.images.items()
        if metric in own and metric in other.images.get(name, {})
    }
    picked = pick(sorted(changes, key=changes.__getitem__))
    names = [name for some in picked.values() for name in some]
    pairs = ([*draw(first, [name]), *draw(second, [name])] for name in names)
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
