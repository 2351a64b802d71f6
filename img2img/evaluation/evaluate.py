"""Evaluating a run or two folders, and comparing two of them: from names to results on disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from img2img.errors import ConfigError
from img2img.evaluation import output
from img2img.evaluation.comparing import compare, sentence
from img2img.evaluation.evaluator import EvaluatedSet, Evaluator, RunEvaluator
from img2img.evaluation.examples import rows
from img2img.evaluation.instruments import Options
from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.paired import FolderEvaluator
from img2img.evaluation.result import EVALUATION, Evaluation, joined
from img2img.places import expand
from img2img.runs.folder import find_run

OUT = Path("evaluation")
COMPARED = Path("comparison")


@dataclass(frozen=True)
class Summary:
    """What was found, for people.

    Attributes:
        evaluations: one or two.
        sentences: on the differences between the two.
        left_out: metrics that are not compared, and why.
        pages: the pages that were written.
        remarks: what is doubtful.
    """

    evaluations: list[Evaluation]
    pages: list[Path]
    sentences: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def evaluate_run(
    evaluator: RunEvaluator, *, out: Path | None = None, against: Path | None = None
) -> Summary:
    """Scores what a run makes.

    Args:
        evaluator: of the run, as its task hands it out.
        out: None: `evaluation` in the run's folder.
        against: another tool's pictures of the same inputs, scored too and compared.

    Raises:
        UserError: anything that the user can mend.
    """
    out = out or find_run(evaluator.run) / OUT
    if not against:
        return _evaluate(evaluator, out)
    with output.results(out) as folder:
        others = evaluator.against(against)
        tools = evaluator.gather(folder)
        found = evaluator.evaluate(folder, tools)
        other = others.evaluate(folder / output.AGAINST, tools)
        pages = [out / output.AGAINST / output.PAGE, out / output.PAGE]
        remarks = others.remarks
        try:
            return _compare(folder, other, found, [*pages, out / output.COMPARISON_PAGE], remarks)
        except ConfigError as error:  # the scores took long, and are worth keeping
            both = [other.evaluation, found.evaluation]
            return Summary(both, pages, remarks=[*remarks, f"not compared: {error}"])


def evaluate_folders(
    fake: Path, real: Path, options: Options, *, out: Path | None = None
) -> Summary:
    """Scores the pictures of one folder against those of another, by their names.

    Raises:
        UserError: anything that the user can mend.
    """
    return _evaluate(FolderEvaluator.of_folders(fake, real, options), out or OUT)


def _evaluate(evaluator: Evaluator, out: Path) -> Summary:
    with output.results(out) as folder:
        found = evaluator.evaluate(folder, evaluator.gather(folder))
    return Summary([found.evaluation], [out / output.PAGE], remarks=evaluator.remarks)


def compare_two(
    first: str,
    second: str,
    evaluator_of: Callable[[str], RunEvaluator],
    *,
    out: Path | None = None,
) -> Summary:
    """Compares two runs, or folders of earlier evaluations.

    Args:
        evaluator_of: of a run by its name.

    Raises:
        UserError: anything that the user can mend; also where the two are not of the same inputs.
    """
    out = out or COMPARED
    evaluators = {
        name: evaluator_of(name)
        for name in (first, second)
        if not (expand(name) / EVALUATION).is_file()
    }
    if len(evaluators) == 2:
        evaluators[first].require_comparable(evaluators[second])
    with output.results(out) as folder:
        sets, pages, tools = [], [], None
        for name, own in ((first, output.FIRST), (second, output.SECOND)):
            if name not in evaluators:
                sets.append(output.read_set(expand(name)))
                continue
            tools = tools or evaluators[name].gather(folder)
            sets.append(evaluators[name].evaluate(folder / own, tools))
            pages.append(out / own / output.PAGE)
        return _compare(folder, sets[0], sets[1], [*pages, out / output.COMPARISON_PAGE])


def _compare(
    folder: Path,
    first: EvaluatedSet,
    second: EvaluatedSet,
    pages: list[Path],
    remarks: Sequence[str] = (),
) -> Summary:
    """Compares and writes the comparison."""
    one, other = first.evaluation, second.evaluation
    differences, left_out = compare(one, other)
    if not differences:
        reasons = "; ".join(f"{metrics}: {why}" for metrics, why in joined(left_out).items())
        raise ConfigError(f"{one.name} and {other.name} have no metric in common ({reasons})")
    common = sum(name in other.images for name in one.images)
    sentences = [
        sentence(metric, found, common or other.scores[metric].count)
        for metric, found in differences.items()
    ]
    content = {
        "first": one.name,
        "second": other.name,
        "differences": {metric: asdict(found) for metric, found in differences.items()},
        "not compared": left_out,
        "in words": sentences,
    }
    pictures = rows(first, second)
    grids = [found.grid for found in (first, second) if found.grid is not None]
    grids = grids if len(grids) == 2 else []
    page = comparison_page(one, other, differences, pictures, grids)
    output.write_comparison(folder, content, page)
    if not pictures and not grids:
        remarks = [*remarks, "the pictures are no longer where they were: none are shown"]
    return Summary([one, other], pages, sentences, left_out, remarks)
