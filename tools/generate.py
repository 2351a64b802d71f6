"""`python tools/generate.py ...` is `img2img generate ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
