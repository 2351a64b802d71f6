"""`python tools/evaluate.py ...` is `img2img evaluate ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
