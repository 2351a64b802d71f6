"""Paired image-to-image translation: pix2pix and pix2pixHD.

import img2img
picture = img2img.load("runs/NAME").translate(label_map)
"""

__version__ = "0.1.0"


def load(run=None, **settings):
    """A `Translator` of a trained run: its name or path, or the newest for None.

    Keyword arguments are `Translator.load`'s: `checkpoint`, `device`, `precision`.
    """
    from img2img.inference.translator import Translator  # keeps `import img2img` light

    return Translator.load(run, **settings)
