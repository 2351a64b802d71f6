"""`img2img translate`: turn label maps or pictures into pictures."""

import argparse
import sys
from pathlib import Path

EPILOG = """examples:
  img2img translate label.png                       the newest run, into translated/
  img2img translate maps/ --run first --out results
  img2img translate label.png --instances inst.png --out street.png"""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="img2img translate",
        description="Translate pictures with a trained run; it brings all its settings with it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="+", help="pictures, folders, or quoted patterns")
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--checkpoint", help="best, last, a step, or a file; default: last")
    parser.add_argument("--out", type=Path, help="folder, or the name of one picture")
    parser.add_argument("--instances", type=Path, help="instance map, or a folder of them")
    parser.add_argument(
        "--strict-inputs", action="store_true", help="a missing instance map is an error"
    )
    parser.add_argument(
        "--side-by-side", action="store_true", help="the files are input|target pairs"
    )
    parser.add_argument(
        "--stochastic", action="store_true", help="with the model's noise (dropout)"
    )
    parser.add_argument("--seed", type=int, help="seed of the noise")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--sheet", type=Path, help="also write a contact sheet: inputs | result | real"
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Translates everything that can be, names what cannot: exit code 2 if there was any."""
    arguments = parse(argv)
    from img2img.inference.jobs import FileTranslator, write_sheet
    from img2img.inference.planning import plan
    from img2img.inference.translator import Translator

    translator = Translator.load(
        arguments.run, checkpoint=arguments.checkpoint, device=arguments.device
    )
    jobs = plan(
        arguments.inputs,
        arguments.out,
        translator.spec,
        instances=arguments.instances,
        sheet=arguments.sheet,
    )
    if arguments.stochastic and not translator.has_noise:
        print(
            "warning: this model has no dropout, so --stochastic changes nothing", file=sys.stderr
        )
    if any(part.half for part in translator.spec.parts) and not arguments.side_by_side:
        print(
            "note: this run was trained on side-by-side files; these are taken as whole inputs "
            "(--side-by-side takes the input's half)",
            file=sys.stderr,
        )
    files = FileTranslator(
        translator, strict=arguments.strict_inputs, halves=arguments.side_by_side
    )
    rows, names, failed = _run_all(files, jobs, arguments)
    if files.without_instances:
        print(
            f"warning: {files.without_instances} of {len(jobs)} had no instance map beside them: "
            "their boundaries come from the labels (--instances FILE, --strict-inputs)",
            file=sys.stderr,
        )
    if rows:
        write_sheet(arguments.sheet, rows, names)
        print(f"contact sheet: {arguments.sheet}")
    where = jobs[0].out if len(jobs) == 1 else arguments.out or "translated"
    written = len(jobs) - failed
    print(f"{len(jobs)} in, {written} out{f': {where}' * bool(written)} (by {translator.source})")
    return 2 if failed else 0


def _run_all(files, jobs, arguments: argparse.Namespace) -> tuple[list, list[str], int]:
    """Runs all jobs; the sheet's rows and their names, and how many failed."""
    from tqdm import tqdm

    from img2img.errors import DataError
    from img2img.inference.jobs import SHEET_ROWS

    rows, names, failed = [], [], 0
    for job in tqdm(jobs, unit="picture", disable=len(jobs) < 2):
        wanted = arguments.sheet is not None and len(rows) < SHEET_ROWS
        try:
            row = files.run(job, row=wanted, stochastic=arguments.stochastic, seed=arguments.seed)
        except DataError as error:
            tqdm.write(f"error: {error}", file=sys.stderr)
            failed += 1
            continue
        if wanted:
            rows.append(row)
            names.append(job.path.name)
    return rows, names, failed
