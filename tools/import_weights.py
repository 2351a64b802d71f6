"""`python tools/import_weights.py ...` is `img2img import-weights ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["import-weights", *sys.argv[1:]]))
