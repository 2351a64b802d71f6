"""Where networks compute: the name of a device, checked."""

import torch

from img2img.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """The device of a name: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Args:
        name: `auto` takes the first GPU, else Apple's, else the processor.

    Raises:
        ConfigError: the device is not there, or this is no name of one.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if gpus else "mps" if mps else "cpu")
    usable = ["cpu", *["cuda"] * bool(gpus), *(f"cuda:{i}" for i in range(gpus)), *["mps"] * mps]
    if name not in usable:
        raise ConfigError(
            f"device {name!r} is not available; valid here: {', '.join(('auto', *usable))}"
        )
    return torch.device(name)
