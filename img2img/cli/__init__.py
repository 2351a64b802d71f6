"""The command line: `img2img COMMAND ...`, and the scripts in tools/ one by one.

Parsing arguments imports neither torch nor any other heavy library, so that `--help` is
instant.
"""

import argparse
import importlib
import os
import sys

from img2img.errors import UserError
from img2img.shortcuts import keep_freed_memory
from img2img.text import showable

COMMANDS = {
    "train": "train a model on pairs of pictures, or on pictures alone",
    "check-data": "look whether a data set is all right, before training",
    "generate": "draw pictures by a run that learnt from pictures alone",
    "translate": "turn label maps or pictures into pictures",
    "evaluate": "score the pictures of a run, or of any two folders; compare two",
    "cluster-styles": "find the styles in a run's training photos",
    "pick-style": "pick styles and edit label maps in the browser",
    "import-weights": "turn published pix2pix and pix2pixHD weights into a run",
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 2 for a user's mistake, 130 or 143."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: img2img COMMAND [options]\n\ncommands (each has --help):")
        for name, what in COMMANDS.items():
            print(f"  {name:<15} {what}")
        return 0 if argv else 2
    if argv[0] == "--version":
        from img2img import __version__

        print(f"img2img {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        from img2img.errors import nearest

        print(f"error: unknown command {argv[0]!r}; {nearest(argv[0], COMMANDS)}", file=sys.stderr)
        return 2
    command = importlib.import_module(f"img2img.cli.{argv[0].replace('-', '_')}")
    return run(command.main, argv[1:])


def seed(text: str) -> int:
    """A seed as an argument, 0 to 2**32 - 1."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 4294967295")
    return int(text)


def count(text: str) -> int:
    """A number of things as an argument, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def run(command, argv: list[str]) -> int:
    """Calls a command; a user's mistake becomes one message and exit code 2."""
    # albumentations asks the network for its version when it is imported.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    # Threads that wait for others spin by default, and keep the one that they wait for from
    # running where another program needs a core too: steps were 7 times slower then.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    if hasattr(sys.stdout, "reconfigure"):  # into one log file, in order with stderr
        # Names of files may hold bytes that no text can: they are spelt out, as stderr does.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        return command(argv) or 0
    except UserError as error:
        print(f"error: {showable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `img2img ... | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python flushes it once more at exit
        return 141
