"""`python tools/cluster_styles.py ...` is `img2img cluster-styles ...`."""

import sys

from img2img.cli import main

if __name__ == "__main__":
    sys.exit(main(["cluster-styles", *sys.argv[1:]]))
