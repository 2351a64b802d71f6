"""One side of an evaluation: what a run translates or draws, scored and written; or an earlier one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2img.config import parse_config
from img2img.devices import pick_device
from img2img.errors import ConfigError, UserError
from img2img.evaluation import output
from img2img.evaluation.drawn import DRAWN, draw_gallery, evaluate_drawn
from img2img.evaluation.heldout import HeldOut, Styles
from img2img.evaluation.instruments import Instruments, Wanted, gather
from img2img.evaluation.pages.report import report_page
from img2img.evaluation.reals import RealFolder, Reals, assign, find_pictures
from img2img.evaluation.scoring import Scored, score
from img2img.evaluation.showing import Side, chosen
from img2img.fields.files import read_image, write_image
from img2img.inference.sampler import LatentSampler
from img2img.models import MODELS, OPTIONS
from img2img.runs.folder import find_run, pick_checkpoint
from img2img.schema import Config

NO_PICTURES = RealFolder({}, {})


@dataclass(frozen=True)
class Options:
    """What holds for all pictures of one call.

    Attributes:
        data: pairs of another place than the run's own; real pictures, of a run that draws.
        limit: pairs that are scored at most, or pictures that are drawn.
        styles: of runs with styles.
        seed: of styles by lot, or of what is drawn.
    """

    checkpoint: str | None = None
    data: Path | None = None
    limit: int | None = None
    device: str = "auto"
    styles: Styles = "usual"
    seed: int = 0
    wanted: Wanted = field(default_factory=Wanted)


def _config(run: str | None, options: Options) -> Config:
    found = pick_checkpoint(find_run(run), options.checkpoint)
    return parse_config(found.meta["config"], OPTIONS, str(found.path))


def draws(run: str | None, options: Options) -> bool:
    """Whether a run draws pictures from noise instead of translating some."""
    return MODELS[_config(run, options).model.name].task == "generative"


def require_same_pictures(first: str, second: str, options: Options) -> None:
    """Raises ConfigError where two runs that draw would be scored by other real pictures each."""
    if options.data is not None:
        return
    paths = [_config(run, options).data.path for run in (first, second)]
    places = [path and Path(path).expanduser().resolve() for path in paths]
    if places[0] != places[1]:
        one, other = (place or "the built-in pictures" for place in places)
        raise ConfigError(
            f"{first} learnt from {one}, {second} from {other}: score both by the same real pictures "
            "with --data DIR"
        )


def drawn_side(run: str | None, options: Options, folder: Path) -> Side:
    """Draws pictures, scores them and writes everything into `folder`."""
    place = find_run(run).resolve()
    sampler = LatentSampler.load(place, checkpoint=options.checkpoint, device=options.device)
    evaluation = evaluate_drawn(
        sampler,
        place.name,
        {"run": str(place), "checkpoint": sampler.source},
        data=options.data,
        limit=options.limit,
        seed=options.seed,
        inception=options.wanted.inception,
    )
    # Not the noise of the scored pictures, nor, where both seeds are the usual 0, that of the
    # training's samples, which the page shows anyway.
    scored, grid = Scored(evaluation, {}, ()), draw_gallery(sampler, options.seed + 1)
    output.write_scored(folder, scored, report_page(evaluation, {}, place, grid))
    write_image(folder / output.GRID, grid)
    return Side(scored, {}, NO_PICTURES, place, grid)


def load_held_out(run: str | None, options: Options) -> HeldOut:
    """A run's held-out inputs, and the network that translates them."""
    return HeldOut.load(
        run,
        checkpoint=options.checkpoint,
        data=options.data,
        device=options.device,
        limit=options.limit,
    )


def gather_tools(reals: Reals, options: Options, folder: Path) -> Instruments:
    """What these pictures are scored with; a trained segmenter is written into `folder`."""
    return gather(options.wanted, reals, pick_device(options.device), folder)


def short_name(folder: Path) -> str:
    """A folder's name, and that of the one above, which often says more: `theirs/results`."""
    return "/".join(folder.expanduser().resolve().parts[-2:])


def translated_side(held_out: HeldOut, tools: Instruments, options: Options, folder: Path) -> Side:
    """Translates into `folder` and scores."""
    files, failed = held_out.translate(
        folder / output.TRANSLATED, styles=options.styles, seed=options.seed
    )
    origin: dict[str, Any] = {**held_out.origin, "translated": output.TRANSLATED}
    styles = held_out.about_styles(options.styles, options.seed)
    if styles:
        origin["styles"] = styles
    run = held_out.run.resolve()
    scored = score(run.name, files, held_out, tools, origin=origin, failed=failed)
    return side_of(scored, files, held_out, run=run)


def side_of(
    scored: Scored, fakes: Mapping[str, Path], reals: Reals, *, run: Path | None = None
) -> Side:
    """What has been scored, with its files by the names of the real pictures."""
    return Side(scored, assign(fakes, reals.names)[0], reals, run)


def write_side(folder: Path, side: Side) -> None:
    """All files on scored pairs."""
    page = report_page(side.scored.evaluation, chosen(side), side.run)
    output.write_scored(folder, side.scored, page)


def earlier_side(folder: Path) -> Side:
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
        return side_of(scored, fakes, reals)
    except (UserError, KeyError, TypeError):
        return Side(scored, {}, NO_PICTURES, None)
