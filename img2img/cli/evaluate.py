"""`img2img evaluate`: how good are the pictures of a run, or of any other tool?"""

import argparse
import sys
from dataclasses import fields

from img2img.cli import count, seed
from img2img.cli.parser import Parser, path
from img2img.progress import say

EPILOG = """examples:
  img2img evaluate --run first                      its held-out pairs, into runs/first/evaluation/
  img2img evaluate --run first --segmenter train    and: are the labels found in the pictures?
  img2img evaluate --run first --against their/pictures
  img2img evaluate --fake theirs/ --real photos/    any two folders, without a run
  img2img evaluate --compare first second           is one of two runs better?
  img2img evaluate --run digits                     a run that draws from noise: scores of sets

FID, KID, precision and recall need Inception's weights, LPIPS needs VGG16's: from the files that
you name, the libraries' caches, or their download. What cannot be computed is listed, and why."""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img evaluate",
        description="Score translated pictures against real ones, with intervals and a page.",
        epilog=EPILOG,
    )
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--checkpoint", help="best, last, a step, or a file; default: last")
    parser.add_argument(
        "--data",
        type=path,
        help="pairs to score instead of the run's held-out ones; real pictures beside drawn ones",
    )
    parser.add_argument(
        "--against", type=path, metavar="DIR", help="another tool's pictures of the same inputs"
    )
    parser.add_argument("--fake", type=path, metavar="DIR", help="pictures to score, without a run")
    parser.add_argument("--real", type=path, metavar="DIR", help="what they should be")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="two runs, or two folders that evaluations have written",
    )
    parser.add_argument("--out", type=path, help="folder of the results")
    parser.add_argument(
        "--limit", type=count, metavar="N", help="N pictures, evenly spaced, or drawn"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--styles",
        choices=("usual", "own", "random", "none"),
        default="usual",
        help="of runs with styles: each class's commonest, the real picture's own, at random, neutral",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="seed of random styles, or of drawn pictures"
    )
    _add_networks(parser)
    arguments = parser.parse_args(argv)
    _refuse_mixtures(parser, arguments)
    return arguments


def _add_networks(parser: argparse.ArgumentParser) -> None:
    tools = parser.add_argument_group("networks that judge")
    tools.add_argument("--lpips-weights", type=path, metavar="FILE", help="VGG16")
    tools.add_argument(
        "--inception",
        type=path,
        metavar="FILE",
        help="torch-fidelity's weights-inception-2015-12-05",
    )
    tools.add_argument(
        "--segmenter",
        help="train (on the run's training pairs), FILE.onnx, torchvision:deeplabv3_resnet50, or the "
        "segmenter.safetensors of an earlier evaluation",
    )
    tools.add_argument(
        "--segmenter-weights", type=path, metavar="FILE", help="of one of torchvision's"
    )
    tools.add_argument(
        "--segmenter-classes",
        type=path,
        metavar="FILE",
        help="lines: a class of the segmenter, and the data's class that it is",
    )
    tools.add_argument(
        "--segmenter-steps",
        type=count,
        metavar="N",
        help="of training one; default: 1000, and ten minutes at most",
    )


def _refuse_mixtures(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Exits where options do not belong together."""
    if (given.fake is None) != (given.real is None):
        parser.error("--fake and --real belong together")
    of_run = [f"--{n}" for n in ("run", "checkpoint", "data", "against") if getattr(given, n)]
    if given.fake and (given.compare or of_run):
        parser.error(f"--fake and --real go without {(of_run or ['--compare'])[0]}")
    if given.compare and (given.run or given.against):
        parser.error("--compare names both runs itself: leave out --run and --against")


def main(argv: list[str]) -> int:
    """Scores, writes, says what was found: exit code 2 where pictures could not be scored."""
    arguments = parse(argv)
    from img2img.evaluation.evaluate import compare_two, evaluate_folders, evaluate_run
    from img2img.evaluation.instruments import Options
    from img2img.evaluation.words import said, troubles
    from img2img.tasks import evaluator_of

    options = Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})
    if arguments.compare:
        first, second = arguments.compare
        report = compare_two(
            first, second, lambda run: evaluator_of(run, options), out=arguments.out
        )
    elif arguments.fake:
        report = evaluate_folders(arguments.fake, arguments.real, options, out=arguments.out)
    else:
        evaluator = evaluator_of(arguments.run, options)
        report = evaluate_run(evaluator, out=arguments.out, against=arguments.against)
    for line in said(report):
        say(line)
    found = troubles(report)
    for line in found:
        say(f"error: {line}", file=sys.stderr)
    return 2 if found else 0
