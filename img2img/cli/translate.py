"""`img2img translate`: turn label maps or pictures into pictures."""

import argparse
import sys
from dataclasses import dataclass, field

from img2img.cli import count, seed
from img2img.cli.parser import Parser, path
from img2img.progress import counting, say

DOUBTS = 5  # that are written out; of a large folder all are alike
EPILOG = """examples:
  img2img translate label.png                       the newest run, into translated/
  img2img translate maps/ --run first --out results
  img2img translate label.png --instances inst.png --out street.png
  img2img translate label.png --style car=2 --style building=brick-1 --style 26003=car-4
  img2img translate label.png --style random --seed 7 --variations 6
  torchrun --nproc_per_node 8 -m -- img2img translate maps/ --out results     on 8 GPUs"""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img translate",
        description="Translate pictures with a trained run; it brings all its settings with it.",
        epilog=EPILOG,
    )
    parser.add_argument("inputs", nargs="+", help="pictures, folders, or quoted patterns")
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--checkpoint", help="best, last, a step, or a file; default: last")
    parser.add_argument("--out", type=path, help="folder, or the name of one picture")
    parser.add_argument("--instances", type=path, help="instance map, or a folder of them")
    parser.add_argument(
        "--strict-inputs", action="store_true", help="a missing instance map is an error"
    )
    parser.add_argument(
        "--side-by-side", action="store_true", help="the files are input|target pairs"
    )
    parser.add_argument(
        "--stochastic", action="store_true", help="with the model's noise, such as dropout"
    )
    parser.add_argument("--seed", type=seed, help="seed of the noise, and of random styles")
    styles = parser.add_argument_group("styles", "of runs with instance features (model.features)")
    styles.add_argument(
        "--style",
        action="append",
        default=[],
        metavar="KEY=STYLE",
        help="a class or an object's id, and a style's name or number; or random; repeatable",
    )
    styles.add_argument(
        "--variations", type=count, default=1, metavar="N", help="N results with random styles each"
    )
    styles.add_argument(
        "--style-from",
        type=path,
        metavar="PHOTO",
        help="the styles of a photo of the same scene; or a folder of photos",
    )
    styles.add_argument(
        "--style-file", type=path, help="styles that the picker saved (.style.json)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the networks first, on CUDA as graphs: pays for many pictures of one size",
    )
    parser.add_argument(
        "--precision",
        default="fp32",
        choices=["auto", "fp32", "bf16", "fp16"],
        help="numbers in which the networks compute; auto: bf16 on a CUDA GPU that has it; "
        "default: fp32, as evaluations",
    )
    parser.add_argument(
        "--sheet", type=path, help="also write a contact sheet: inputs | result | real"
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Translates everything that can be, names what cannot: exit code 2 if there was any."""
    arguments = parse(argv)
    from img2img.distributed.sharing import ProcessGroup

    group = ProcessGroup.join()
    files = group.together(lambda: _load(arguments, group))
    jobs = group.from_main(lambda: _plan(arguments, files.spec))
    done = group.gather(
        _run_all(files, list(group.share(list(enumerate(jobs)))), arguments, group.main)
    )
    group.main_alone(lambda: _report(arguments, jobs, done, files.translator.source))
    return 2 if any(part.failed for part in done) else 0


@dataclass
class Done:
    """What one process did: rows of the sheet by the number of their job, and what was wrong."""

    rows: dict[int, tuple[str, dict]] = field(default_factory=dict)
    failed: int = 0
    without_instances: int = 0
    doubts: list[str] = field(default_factory=list)


def _load(arguments: argparse.Namespace, group):
    """What translates files; the main process says what is doubtful about it."""
    from img2img.devices import precision_warning
    from img2img.inference.jobs import FileTranslator
    from img2img.inference.translator import NO_BOOK, Translator

    translator = Translator.load(
        arguments.run,
        checkpoint=arguments.checkpoint,
        device=group.device(arguments.device),
        precision=arguments.precision,
    )
    remarks = [f"warning: {translator.remark}"] if translator.remark else []
    if slow := precision_warning(translator.precision, translator.device):
        remarks.append(slow)
    if arguments.compile:
        remarks.append(translator.compile())
    if arguments.stochastic and not translator.has_noise:
        remarks.append("warning: this model has no noise, so --stochastic changes nothing")
    if any(part.half for part in translator.spec.parts) and not arguments.side_by_side:
        remarks.append(
            "note: this run was trained on side-by-side files; these are taken as whole inputs "
            "(--side-by-side takes the input's half)"
        )
    styling = _styling(arguments, translator)
    if styling is None and translator.style_input and translator.book is None:
        remarks.append(f"warning: neutral styles: {NO_BOOK}")
    for remark in remarks if group.main else ():
        say(remark, file=sys.stderr)
    return FileTranslator(
        translator,
        strict=arguments.strict_inputs,
        halves=arguments.side_by_side,
        styling=styling,
    )


def _plan(arguments: argparse.Namespace, spec) -> list:
    from img2img.data.walking import Others
    from img2img.inference.planning import plan

    others = Others()
    jobs = plan(
        arguments.inputs,
        arguments.out,
        spec,
        instances=arguments.instances,
        photos=arguments.style_from,
        variations=arguments.variations,
        sheet=arguments.sheet,
        others=others,
    )
    if others:
        say(f"note: {others.said()}", file=sys.stderr)
    return jobs


def _report(arguments: argparse.Namespace, jobs: list, done: list[Done], source: str) -> None:
    """Says what all processes did, and draws the sheet."""
    from img2img.inference.jobs import SHEET_ROWS, write_sheet

    if bare := sum(part.without_instances for part in done):
        say(
            f"warning: {bare} of {len(jobs)} had no instance map beside them: "
            "their boundaries come from the labels (--instances FILE, --strict-inputs)",
            file=sys.stderr,
        )
    doubts = [doubt for part in done for doubt in part.doubts]
    for doubt in doubts[:DOUBTS]:
        say(f"warning: {doubt}", file=sys.stderr)
    if len(doubts) > DOUBTS:
        say(f"warning: the same of {len(doubts) - DOUBTS} more", file=sys.stderr)
    rows = {number: row for part in done for number, row in part.rows.items()}
    found = [rows[number] for number in sorted(rows)[:SHEET_ROWS]]
    if found:
        write_sheet(arguments.sheet, [row for _, row in found], [name for name, _ in found])
        say(f"contact sheet: {arguments.sheet}")
    where = jobs[0].out if len(jobs) == 1 else arguments.out or "translated"
    written = len(jobs) - sum(part.failed for part in done)
    say(f"{len(jobs)} in, {written} out{f': {where}' * bool(written)} (by {source})")


def _styling(arguments: argparse.Namespace, translator):
    """The styles that were asked for, None where none were."""
    from img2img.errors import ConfigError
    from img2img.inference.jobs import Styling
    from img2img.inference.styles.looks import parse_style_overrides, read_look

    by_name = bool(arguments.style) or arguments.variations > 1
    if not (by_name or arguments.style_from or arguments.style_file):
        return None
    translator.require_styles()
    if arguments.style_file:
        if by_name or arguments.style_from:
            raise ConfigError("--style-file holds all styles: leave out the other style options")
        channels = translator.model.options.feature_channels
        return Styling(look=read_look(arguments.style_file, channels))
    if not by_name:
        return Styling(from_photo=True)
    if arguments.style_from and (arguments.variations > 1 or "random" in arguments.style):
        raise ConfigError("random styles leave nothing to --style-from: leave out one of them")
    items = arguments.style + ["random"] * (arguments.variations > 1)
    overrides = parse_style_overrides(items, translator.require_book())
    return Styling(overrides, arguments.seed or 0, from_photo=arguments.style_from is not None)


def _run_all(files, jobs: list, arguments: argparse.Namespace, shown: bool) -> Done:
    """Runs all jobs, (number, job) each."""
    from img2img.errors import DataError
    from img2img.inference.jobs import SHEET_ROWS

    done = Done()
    for number, job in counting(jobs, len(jobs), "picture", keep=len(jobs) > 1, shown=shown):
        wanted = arguments.sheet is not None and len(done.rows) < SHEET_ROWS
        try:
            row = files.run(job, row=wanted, stochastic=arguments.stochastic, seed=arguments.seed)
        except DataError as error:
            say(f"error: {error}", file=sys.stderr)
            done.failed += 1
            continue
        if wanted:
            several = f" - variation {job.variation + 1}" * (arguments.variations > 1)
            done.rows[number] = job.path.name + several, row
    done.without_instances, done.doubts = files.without_instances, files.doubts
    return done
