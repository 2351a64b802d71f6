"""Configs: every problem in one message, nothing accepted by accident."""

from typing import ClassVar, Literal

import pytest
import yaml
from pydantic import Field

from img2img.config import as_tree, load_config, parse_overrides
from img2img.errors import ConfigError
from img2img.models import OPTIONS
from img2img.schema import Section


def test_yaml_round_trip(tmp_path):
    config = load_config(OPTIONS, overrides={"model": "pix2pixHD", "training.lr": "1e-4"})
    assert config.training.lr == 1e-4
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    again = load_config(OPTIONS, path=path)
    assert again.model_dump() == config.model_dump()


def test_all_problems_in_one_message(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("model: pix2pix\ntraining: {epocs: 3, lr: fast}\ndata: {crop: [0, 4]}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(OPTIONS, path=path, overrides={"model.weights.l2": 3})
    message = str(caught.value)
    assert "training.epocs: unknown key; did you mean 'epochs'?" in message
    assert "training.lr" in message and "'fast'" in message
    assert "data.crop" in message
    assert "command line: model.weights.l2: unknown key; did you mean 'l1'?" in message
    assert str(path) in message


def test_unknown_model_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'pix2pixHD'"):
        load_config(OPTIONS, overrides={"model": "pix2pixHd"})


@pytest.mark.parametrize(
    "key, hint",
    [
        ("lr", "did you mean 'training.lr'?"),
        ("LR", "did you mean 'training.lr'?"),
        ("data.lr", "did you mean 'training.lr'?"),
        ("epoch", "did you mean 'training.epochs'?"),
        ("training.width", "did you mean 'model.width'?"),
        ("l1", "did you mean 'model.weights.l1'?"),
        ("training.epoch", "did you mean 'epochs'?"),  # of its own section first
        ("model.num_D", "it is a setting of pix2pixHD"),
        ("trainng.lr", "did you mean 'training'?"),
        ("qqq", "valid: data, model, training"),
    ],
)
def test_an_unknown_key_is_looked_for_everywhere(key, hint, tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(OPTIONS, overrides={"model": "pix2pix", key: 1})
    assert "command line: " in str(caught.value)
    assert str(caught.value).endswith(f"unknown key; {hint}")
    path = tmp_path / "flat.yaml"
    path.write_text("model: pix2pix\nlr: 0.001\n")
    with pytest.raises(ConfigError, match=r"flat.yaml: lr: unknown key; did .* 'training.lr'"):
        load_config(OPTIONS, path=path)


def test_duplicate_keys_are_refused(tmp_path):
    path = tmp_path / "double.yaml"
    path.write_text("model: pix2pix\ntraining:\n  lr: 1e-3\n  lr: 1e-4\n")
    with pytest.raises(ConfigError, match="'lr' is given twice"):
        load_config(OPTIONS, path=path)


def test_merge_keys_and_odd_values(tmp_path):
    path = tmp_path / "merge.yaml"
    path.write_text(
        "model: {name: pix2pix, weights: &w {l1: 7, adv: 2}}\n"
        "training: {<<: {lr: 1e-3, beta1: 0.1}, lr: 2e-3}\n"
    )
    config = load_config(OPTIONS, path=path)
    assert (config.training.lr, config.training.beta1) == (2e-3, 0.1)
    for text in ("model: 5", "model: {name: 5}", "model: {name: [a]}", "? [a]\n: 1"):
        path.write_text(text + "\n")
        with pytest.raises(ConfigError):
            load_config(OPTIONS, path=path)
    assert (
        load_config(OPTIONS, overrides={"model": "pix2pix", "data.path": 2024}).data.path == "2024"
    )


def test_configs_are_frozen():
    config = load_config(OPTIONS, overrides={"model": "pix2pix"})
    with pytest.raises(ValueError, match="frozen"):
        config.training.lr = 1.0
    with pytest.raises(ValueError, match="frozen"):
        config.model.weights.l1 = 1.0


def test_overrides_are_yaml_and_strongest(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("model: {name: pix2pix, width: 8}\ndata: {crop: 64}\n")
    given = parse_overrides(["data.crop=[32, 48]", "model.weights.l1=5", "data.flip=false"])
    config = load_config(OPTIONS, path=path, overrides=given)
    assert config.data.crop == (32, 48)
    assert config.model.weights.l1 == 5 and config.model.width == 8
    assert config.data.flip is False


@pytest.mark.parametrize("text", ["training.lr", "=3"])
def test_override_without_value(text):
    with pytest.raises(ConfigError, match="expected key=value"):
        parse_overrides([text])


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(OPTIONS, path=tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match="expected `key: value`"):
        load_config(OPTIONS, path=tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(OPTIONS, path=tmp_path / "broken.yaml")


class Preset(Section):
    """A model that goes by two names."""

    presets: ClassVar = {
        "slow": {"training.lr": 1e-5, "model.width": 3, "model.inner.depth": 2},
        "plain": {},
    }
    name: Literal["slow", "plain"] = "slow"
    width: int = 1
    inner: "Inner" = Field(default_factory=lambda: Inner())


class Inner(Section):
    """A section in it."""

    depth: int = 1


PRESETS = {"slow": Preset, "plain": Preset}


def test_a_name_presets_settings_and_files_and_flags_are_stronger(tmp_path):
    config = load_config(PRESETS, overrides={"model": "slow"})
    assert config.training.lr == 1e-5 and config.model.width == 3 and config.model.inner.depth == 2
    config = load_config(PRESETS, overrides={"model": "plain"})
    assert config.training.lr == 2e-4 and config.model.width == 1 and config.model.inner.depth == 1
    path = tmp_path / "config.yaml"
    path.write_text("model: {name: slow, inner: {depth: 5}}\ntraining: {lr: 1.0e-3}\n")
    config = load_config(PRESETS, path=path, overrides={"model.width": 7})
    assert (config.training.lr, config.model.width, config.model.inner.depth) == (1e-3, 7, 5)
    path.write_text("model: slow\ntraining: 3\n")
    with pytest.raises(ConfigError, match=r"training: .*got 3"):
        load_config(PRESETS, path=path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("training.checkpointing", "training.activation_checkpointing"),
        ("model.aids.unrolled", "model.regularizers.unrolled"),
    ],
)
@pytest.mark.parametrize("where", ["file", "override"])
def test_settings_of_before_are_read_by_their_old_names(
    tmp_path, capsys, monkeypatch, old, new, where
):
    monkeypatch.setattr("img2img.config._told", set())
    value = 3 if "unrolled" in old else True
    overrides = {"model": "dcgan", **({old: value} if where == "override" else {})}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(as_tree({old: value})) if where == "file" else "{}")
    config = load_config(OPTIONS, path=path, overrides=overrides)
    section, *rest = new.split(".")
    found = getattr(config, section)
    for key in rest:
        found = getattr(found, key)
    assert found == value
    said = capsys.readouterr().err
    assert said.count("is now called") == 1
    assert new.rsplit(".unrolled")[0] in said
    load_config(OPTIONS, path=path, overrides=overrides)
    assert not capsys.readouterr().err, "said once"


def test_a_setting_by_both_its_names_is_refused(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("training: {checkpointing: true, activation_checkpointing: false}")
    with pytest.raises(ConfigError, match="has both checkpointing and activation_checkpointing"):
        load_config(OPTIONS, path=path, overrides={"model": "dcgan"})


def test_a_former_name_of_a_loss_is_read_as_its_present_one(capsys):
    from img2img.models import generators

    generators._tell.cache_clear()
    for _ in range(2):
        config = load_config(
            OPTIONS, overrides={"model": "pix2pix", "model.adversarial": "vanilla"}
        )
        assert config.model.adversarial == "non_saturating"
    said = capsys.readouterr().err
    assert said.count("vanilla is called non_saturating now") == 1
