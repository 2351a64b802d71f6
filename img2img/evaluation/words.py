"""An evaluation in words: the table on the screen."""

from collections.abc import Iterator, Mapping
from typing import Any

from img2img.data.tally import MAX_LISTED, listed
from img2img.errors import counted
from img2img.evaluation.evaluate import Summary
from img2img.evaluation.pages.comparison import told_apart
from img2img.evaluation.pages.scores import written
from img2img.evaluation.result import DRAWN, Evaluation, Score, label, of_class

CLASSES = 40  # classes listed; more are in the files


def said(summary: Summary) -> Iterator[str]:
    """Everything that was found, line by line."""
    last = summary.evaluations[-1]
    for evaluation in summary.evaluations:
        yield from _scores(evaluation)
        if evaluation is last or evaluation.missing != last.missing:
            for metrics, why in evaluation.reasons.items():
                yield f"  not computed: {metrics}: {why}"
    if summary.sentences:
        one, other = summary.evaluations
        first, second = told_apart(one.name, other.name, "{} (the {})")
        yield f"{second}, compared with {first}:"
        for line in summary.sentences:
            if not of_class(line.partition(":")[0]):
                yield f"  {line}"
        for metric, why in summary.left_out.items():
            if not of_class(metric):
                yield f"  {label(metric)}: not compared: {why}"
    for remark in summary.remarks:
        yield f"note: {remark}"
    for page in summary.pages:
        yield f"page: {page}"


def _scores(evaluation: Evaluation) -> Iterator[str]:
    protocol = evaluation.protocol
    yield f"{evaluation.name}: {protocol['pictures']}"
    yield from (f"  {term}" for term in evaluation.terms)
    if not evaluation.scores and DRAWN in protocol:
        yield "  no scores: the page shows what the run draws and how it was trained"
    yield from _table({m: s for m, s in evaluation.scores.items() if not of_class(m)})
    yield from _classes(evaluation.scores)
    ceiling = protocol.get("segmentation", {}).get("on the real pictures")
    if ceiling:
        words = ", ".join(f"{metric} {value:.4f}" for metric, value in ceiling.items())
        yield f"  the segmenter on the real pictures, best available: {words}"
    for metric, why in protocol.get("left out", {}).items():
        if metric in evaluation.scores:
            yield f"  {metric} without {why}"
    yield from (f"  beware: {doubt}" for doubt in evaluation.doubts)


def _table(scores: Mapping[str, Score]) -> Iterator[str]:
    width = max(15, *(len(label(metric)) for metric in scores)) if scores else 0
    for metric, score in scores.items():
        value, low, high = written(score.value, score.low, score.high)
        interval = f"{low} to {high}" if score.low == score.low else ""
        better = f"{score.better} is better"
        yield f"  {label(metric):<{width}} {value:>10}  {interval:<22} {better:<18} {counted(score.count, 'picture')}"


def _classes(scores: Mapping[str, Score]) -> Iterator[str]:
    """A line for each class: its accuracy and IoU."""
    names = [metric.removeprefix("iou/") for metric in scores if metric.startswith("iou/")]
    for name in names[:CLASSES]:
        own = {kind: scores.get(f"{kind}/{name}") for kind in ("accuracy", "iou")}
        words = (f"{kind} {score.value:.4f}" for kind, score in own.items() if score)
        yield f"    {name:<20} {', '.join(words)}"
    if len(names) > CLASSES:
        yield f"    and {len(names) - CLASSES} more classes"


def troubles(summary: Summary) -> list[str]:
    """What the user should mend: pictures that could not be scored."""
    return [line for e in summary.evaluations for line in _troubles(e, e.protocol)]


def _troubles(evaluation: Evaluation, protocol: Mapping[str, Any]) -> Iterator[str]:
    if DRAWN in protocol:
        return
    if skipped := protocol["skipped"]:
        # What is wrong with a pair as such names no file.
        lines = [why if name in why else f"{name}: {why}" for name, why in skipped.items()]
        named = listed(lines, len(lines))
        yield f"{evaluation.name}: {counted(len(skipped), 'picture')} skipped:\n{named}"
    lonely = protocol["without partner"]
    if lonely["translated"] or lonely["real"]:
        examples = ", ".join(lonely["for example"][:MAX_LISTED])
        yield (
            f"{evaluation.name}: {lonely['translated']} translated and {lonely['real']} real pictures "
            f"have no partner of their name, for example {examples}; they count in scores of sets "
            "alone (FID, KID, precision, recall)"
        )
    if not evaluation.scores:
        yield f"{evaluation.name}: nothing could be scored"
