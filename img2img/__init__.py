"""Image-to-image translation, as a command (`img2img --help`) and as a library.

import img2img
run = img2img.train({"model": "pix2pix"}, data="my_pairs", run="first")
picture = img2img.load(run).translate(label_map)

The networks and losses, for training loops of your own, are in `img2img.networks` and
`img2img.losses`, errors in `img2img.errors`. Nothing heavy is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from img2img.lazy import lazily

if TYPE_CHECKING:
    from img2img import errors, losses, networks
    from img2img.library import Run, load, train

__version__ = "0.1.0"
__all__ = ["Run", "errors", "load", "losses", "networks", "train"]

__getattr__ = lazily(
    __name__,
    {
        "Run": "library",
        "load": "library",
        "train": "library",
        "errors": "errors",
        "losses": "losses",
        "networks": "networks",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
