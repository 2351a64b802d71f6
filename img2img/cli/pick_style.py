"""`img2img pick-style`: styles chosen object by object, and label maps edited, in the browser."""

import argparse
import sys

from img2img.cli import seed
from img2img.cli.parser import Parser, path
from img2img.progress import say

EPILOG = """examples:
  img2img pick-style                                the newest run, its held-out pictures
  img2img pick-style label.png --run city --out results
without a browser:
  img2img pick-style label.png --list
  img2img pick-style label.png --style car=2 --style 26003=car-4 --out street.png
  img2img pick-style maps/ --style random --seed 7"""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img pick-style",
        description="Open a page in the browser on which styles are picked for the objects of a "
        "label map and the label map is edited; or do it here with --list and --style.",
        epilog=EPILOG,
    )
    parser.add_argument("inputs", nargs="*", help="label maps; default: the run's held-out ones")
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--checkpoint", help="best, last, a step, or a file; default: last")
    parser.add_argument("--instances", type=path, help="instance map, or a folder of them")
    parser.add_argument("--out", type=path, help="where results go; default: styled/")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    page = parser.add_argument_group("the page")
    page.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; default: this machine alone; 0.0.0.0: all that reach it",
    )
    page.add_argument("--port", type=int, default=7860, help="default: 7860; 0: any that is free")
    page.add_argument("--no-browser", action="store_true", help="open no browser")
    here = parser.add_argument_group("without a browser")
    here.add_argument("--list", action="store_true", help="print styles and objects")
    here.add_argument(
        "--style",
        action="append",
        default=[],
        metavar="KEY=STYLE",
        help="render in a style: of a class or an object by its id; or random; repeatable",
    )
    here.add_argument("--seed", type=seed, default=0, help="of random styles")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serves the page until it is interrupted, or lists or renders and ends."""
    a = parse(argv)
    from img2img.inference.translator import Translator
    from img2img.runs.folder import find_run, pick_checkpoint
    from img2img.ui.engine import Engine
    from img2img.ui.saving import OUT
    from img2img.ui.scenes import from_files, from_run

    run = find_run(a.run)
    name = a.run or str(run)
    translator = Translator.load(name, checkpoint=a.checkpoint, device=a.device)
    if translator.remark:
        say(f"warning: {translator.remark}", file=sys.stderr)
    named = ["--run", name] + (["--checkpoint", a.checkpoint] if a.checkpoint else [])
    named += ["--device", a.device] if a.device != "auto" else []
    engine = Engine(translator, named, run)
    if a.list or a.style:
        return _in_terminal(a, engine)
    from img2img.inference.planning import plan_reading
    from img2img.ui.handlers import Handlers
    from img2img.ui.server import serve

    out = a.out or OUT
    if a.inputs:
        offers = from_files(
            plan_reading(a.inputs, out, engine.spec, instances=a.instances), translator
        )
    else:
        offers = from_run(pick_checkpoint(run, a.checkpoint))
    handlers = Handlers(engine, offers, out)
    serve(handlers, name, host=a.host, port=a.port, browser=not a.no_browser)
    return 0


def _in_terminal(a: argparse.Namespace, engine) -> int:
    from img2img.errors import ConfigError
    from img2img.inference.planning import plan, plan_reading
    from img2img.ui import terminal
    from img2img.ui.saving import OUT
    from img2img.ui.scenes import from_files

    book = engine.require_book()
    if a.style and not a.inputs:
        raise ConfigError("--style renders label maps: name at least one")
    out = a.out or OUT
    planned = plan if a.style else plan_reading
    jobs = planned(a.inputs, out, engine.spec, instances=a.instances)
    if a.list:
        say("\n".join(terminal.list_styles(book)))
        for offer in from_files(jobs, engine.translator, limit=False):
            say("\n" + "\n".join(terminal.list_objects(engine, offer)))
        if not jobs:
            say("\n(name a label map to see its objects)")
    if a.style:
        for picture, look in terminal.render(engine, jobs, a.style, seed=a.seed):
            say(f"{picture}  (styles: {look})")
    return 0
