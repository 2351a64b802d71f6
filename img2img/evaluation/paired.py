"""Evaluators of pictures that belong to real ones: a run's translations, and plain folders."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from img2img.errors import ConfigError
from img2img.evaluation import output
from img2img.evaluation.evaluator import EvaluatedSet, Evaluator, RunEvaluator
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.instruments import Instruments, Options, gather
from img2img.evaluation.reals import RealFolder, Reals, assign, evenly, find_pictures
from img2img.evaluation.scoring import score
from img2img.places import expand

Files = Mapping[str, Path]


class PairedEvaluator(RunEvaluator):
    """Scores a run's translations of its held-out inputs."""

    @cached_property
    def held_out(self) -> HeldOut:
        """The run's held-out inputs, and the network that translates them."""
        options = self.options
        return HeldOut(
            self.run,
            checkpoint=options.checkpoint,
            data=options.data,
            device=options.device,
            limit=options.limit,
        )

    def gather(self, folder: Path) -> Instruments:
        return gather(self.options, self.held_out, folder)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        held_out, styles, seed = self.held_out, self.options.styles, self.options.seed
        files, failed = held_out.translate(folder / output.TRANSLATED, styles=styles, seed=seed)
        origin = {
            **held_out.origin,
            "translated": output.TRANSLATED,
            **held_out.about_inputs(),
            **held_out.about_styles(styles, seed),
        }
        run = self.folder
        return _score(folder, run.name, files, held_out, tools, origin, failed=failed, run=run)

    def against(self, place: Path) -> Evaluator:
        """Of another tool's pictures, without those whose inputs are beyond the limit.

        Raises:
            UserError: no picture is of one of the inputs.
        """
        fakes, doubled = find_pictures(place)
        held_out = self.held_out
        if not assign(fakes, held_out.names)[0]:
            raise ConfigError(
                f"{place}: no picture has the name of a held-out input; expected names such as "
                f"{held_out.names[0]}, found {next(iter(fakes))}"
            )
        beyond = set(assign(fakes, held_out.beyond)[0].values()) if held_out.beyond else ()
        fakes = {key: path for key, path in fakes.items() if path not in beyond}
        return FolderEvaluator(place, fakes, held_out, self.options, doubled)


class FolderEvaluator(Evaluator):
    """Scores files against real pictures, by their names.

    Args:
        place: where the files lie.
    """

    def __init__(
        self, place: Path, fakes: Files, reals: Reals, options: Options, remarks: Sequence[str] = ()
    ):
        self.place, self.fakes, self.reals = expand(place).resolve(), fakes, reals
        self.options, self.remarks = options, remarks

    @classmethod
    def of_folders(cls, fake: Path, real: Path, options: Options) -> "FolderEvaluator":
        """Two plain folders.

        Raises:
            DataError: one of them is not there, cannot be read, or holds no picture.
        """
        fakes, doubled = find_pictures(fake)
        files, more = find_pictures(real)
        if options.limit:
            files = dict(evenly(list(files.items()), options.limit))
            fakes = assign(fakes, files)[0] or dict(evenly(list(fakes.items()), options.limit))
        reals = RealFolder(files, {"real": str(expand(real).resolve())})
        return cls(fake, fakes, reals, options, [*doubled, *more])

    def gather(self, folder: Path) -> Instruments:
        return gather(self.options, self.reals, folder)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        # A folder's own name is little; that of the one above often says more: `theirs/results`.
        name = "/".join(self.place.parts[-2:])
        origin = {**self.reals.origin, "translated": str(self.place)}
        return _score(folder, name, self.fakes, self.reals, tools, origin)


def _score(
    folder: Path,
    name: str,
    fakes: Files,
    reals: Reals,
    tools: Instruments,
    origin: Mapping[str, Any],
    *,
    failed: Mapping[str, str] = {},
    run: Path | None = None,
) -> EvaluatedSet:
    evaluation = score(name, fakes, reals, tools, origin=origin, failed=failed)
    found = EvaluatedSet(evaluation, assign(fakes, reals.names)[0], reals, run)
    output.write_set(folder, found)
    return found
