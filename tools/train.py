"""`python tools/train.py ...` is `img2img train ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
