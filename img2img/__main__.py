"""`python -m img2img` is the `img2img` command."""

import sys

from img2img.cli import main

sys.exit(main())
