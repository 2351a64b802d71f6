"""Evaluating a run or two folders, and comparing two of them: from names to results on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from img2img.errors import ConfigError
from img2img.evaluation import output
from img2img.evaluation.comparing import compare, sentence
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.reals import RealFolder, assign, evenly, find_pictures
from img2img.evaluation.result import EVALUATION, Evaluation
from img2img.evaluation.scoring import score
from img2img.evaluation.showing import Side, rows
from img2img.evaluation.sides import (
    Options,
    drawn_side,
    draws,
    earlier_side,
    gather_tools,
    load_held_out,
    require_same_pictures,
    short_name,
    side_of,
    translated_side,
    write_side,
)
from img2img.runs.folder import find_run

OUT = Path("evaluation")
COMPARED = Path("comparison")


@dataclass(frozen=True)
class Report:
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
    remarks: list[str] = field(default_factory=list)


def evaluate_run(
    run: str | None, options: Options, *, out: Path | None = None, against: Path | None = None
) -> Report:
    """Translates a run's held-out inputs and scores the results; or scores what it draws from noise.

    Args:
        run: name or path; None for the newest.
        out: None: `evaluation` in the run's folder.
        against: another tool's pictures of the same inputs, scored too and compared.

    Raises:
        UserError: anything that the user can mend.
    """
    out = out or find_run(run) / OUT
    if draws(run, options):
        if against:
            raise ConfigError(
                f"--against {against}: the run draws from noise, so no picture is of the same inputs; "
                "score that folder by --fake and --real"
            )
        with output.results(out) as folder:
            drawn = drawn_side(run, options, folder)
        return Report([drawn.scored.evaluation], [out / output.PAGE])
    others, doubled = find_pictures(against) if against else ({}, [])
    with output.results(out) as folder:
        held_out = load_held_out(run, options)
        if against:
            others = _of_inputs(others, held_out, against)
        tools = gather_tools(held_out, options, folder)
        side = translated_side(held_out, tools, options, folder)
        write_side(folder, side)
        if not against:
            return Report([side.scored.evaluation], [out / output.PAGE])
        origin = {**held_out.origin, "translated": str(against.expanduser().resolve())}
        scored = score(short_name(against), others, held_out, tools, origin=origin)
        other = side_of(scored, others, held_out)
        write_side(folder / output.AGAINST, other)
        pages = [out / output.AGAINST / output.PAGE, out / output.PAGE]
        try:
            return _compare(folder, other, side, [*pages, out / output.COMPARISON_PAGE], doubled)
        except ConfigError as error:  # the scores took long, and are worth keeping
            both = [other.scored.evaluation, side.scored.evaluation]
            return Report(both, pages, remarks=[*doubled, f"not compared: {error}"])


def _of_inputs(fakes: Mapping[str, Path], held_out: HeldOut, folder: Path) -> dict[str, Path]:
    """Without pictures whose inputs are beyond the limit: these are not missing a partner.

    Raises:
        ConfigError: no picture is of one of the inputs.
    """
    if not assign(fakes, held_out.names)[0]:
        raise ConfigError(
            f"{folder}: no picture has the name of a held-out input; expected names such as "
            f"{held_out.names[0]}, found {next(iter(fakes))}"
        )
    beyond = set(assign(fakes, held_out.beyond)[0].values()) if held_out.beyond else ()
    return {key: path for key, path in fakes.items() if path not in beyond}


def evaluate_folders(
    fake: Path, real: Path, options: Options, *, out: Path | None = None
) -> Report:
    """Scores the pictures of one folder against those of another, by their names.

    Raises:
        UserError: anything that the user can mend.
    """
    fakes, doubled = find_pictures(fake)
    files, more = find_pictures(real)
    if options.limit:
        files = dict(evenly(list(files.items()), options.limit))
        fakes = assign(fakes, files)[0] or dict(evenly(list(fakes.items()), options.limit))
    places = {
        "translated": str(fake.expanduser().resolve()),
        "real": str(real.expanduser().resolve()),
    }
    reals = RealFolder(files, places)
    with output.results(out or OUT) as folder:
        tools = gather_tools(reals, options, folder)
        scored = score(short_name(fake), fakes, reals, tools, origin=places)
        side = side_of(scored, fakes, reals)
        write_side(folder, side)
    remarks = [*doubled, *more]
    return Report([side.scored.evaluation], [(out or OUT) / output.PAGE], remarks=remarks)


def compare_two(first: str, second: str, options: Options, *, out: Path | None = None) -> Report:
    """Compares two runs, or folders of earlier evaluations.

    Raises:
        UserError: anything that the user can mend; also where the two are not of the same inputs.
    """
    out = out or COMPARED
    runs = [name for name in (first, second) if not _is_earlier(name)]
    if len(runs) == 2 and all(draws(run, options) for run in runs):
        require_same_pictures(first, second, options)
    with output.results(out) as folder:
        sides, pages, tools = [], [], None
        for name, own in ((first, output.FIRST), (second, output.SECOND)):
            if _is_earlier(name):
                sides.append(earlier_side(Path(name).expanduser()))
                continue
            pages.append(out / own / output.PAGE)
            if draws(name, options):
                sides.append(drawn_side(name, options, folder / own))
                continue
            held_out = load_held_out(name, options)
            tools = tools or gather_tools(held_out, options, folder)
            (folder / own).mkdir()
            sides.append(translated_side(held_out, tools, options, folder / own))
            write_side(folder / own, sides[-1])
        return _compare(folder, *sides, [*pages, out / output.COMPARISON_PAGE])


def _is_earlier(name: str) -> bool:
    """Whether it is the folder of an earlier evaluation."""
    return (Path(name).expanduser() / EVALUATION).is_file()


def _compare(
    folder: Path, first: Side, second: Side, pages: list[Path], remarks: Sequence[str] = ()
) -> Report:
    """Compares and writes the comparison."""
    differences, left_out = compare(first.scored, second.scored)
    one, other = first.scored.evaluation, second.scored.evaluation
    if not differences:
        alike = {why: [m for m in left_out if left_out[m] == why] for why in left_out.values()}
        reasons = "; ".join(f"{', '.join(metrics)}: {why}" for why, metrics in alike.items())
        raise ConfigError(f"{one.name} and {other.name} have no metric in common ({reasons})")
    common = sum(name in other.images for name in one.images)
    sentences = [
        sentence(metric, found, common or other.scores[metric].count)
        for metric, found in differences.items()
    ]
    pictures = rows(first, second)
    grids = [side.grid for side in (first, second) if side.grid is not None]
    grids = grids if len(grids) == 2 else []
    page = comparison_page(one, other, differences, pictures, grids)
    output.write_comparison(folder, (one.name, other.name), differences, left_out, sentences, page)
    if not pictures and not grids:
        remarks = [*remarks, "the pictures are no longer where they were: none are shown"]
    return Report([one, other], pages, sentences, left_out, list(remarks))
