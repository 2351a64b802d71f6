"""Pairs on disk for the translation tests."""

from PIL import Image

from img2img.data.scenes import VAL_OFFSET, draw_scene


def save_pairs(folder, names, split="val"):
    """Scenes as SPLIT_label, SPLIT_inst and SPLIT_img, files of one name without suffixes."""
    for number, name in enumerate(names):
        scene = draw_scene(VAL_OFFSET + number, height=32, width=48)
        parts = {"label": scene.label, "inst": scene.instance.astype("uint16"), "img": scene.image}
        for part, array in parts.items():
            path = folder / f"{split}_{part}" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
