"""The page of the results: tables and pictures, from `results.json` and the grids beside it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarking.markdown import insert, table
from img2img.errors import counted

RESULTS, GRIDS = "results.json", "grids"
PICTURES = Path("images") / "gan-core"  # beside the page
BESIDE = 3  # grids in a row
COLOURS = 64  # of a picture
HEADS = ("model", "", "steps", "time", "accuracy", "Fréchet distance", "classes hit", "evenness")

Results = Mapping[str, Any]


def write_page(page: Path, results: Results, out: Path) -> None:
    """Fills in the page's places `setup`, `digits` and so on, and copies the pictures beside it.

    Raises:
        ConfigError: the page has no such places.
    """
    if results["models"]:
        insert(page, "setup", setup(results))
        insert(page, "commands", commands(results))
    for data in results["real"]:
        names = [name for name, found in results["models"].items() if found["data"] == data]
        insert(page, data, scores_table(results, data))
        insert(page, f"{data} pictures", gallery(names))
    for mixture, found in results["mixtures"].items():
        insert(page, mixture, mixture_table(mixture, found))
    for place, told in (("codes", code_sentences(results)), ("few", few_sentences(results))):
        if told:
            insert(page, place, told)
    (page.parent / PICTURES).mkdir(parents=True, exist_ok=True)
    for name in (*results["models"], *results["mixtures"]):
        _copy_picture(out / GRIDS / f"{name}.png", page.parent / PICTURES / f"{name}.png")


def _copy_picture(source: Path, target: Path) -> None:
    """A picture for a page, in so few colours that it is a third as large."""
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(COLOURS).save(target, optimize=True)


def setup(results: Results) -> str:
    """The command, the machine and the budget."""
    budget = results["budget"]
    size = "the models' own widths and batches" if budget["full"] else "narrow networks"
    limit = f", at most {budget['minutes']:g} minutes" if budget["minutes"] else ""
    return "\n".join(
        (
            f"    {results['command']}",
            "",
            f"On {_machine(results['machine'])}. Each training: {budget['steps']:,} steps{limit}, {size}. "
            f"Scores are of {results['count']:,} generated pictures.",
        )
    )


def _machine(machine: Mapping[str, str]) -> str:
    where = f"{machine['processor']}, {counted(int(machine['cores']), 'core')}"
    if "gpu" in machine:
        where = f"{machine['gpu']} and {where}"
    return f"{where}; Python {machine['python']}, torch {machine['torch']}"


def mixture_table(mixture: str, found: Mapping[str, Any]) -> str:
    """The command, a row for each kind with the values of its seeds, and their points."""
    rows = [
        (
            f"`{kind}`",
            ", ".join(map(str, values["modes"])),
            ", ".join(f"{share:.0%}" for share in values["high_quality"]),
            ", ".join(f"{even:.1f}" for even in values["even"]),
        )
        for kind, values in found["kinds"].items()
    ]
    steps = f"{found['steps']:,} steps of the generator; {counted(found['seeds'], 'seed')}."
    return "\n".join(
        (
            f"    {found['command']}",
            "",
            f"On {_machine(found['machine'])}; {steps}",
            "",
            table(("", "modes covered", "of high quality", "evenness"), rows),
            "",
            f"![points]({(PICTURES / mixture).as_posix()}.png)",
        )
    )


def scores_table(results: Results, data: str) -> str:
    """A row for the real pictures, and one for each model that learnt from `data`."""
    real = results["real"][data]
    first = ("*real*", f"{real['train']:,} to learn from, {real['held_out']:,} held out", "", "")
    rows = [(*first, *_cells(real))]
    for name, found in results["models"].items():
        if found["data"] != data:
            continue
        cost = (f"{found['steps']:,}", f"{found['seconds'] / 60:.1f} min")
        rows.append((f"`{name}`", found["what"], *cost, *_cells(found["scores"])))
    return table(HEADS, rows)


def _cells(scores: Mapping[str, float]) -> tuple[str, ...]:
    accuracy = f"{scores['accuracy']:.1%}" if "accuracy" in scores else ""
    modes = f"{scores['modes']}"
    return accuracy, f"{scores['frechet']:.2f}", modes, f"{scores['even']:.2f}"


def commands(results: Results) -> str:
    """What was run for each model, without the places of one machine."""
    lines = []
    for found in results["models"].values():
        words = (Path(word).name if "/" in word else word for word in found["arguments"])
        lines.append(f"    img2img {shlex.join(words)}")
    return "\n".join(lines)


def code_sentences(results: Results) -> str:
    """How well codes tell classes, of each model that has codes."""
    return "\n".join(
        f"- `{name}`: {found['scores']['code_accuracy']:.1%} of its own pictures, "
        f"{found['scores']['code_accuracy_real']:.1%} of the held-out real ones"
        for name, found in results["models"].items()
        if "code_accuracy" in found["scores"]
    )


def few_sentences(results: Results) -> str:
    """How often semi-supervised models are right."""
    return "\n".join(
        f"- `{name}`: {found['scores']['told_few']:.1%}; told of these alone, the judge's network: "
        f"{found['scores']['told_few_alone']:.1%}"
        for name, found in results["models"].items()
        if "told_few" in found["scores"]
    )


def gallery(names: Sequence[str]) -> str:
    """The grids, a few beside each other."""
    return "\n\n".join(_rows(names))


def _rows(names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), BESIDE):
        some = names[start : start + BESIDE]
        shown = [f"![{name}]({(PICTURES / name).as_posix()}.png)" for name in some]
        yield table([f"`{name}`" for name in some], [shown])
