"""Evaluators of pictures that belong to real ones: a run's translations, and plain folders."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from img2img.devices import pick_device
from img2img.errors import ConfigError
from img2img.evaluation import output
from img2img.evaluation.evaluator import EvaluatedSet, Options, RunEvaluator
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.instruments import Instruments, gather
from img2img.evaluation.reals import RealFolder, Reals, assign, evenly, find_pictures
from img2img.evaluation.scoring import score

Files = Mapping[str, Path]


class PairedEvaluator:
    """Scores a run's translations of its held-out inputs.

    Args:
        run: name or path; None for the newest.
    """

    def __init__(self, run: str | None, options: Options):
        self.run, self.options = run, options

    @cached_property
    def held_out(self) -> HeldOut:
        """The run's held-out inputs, and the network that translates them."""
        options = self.options
        return HeldOut.load(
            self.run,
            checkpoint=options.checkpoint,
            data=options.data,
            device=options.device,
            limit=options.limit,
        )

    def gather(self, folder: Path) -> Instruments:
        options = self.options
        return gather(options.wanted, self.held_out, pick_device(options.device), folder)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        held_out, options = self.held_out, self.options
        files, failed = held_out.translate(
            folder / output.TRANSLATED, styles=options.styles, seed=options.seed
        )
        origin: dict[str, Any] = {**held_out.origin, "translated": output.TRANSLATED}
        styles = held_out.about_styles(options.styles, options.seed)
        if styles:
            origin["styles"] = styles
        run = held_out.run.resolve()
        scored = score(run.name, files, held_out, tools, origin=origin, failed=failed)
        found = EvaluatedSet(scored, assign(files, held_out.names)[0], held_out, run)
        output.write_set(folder, found)
        return found

    def require_comparable(self, other: RunEvaluator) -> None:
        """Comparing looks at every picture, so nothing is to be asked before."""

    def of_inputs(self, fakes: Files, place: Path) -> Files:
        """Another tool's pictures, without those whose inputs are beyond the limit.

        Raises:
            ConfigError: no picture is of one of the inputs.
        """
        held_out = self.held_out
        if not assign(fakes, held_out.names)[0]:
            raise ConfigError(
                f"{place}: no picture has the name of a held-out input; expected names such as "
                f"{held_out.names[0]}, found {next(iter(fakes))}"
            )
        beyond = set(assign(fakes, held_out.beyond)[0].values()) if held_out.beyond else ()
        return {key: path for key, path in fakes.items() if path not in beyond}

    def evaluate_others(
        self, folder: Path, tools: Instruments, fakes: Files, place: Path
    ) -> EvaluatedSet:
        """The same for another tool's pictures of the same inputs, which lie in `place`."""
        origin = {**self.held_out.origin, "translated": str(place.expanduser().resolve())}
        return _score_files(folder, place, fakes, self.held_out, tools, origin)


class FolderEvaluator:
    """Scores the pictures of one folder against those of another, by their names.

    Attributes:
        remarks: pictures that are not used, and why.
    """

    def __init__(self, fake: Path, real: Path, options: Options):
        self.fake, self.options = fake, options
        fakes, doubled = find_pictures(fake)
        files, more = find_pictures(real)
        if options.limit:
            files = dict(evenly(list(files.items()), options.limit))
            fakes = assign(fakes, files)[0] or dict(evenly(list(fakes.items()), options.limit))
        self.fakes, self.remarks = fakes, [*doubled, *more]
        places = {"translated": fake, "real": real}
        origin = {key: str(place.expanduser().resolve()) for key, place in places.items()}
        self.reals = RealFolder(files, origin)

    def gather(self, folder: Path) -> Instruments:
        options = self.options
        return gather(options.wanted, self.reals, pick_device(options.device), folder)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        origin = self.reals.origin
        return _score_files(folder, self.fake, self.fakes, self.reals, tools, origin)


def _score_files(
    folder: Path,
    place: Path,
    fakes: Files,
    reals: Reals,
    tools: Instruments,
    origin: Mapping[str, Any],
) -> EvaluatedSet:
    """A folder's own name is little; that of the one above often says more: `theirs/results`."""
    name = "/".join(place.expanduser().resolve().parts[-2:])
    scored = score(name, fakes, reals, tools, origin=origin)
    found = EvaluatedSet(scored, assign(fakes, reals.names)[0], reals)
    output.write_set(folder, found)
    return found
