"""The whole study: pictures, classifiers, trainings, scores, one after the other."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarking.gans import material as pictures
from benchmarking.gans.experiments import EXPERIMENTS, Budget, arguments
from benchmarking.gans.material import Judge, Material
from benchmarking.gans.page import GRIDS
from benchmarking.gans.plane import as_numbers, draw_points, run_mixtures
from benchmarking.gans.running import run_all
from benchmarking.gans.scoring import SEED, score_run
from benchmarking.machine import describe
from img2img.evaluation.drawn import draw_gallery
from img2img.evaluation.judges import classifier
from img2img.fields.files import write_image
from img2img.inference.sampler import LatentSampler
from img2img.runs.folder import pick_checkpoint
from img2img.runs.writing import write_text

TINY_THINGS, TINY_STEPS = 60, 3


class Study:
    """Trainings of one budget, and what they are worth.

    Args:
        out: folder of the runs, logs and grids.
        data: CSV of pixels with the digit last.
        jobs: trainings side by side.
        count: pictures that each run draws to be scored by.
    """

    def __init__(
        self, out: Path, budget: Budget, *, data: Path | None, device: str, jobs: int, count: int
    ):
        self.out, self.budget, self.data, self.device = out, budget, data, device
        self.jobs, self.count = jobs, count
        self.material, self.judge = cache(self._material), cache(self._judge)

    def run(self, names: Sequence[str], file: Path, command: str) -> Iterator[str]:
        """Trains and scores what `file` lacks, and writes it after each model.

        Yields:
            A line for people about each model.

        Raises:
            UserError: data that cannot be read, or a training that failed.
        """
        results = self._former(file) | {
            "command": command,
            "machine": describe(self.device),
            "budget": vars(self.budget),
            "source": self._source(),
            "count": self.count,
        }
        commands = {name: self._arguments(name) for name in names}
        models = results["models"]
        missing = {
            name: line
            for name, line in commands.items()
            if name not in models or models[name]["arguments"] != line
        }
        for name, seconds in run_all(missing, self.out / "logs", self.jobs):
            experiment = EXPERIMENTS[name]
            judge = self.judge(experiment.data)
            results["real"][experiment.data] = pictures.yardstick(judge, self.count)
            results["models"][name] = self._result(name, judge, seconds, missing[name])
            ordered = {n: results["models"][n] for n in EXPERIMENTS if n in results["models"]}
            results["models"] = ordered
            write_text(file, json.dumps(results, indent=1))
            yield f"{name}: {_said(results['models'][name])}"

    def _former(self, file: Path) -> dict[str, Any]:
        """What is there already; results of another budget, machine, CSV or count are not gone on with."""
        if not file.is_file():
            return _read(None)
        former = _read(file)
        own = {
            "budget": vars(self.budget),
            "machine": describe(self.device),
            "source": self._source(),
            "count": self.count,
        }
        if all(former.get(key, value) == value for key, value in own.items()):
            return former
        return _read(None) | {"mixtures": former["mixtures"]}

    def _source(self) -> str:
        """A hash of the digits that were given."""
        return hashlib.sha256(self.data.read_bytes()).hexdigest() if self.data else ""

    def _arguments(self, name: str) -> list[str]:
        learnt = self.material(EXPERIMENTS[name].data).arguments
        return arguments(name, self.budget, self.out / "runs" / name, learnt, self.device)

    def _material(self, data: str) -> Material:
        if data == "digits":
            return pictures.split_digits(self.data, self.out / "data")
        return (
            pictures.draw_things(*[TINY_THINGS] * 2) if self.budget.tiny else pictures.draw_things()
        )

    def _judge(self, data: str) -> Judge:
        steps = TINY_STEPS if self.budget.tiny else classifier.STEPS
        return pictures.train_judge(self.material(data), device=self.device, steps=steps)

    def _result(
        self, name: str, judge: Judge, seconds: float, arguments: list[str]
    ) -> dict[str, Any]:
        """The scores of a run that has ended; its grid is drawn."""
        run, experiment = self.out / "runs" / name, EXPERIMENTS[name]
        scores = score_run(run, judge, count=self.count, device=self.device)
        grid = self.out / GRIDS / f"{name}.png"
        grid.parent.mkdir(exist_ok=True)
        write_image(grid, draw_gallery(LatentSampler.load(run, device=self.device), SEED))
        return {
            "what": experiment.what,
            "data": experiment.data,
            "arguments": arguments,
            "steps": pick_checkpoint(run, None).meta["step"],
            "seconds": seconds,
            "scores": scores,
        }


def _said(result: dict[str, Any]) -> str:
    scores = ", ".join(f"{name} {value:.3g}" for name, value in result["scores"].items())
    return f"{result['steps']} steps in {result['seconds']:.0f} s; {scores}"


def run_plane(
    out: Path, file: Path, command: str, seeds: Sequence[int], steps: int, device: str, jobs: int
) -> Iterator[str]:
    """Trains on the mixtures, and adds what was found to `file`.

    Yields:
        A line for people about each kind.
    """
    results = _read(file if file.is_file() else None)
    results["mixtures"] = {}
    about = {"command": command, "machine": describe(device), "steps": steps, "seeds": len(seeds)}
    for mixture, found in run_mixtures(seeds, steps, device, jobs):
        numbers = as_numbers(found)
        results["mixtures"][mixture] = {**about, "kinds": numbers}
        (out / GRIDS).mkdir(parents=True, exist_ok=True)
        write_image(out / GRIDS / f"{mixture}.png", draw_points(mixture, found))
        write_text(file, json.dumps(results, indent=1))
        for kind, values in numbers.items():
            yield f"{mixture}, {kind}: {values}"


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {"real": {}, "models": {}, "mixtures": {}}
    return json.loads(file.read_text(encoding="utf-8"))
