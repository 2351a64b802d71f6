"""The settings written out for people: complete, true, and usable as a config."""

from pathlib import Path

import pytest

from img2img.cli import main
from img2img.config import load_config
from img2img.manual import commented_yaml, settings_page
from img2img.models import OPTIONS
from img2img.schema import DataConfig, InputConfig, TrainingConfig, subsection

ROOT = Path(__file__).resolve().parents[1]


def sections(*found):
    for section in found:
        yield section
        inner = (subsection(field) for field in section.model_fields.values())
        yield from sections(*(s for s in inner if s))


def test_every_setting_has_a_description():
    for section in sections(DataConfig, TrainingConfig, *OPTIONS.values()):
        for name, field in section.model_fields.items():
            if subsection(field) in (None, InputConfig):
                assert field.description, f"{section.__module__}: {name} lacks a docstring below it"
        assert section.__doc__, section


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(OPTIONS), "run python tools/settings_page.py"


@pytest.mark.parametrize("model", OPTIONS)
def test_commented_config_reads_back_equal(model, tmp_path):
    given = {
        "model": model,
        "training.lr": 1e-5,
        "training.seed": 7,
        "data.crop": [32, 48],
        "data.path": "a: b # c\n, [d] 'ü' \"\\ " + "long " * 60,
        "data.palette": "null",
        "data.inputs": [{"name": "x", "kind": "image"}, {"name": "y", "kind": "labels"}],
    } | ({"model.weights.l1": 3} if model.startswith("pix2pix") else {"model.weights.adv": 3})
    config = load_config(OPTIONS, overrides=given)
    text = commented_yaml(config, OPTIONS)
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(OPTIONS, path=path).model_dump() == config.model_dump()
    assert "  # The optimizer's learning rate. (above 0)\n  lr: 1.0e-05\n" in text
    if model.startswith("pix2pix"):
        assert "(lsgan, non_saturating)\n  adversarial: lsgan\n" in text
    assert max(map(len, (line for line in text.splitlines() if "#" in line[:5]))) <= 100


def test_print_config_without_a_model_shows_the_rest_and_names_the_models(capsys, tmp_path):
    assert main(["train", "--print-config", "training.lr=1e-4"]) == 0
    text = capsys.readouterr().out
    assert "pix2pix or pix2pixHD" in text and "model:\n" not in text
    path = tmp_path / "config.yaml"
    path.write_text(text)
    config = load_config(OPTIONS, path=path, overrides={"model": "pix2pix"})
    assert config.training.lr == 1e-4
    assert main(["train", "--print-config", "model.width=8"]) == 2
    assert "no model is named" in capsys.readouterr().err
