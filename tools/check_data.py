"""`python tools/check_data.py ...` is `img2img check-data ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["check-data", *sys.argv[1:]]))
