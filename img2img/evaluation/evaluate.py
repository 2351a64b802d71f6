"""Evaluating a run or two folders, and comparing two of them: from names to results on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2img.config import parse_config
from img2img.data.images import read_image, write_image
from img2img.devices import pick_device
from img2img.errors import ConfigError, UserError
from img2img.evaluation import output
from img2img.evaluation.comparing import compare, sentence
from img2img.evaluation.drawn import DRAWN, draw_gallery, evaluate_drawn
from img2img.evaluation.heldout import HeldOut, Styles
from img2img.evaluation.instruments import Instruments, Wanted, gather
from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.pages.report import drawn_page, report_page
from img2img.evaluation.reals import RealFolder, Reals, assign, evenly, find_pictures
from img2img.evaluation.result import EVALUATION, Evaluation
from img2img.evaluation.scoring import Scored, score
from img2img.evaluation.showing import Side, chosen, rows
from img2img.inference.painter import Painter
from img2img.models import MODELS, OPTIONS
from img2img.training.runs import find_run, pick_checkpoint

OUT = Path("evaluation")
COMPARED = Path("comparison")
NO_PICTURES = RealFolder({}, {})


@dataclass(frozen=True)
class Options:
    """What holds for all pictures of one call.

    Attributes:
        data: pairs of another place than the run's own.
        limit: pairs that are scored at most.
        styles, seed: of runs with styles.
    """

    checkpoint: str | None = None
    data: Path | None = None
    limit: int | None = None
    device: str = "auto"
    styles: Styles = "usual"
    seed: int = 0
    wanted: Wanted = field(default_factory=Wanted)


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
    if _draws(run, options):
        if against:
            raise ConfigError(
                f"--against {against}: the run draws from noise, so no picture is of the same inputs; "
                "score that folder by --fake and --real"
            )
        with output.results(out) as folder:
            drawn = _draw(run, options, folder)
        return Report([drawn.scored.evaluation], [out / output.PAGE])
    others, doubled = find_pictures(against) if against else ({}, [])
    with output.results(out) as folder:
        held_out = _held_out(run, options)
        if against:
            others = _of_inputs(others, held_out, against)
        tools = _gather(held_out, options, folder)
        side = _score_run(held_out, tools, options, folder)
        _write(folder, side)
        if not against:
            return Report([side.scored.evaluation], [out / output.PAGE])
        origin = {**held_out.origin, "translated": str(against.expanduser().resolve())}
        other = _score(_short(against), others, held_out, tools, origin=origin)
        _write(folder / output.AGAINST, other)
        pages = [out / output.AGAINST / output.PAGE, out / output.PAGE]
        try:
            return _compare(folder, other, side, [*pages, out / output.COMPARISON_PAGE], doubled)
        except ConfigError as error:  # the scores took long, and are worth keeping
            both = [other.scored.evaluation, side.scored.evaluation]
            return Report(both, pages, remarks=[*doubled, f"not compared: {error}"])


def _draws(run: str | None, options: Options) -> bool:
    """Whether a run draws pictures from noise instead of translating some."""
    found = pick_checkpoint(find_run(run), options.checkpoint)
    config = parse_config(found.meta["config"], OPTIONS, str(found.path))
    return MODELS[config.model.name].takes != "pairs"


def _draw(run: str | None, options: Options, folder: Path) -> Side:
    """Draws pictures, scores them and writes everything into `folder`."""
    place = find_run(run).resolve()
    painter = Painter.load(place, checkpoint=options.checkpoint, device=options.device)
    evaluation = evaluate_drawn(
        painter,
        place.name,
        {"run": str(place), "checkpoint": painter.source},
        data=options.data,
        limit=options.limit,
        seed=options.seed,
        inception=options.wanted.inception,
    )
    scored, grid = Scored(evaluation, {}, ()), draw_gallery(painter, options.seed + 1)
    output.write_scored(folder, scored, drawn_page(evaluation, grid, place))
    write_image(folder / output.GRID, grid)
    return Side(scored, {}, NO_PICTURES, place, grid)


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
        tools = _gather(reals, options, folder)
        side = _score(_short(fake), fakes, reals, tools, origin=places)
        _write(folder, side)
    remarks = [*doubled, *more]
    return Report([side.scored.evaluation], [(out or OUT) / output.PAGE], remarks=remarks)


def compare_two(first: str, second: str, options: Options, *, out: Path | None = None) -> Report:
    """Compares two runs, or folders of earlier evaluations.

    Raises:
        UserError: anything that the user can mend; also where the two are not of the same inputs.
    """
    out = out or COMPARED
    with output.results(out) as folder:
        sides, pages, tools = [], [], None
        for name, own in ((first, output.FIRST), (second, output.SECOND)):
            earlier = Path(name).expanduser()
            if (earlier / EVALUATION).is_file():
                sides.append(_earlier(earlier))
                continue
            pages.append(out / own / output.PAGE)
            if _draws(name, options):
                sides.append(_draw(name, options, folder / own))
                continue
            held_out = _held_out(name, options)
            tools = tools or _gather(held_out, options, folder)
            (folder / own).mkdir()
            sides.append(_score_run(held_out, tools, options, folder / own))
            _write(folder / own, sides[-1])
        return _compare(folder, *sides, [*pages, out / output.COMPARISON_PAGE])


def _held_out(run: str | None, options: Options) -> HeldOut:
    return HeldOut.load(
        run,
        checkpoint=options.checkpoint,
        data=options.data,
        device=options.device,
        limit=options.limit,
    )


def _gather(reals: Reals, options: Options, folder: Path) -> Instruments:
    return gather(options.wanted, reals, pick_device(options.device), folder)


def _short(folder: Path) -> str:
    """A folder's name, and that of the one above, which often says more: `theirs/results`."""
    return "/".join(folder.expanduser().resolve().parts[-2:])


def _score_run(held_out: HeldOut, tools: Instruments, options: Options, folder: Path) -> Side:
    """Translates into `folder` and scores."""
    files, failed = held_out.translate(
        folder / output.TRANSLATED, styles=options.styles, seed=options.seed
    )
    origin: dict[str, Any] = {**held_out.origin, "translated": output.TRANSLATED}
    styles = held_out.about_styles(options.styles, options.seed)
    if styles:
        origin["styles"] = styles
    run = held_out.run.resolve()
    return _score(run.name, files, held_out, tools, origin=origin, failed=failed, run=run)


def _score(
    name: str,
    fakes: Mapping[str, Path],
    reals: Reals,
    tools: Instruments,
    *,
    origin: Mapping[str, Any],
    failed: Mapping[str, str] | None = None,
    run: Path | None = None,
) -> Side:
    scored = score(name, fakes, reals, tools, origin=origin, failed=failed)
    return Side(scored, assign(fakes, reals.names)[0], reals, run)


def _write(folder: Path, side: Side) -> None:
    page = report_page(side.scored.evaluation, chosen(side), side.run)
    output.write_scored(folder, side.scored, page)


def _earlier(folder: Path) -> Side:
    """An earlier evaluation; without its pictures where these cannot be found again."""
    scored = output.read_scored(folder)
    protocol = scored.evaluation.protocol
    try:
        if DRAWN in protocol:
            return Side(scored, {}, NO_PICTURES, None, read_image(folder / output.GRID))
        if "run" in protocol:
            data = Path(protocol["data"]) if Path(protocol["data"]).is_absolute() else None
            reals: Reals = HeldOut.load(
                protocol["run"], checkpoint=protocol["checkpoint"], data=data, device="cpu"
            )
        else:
            reals = RealFolder(find_pictures(Path(protocol["real"]))[0], {})
        fakes = find_pictures(folder / protocol["translated"])[0]
        return Side(scored, assign(fakes, reals.names)[0], reals, None)
    except (UserError, KeyError, TypeError):
        return Side(scored, {}, NO_PICTURES, None)


def _compare(
    folder: Path, first: Side, second: Side, pages: list[Path], remarks: Sequence[str] = ()
) -> Report:
    """Compares and writes the comparison."""
    differences, left_out = compare(first.scored, second.scored)
    one, other = first.scored.evaluation, second.scored.evaluation
    if not differences:
        reasons = "; ".join(f"{metric}: {why}" for metric, why in left_out.items())
        raise ConfigError(f"{one.name} and {other.name} have no metric in common ({reasons})")
    common = sum(name in other.images for name in one.images)
    sentences = [
        sentence(metric, found, common or other.scores[metric].count)
        for metric, found in differences.items()
    ]
    pictures = rows(first, second)
    grids = [side.grid for side in (first, second)]
    if any(grid is None for grid in grids):
        grids = []
    page = comparison_page(one, other, differences, pictures, grids)
    output.write_comparison(folder, (one.name, other.name), differences, left_out, sentences, page)
    gone = (
        [] if pictures or grids else ["the pictures are no longer where they were: none are shown"]
    )
    return Report([one, other], pages, sentences, left_out, [*remarks, *gone])
