"""`python tools/translate.py ...` is `img2img translate ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["translate", *sys.argv[1:]]))
