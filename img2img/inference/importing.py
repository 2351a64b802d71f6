"""From published weight files to a run: settings read off the weights, the rest from flags."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from img2img.config import parse_config
from img2img.data.spec import DataSpec, PartSpec
from img2img.errors import CheckpointError, ConfigError, counted
from img2img.fields import FIELDS, Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.fields.palettes import BUILT_IN, load_palette
from img2img.inference.published import Published, recognise
from img2img.models import OPTIONS
from img2img.networks.patchgan import PATCHES
from img2img.networks.pretrained import read_weights
from img2img.runs.checkpoint import WEIGHTS, flatten, save_checkpoint, step_file
from img2img.runs.folder import CHECKPOINTS, create_run

CITYSCAPES_CLASSES = 35
IMAGE_CHANNELS = 3  # of an image input; one more is its boundary map
UNET_DROPOUT = 0.5

# How the published code names its files, in the order label, instance, photo.
HD_PARTS = (
    PartSpec(name="label", folder="{split}_label", suffix="_gtFine_labelIds"),
    PartSpec(name="instance", folder="{split}_inst", suffix="_gtFine_instanceIds"),
    PartSpec(name="image", folder="{split}_img", suffix="_leftImg8bit"),
)


@dataclass(frozen=True)
class Unknowns:
    """What a state dict cannot tell. None takes the published default, which is reported.

    Attributes:
        model: "pix2pix" or "pix2pixHD".
        input: "labels" (one-hot planes) or "image".
        boundary: the last input channel is the boundary map.
        direction: which half of a side-by-side picture is the input.
        palette: colours of the classes.
        dropout: of the U-Net, used by `--stochastic`.
        norm: "instance", "batch" or "none", of all networks.
        own_statistics: batch norms use each picture's statistics, as published results do.
    """

    model: str | None = None
    input: str | None = None
    boundary: bool | None = None
    direction: str = "AtoB"
    palette: str | None = None
    dropout: bool = True
    own_statistics: bool = True
    norm: str | None = None


def import_weights(
    files: list[Path], run: Path, unknowns: Unknowns, *, overwrite: bool
) -> list[str]:
    """Writes a run from published files: a generator, optionally a discriminator and an encoder.

    Returns:
        Lines that say what was read off the files, and what was assumed.

    Raises:
        ConfigError: a file cannot be read, or the flags contradict it.
        CheckpointError: a file holds no published network, or none is a generator.
    """
    found = {path: recognise(read_weights(path), path, unknowns.norm) for path in files}
    generators = [f for f in found.values() if f.kind in ("unet", "resnet", "enhancer")]
    discriminators = [f for f in found.values() if f.is_discriminator]
    encoders = [f for f in found.values() if f.kind == "encoder"]
    if len(generators) != 1 or len(discriminators) > 1 or len(encoders) > 1:
        kinds = ", ".join(f"{path.name}: {f.kind}" for path, f in found.items())
        raise CheckpointError(
            f"expected one generator, and at most one discriminator and one encoder, got {kinds}"
        )
    generator = generators[0]
    discriminator = discriminators[0] if discriminators else None
    encoder = encoders[0] if encoders else None
    for other in (discriminator, encoder):
        if other and any(other.sizes[key] != generator.sizes[key] for key in ("norm", "bias")):
            raise CheckpointError(
                f"{other.where}: norm {other.sizes['norm']}, but the generator has "
                f"{generator.sizes['norm']}, or other biases; name both with --norm, or import the "
                "generator alone"
            )
    networks: dict[str, nn.Module] = {"generator": generator.build()}
    if discriminator:
        networks["discriminator"] = discriminator.build()
    if encoder:
        networks["encoder"] = encoder.build()
    model = unknowns.model or _guess_model(generator, discriminator, encoder)
    spec, boundary = _describe_inputs(generator, encoder, model, unknowns)
    options = _options(model, generator, discriminator, unknowns, boundary)
    if encoder:
        options |= _encoder_options(encoder, model)
    config = parse_config(
        {"model": options, "data": {"direction": unknowns.direction}}, OPTIONS, "imported weights"
    )
    create_run(run, config.to_yaml(), overwrite=overwrite)
    meta = {
        "config": config.model_dump(mode="json"),
        "spec": spec.model_dump(mode="json"),
        "pairs": 0,
        "processes": 1,
        "remarks": [f"imported from {path.name}" for path in found],
        "step": 0,
        "epoch": 0,
        "batch": 0,
        "best": None,
    }
    states = {name: network.state_dict() for name, network in networks.items()}
    save_checkpoint(step_file(run / CHECKPOINTS, 0), flatten(states, WEIGHTS), meta)
    return [*_read_off(found), *_assumed(model, spec, boundary, unknowns, generator)]


def _guess_model(
    generator: Published, discriminator: Published | None, encoder: Published | None
) -> str:
    """By the discriminator, else by the generator: a ResNet with two halvings is CycleGAN's."""
    if discriminator:
        return "pix2pixHD" if discriminator.kind == "multiscale" else "pix2pix"
    if generator.kind == "enhancer" or encoder:
        return "pix2pixHD"
    sizes = generator.sizes
    small = sizes.get("n_down") == 2 and sizes["in_channels"] <= IMAGE_CHANNELS
    return "pix2pix" if generator.kind == "unet" or small else "pix2pixHD"


def _encoder_options(encoder: Published, model: str) -> dict[str, Any]:
    """The `model` section's part about features."""
    if model != "pix2pixHD":
        raise ConfigError(f"--model {model} has no encoder; these are weights of pix2pixHD")
    sizes = encoder.sizes
    return {
        "features": True,
        "feature_channels": sizes["out_channels"],
        "e_width": sizes["width"],
        "e_down": sizes["n_down"],
    }


def _describe_inputs(
    generator: Published, encoder: Published | None, model: str, unknowns: Unknowns
) -> tuple[DataSpec, bool]:
    """The data that the generator's input channels stand for, and whether one is a boundary."""
    channels = generator.sizes["in_channels"]
    if encoder:
        channels -= encoder.sizes["out_channels"]
    image = ImageSpec(channels=generator.sizes["out_channels"])
    few = channels <= IMAGE_CHANNELS + 1
    usual = Image if few or model == "pix2pix" else Label
    from_labels = (FIELDS[unknowns.input] if unknowns.input else usual).has_classes
    boundary = unknowns.boundary
    if boundary is None:
        boundary = model == "pix2pixHD" and (from_labels or channels == IMAGE_CHANNELS + 1)
    planes = channels - boundary
    instance = (Instance(name="instance", part="instance"),) if boundary else ()
    if from_labels:
        name = unknowns.palette or ("cityscapes" if planes == CITYSCAPES_CLASSES else None)
        palette = load_palette(name) if name else None
        if palette and len(palette.colours) < planes:
            raise ConfigError(
                f"--palette {name} has {len(palette.colours)} colours, the network {planes} classes"
            )
        label = Label(
            name="label",
            part="label",
            classes=planes,
            class_names=palette.names[:planes] if palette else (),
            palette=palette.colours if palette else (),
        )
        spec = DataSpec(
            inputs=(label, *instance), target=image, layout="label/inst/img", parts=HD_PARTS
        )
        return spec, boundary
    own, other = ("A", "B") if unknowns.direction == "AtoB" else ("B", "A")
    source = Image(name=own, part=own, image=ImageSpec(channels=planes))
    parts = (
        PartSpec(name="A", folder="{split}", half="left"),
        PartSpec(name="B", folder="{split}", half="right"),
    )
    spec = DataSpec(
        inputs=(source, *instance),
        target=image,
        target_part=other,
        layout="side-by-side",
        parts=parts,
    )
    return spec, boundary


def _options(
    model: str,
    generator: Published,
    discriminator: Published | None,
    unknowns: Unknowns,
    boundary: bool,
) -> dict[str, Any]:
    """The `model` section of the config."""
    sizes = generator.sizes
    options = {k: v for k, v in sizes.items() if k not in ("in_channels", "out_channels")}
    options |= {"name": model, "boundary": boundary, "own_statistics": unknowns.own_statistics}
    if generator.kind == "unet":
        options |= {"generator": "unet", "dropout": UNET_DROPOUT if unknowns.dropout else 0.0}
    elif model == "pix2pix" and generator.kind == "resnet":
        options["generator"] = "resnet"
    elif model == "pix2pixHD":
        options["generator"] = "global" if generator.kind == "resnet" else "enhancer"
        options.pop("dropout", None)
    else:
        raise ConfigError("--model pix2pix has no enhancer; these are weights of pix2pixHD")
    if discriminator is None:
        return options
    found = discriminator.sizes
    options["d_width"] = found["width"]
    if model == "pix2pixHD":
        if discriminator.kind != "multiscale":
            raise ConfigError("--model pix2pixHD needs a multi-scale discriminator")
        return options | {"num_D": found["scales"], "d_layers": found["n_layers"]}
    patches = {layers: patch for patch, layers in PATCHES.items()}
    if discriminator.kind != "patchgan" or found["n_layers"] not in patches:
        raise ConfigError(
            f"--model pix2pix has no discriminator with {found['n_layers']} strided layers; "
            "import the generator alone"
        )
    return options | {"patch": patches[found["n_layers"]]}


def _read_off(found: dict[Path, Published]) -> list[str]:
    lines = []
    for path, network in found.items():
        sizes = ", ".join(f"{key} {value}" for key, value in network.sizes.items())
        lines.append(f"{path.name}: {network.kind} ({sizes})")
        if network.dropped:
            lines.append(
                f"  left out {counted(len(network.dropped), 'tensor')} of no effect (statistics of "
                f"old instance norms), such as {network.dropped[0]}"
            )
    return lines


def _assumed(
    model: str, spec: DataSpec, boundary: bool, unknowns: Unknowns, generator: Published
) -> list[str]:
    first = spec.inputs[0]
    lines = [
        f"model: {model} (--model)",
        f"input: {first.kind}, {first.about()} (--input)",
        f"boundary map: {'yes, the last channel' if boundary else 'no'} (--boundary, --no-boundary)",
    ]
    if isinstance(first, Label):
        named = unknowns.palette or "none"
        if first.palette and not unknowns.palette:
            named = f"cityscapes, a guess because there are {first.classes} classes"
        lines.append(f"palette: {named} (--palette: {', '.join(BUILT_IN)} or a file)")
    else:
        lines.append(f"direction: {unknowns.direction} (--direction)")
    if generator.kind == "unet":
        lines.append(f"dropout: {'yes' if unknowns.dropout else 'no'} (--no-dropout)")
    norm = generator.sizes["norm"]
    if not unknowns.norm and norm != "batch":
        norm += (
            ", because no norm has weights and the convolutions before them "
            f"have {'a bias' if generator.sizes['bias'] else 'no bias'}"
        )
    lines.append(f"norm: {norm} (--norm: instance, batch or none)")
    if generator.sizes["norm"] == "batch":
        how = "each picture's own statistics" if unknowns.own_statistics else "running statistics"
        lines.append(f"batch norm: {how} (--running-statistics)")
    return lines
