"""`python tools/pick_style.py ...` is `img2img pick-style ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["pick-style", *sys.argv[1:]]))
