"""Published files become runs, through the real command."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import img2img
from img2img.cli import main
from img2img.inference.published import recognise

pytestmark = pytest.mark.shared_data


def save(vector, name, path, prefix="sd/"):
    tensors, _ = vector(name)
    state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    torch.save(state, path)
    return tensors


def do_import(*arguments):
    return main(["import-weights", *map(str, arguments)])


@pytest.mark.parametrize("name", ["latest_net_G.pth", "old_torch03_style_net_G.pth"])
def test_pix2pixhd_generator(vector, shared, tmp_path, capsys, name):
    assert do_import(shared / "vectors" / name, "--run", tmp_path / "run") == 0
    out = capsys.readouterr().out
    assert "35 classes" in out and "boundary map: yes" in out
    assert "palette: cityscapes, a guess because there are 35 classes (--palette: " in out
    assert "img2img translate LABEL.png --run" in out
    assert ("old instance norms" in out) == name.startswith("old")
    tensors, _ = vector("net_global_nd2_instance")
    translator = img2img.load(str(tmp_path / "run"), device="cpu")
    planes = tensors["input"][0]
    with torch.no_grad():
        result = translator.model.generator(planes[None])
    assert_close(result, tensors["output_eval"], rtol=1e-4, atol=2.5e-5)
    picture = translator.translate(np.zeros((37, 21), np.uint8))
    assert picture.shape == (37, 21, 3)


def test_generator_with_discriminator_starts_a_training(vector, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(vector, "net_global_nd2_instance", tmp_path / "G.pth")
    save(vector, "net_multiscale_D", tmp_path / "D.pth", "sd_interm/")
    assert do_import("G.pth", "D.pth", "--run", "imported") == 0
    assert "multiscale" in capsys.readouterr().out
    config = (tmp_path / "runs/imported/config.yaml").read_text()
    assert "num_D: 3" in config and "d_width: 8" in config


def test_encoder_brings_features(vector, tmp_path):
    from img2img.networks.pix2pixhd import GlobalGenerator

    tensors = save(vector, "net_encoder_nd2", tmp_path / "E.pth")
    published, _ = vector("net_global_nd2_instance")
    state = {k[3:]: v for k, v in published.items() if k.startswith("sd/")}
    state["model.1.weight"] = torch.randn(8, 39, 7, 7)  # three more channels than the vector's
    torch.save(state, tmp_path / "G.pth")
    assert do_import(tmp_path / "G.pth", tmp_path / "E.pth", "--run", tmp_path / "run") == 0
    translator = img2img.load(str(tmp_path / "run"), device="cpu")
    assert isinstance(translator.model.encoder, GlobalGenerator)
    batch = {
        "target": tensors["image_uint8"].float() / 127.5 - 1,
        "instance": tensors["inst_int32"].long(),
    }
    with torch.no_grad():
        features = translator.model.encode(batch)
    assert_close(features, tensors["output_eval"], rtol=1e-4, atol=2.5e-5)
    assert translator.translate(np.zeros((9, 9), np.uint8)).shape == (9, 9, 3)


def test_pix2pix_unet(vector, tmp_path, capsys):
    tensors = save(vector, "net_unet_nd6_batch", tmp_path / "G.pth")
    save(vector, "net_nlayerD_n3_batch", tmp_path / "D.pth")
    arguments = (tmp_path / "G.pth", tmp_path / "D.pth", "--run", tmp_path / "run")
    assert do_import(*arguments, "--direction", "BtoA") == 0
    out = capsys.readouterr().out
    assert "img2img translate PICTURE.png --run" in out
    assert "direction: BtoA" in out and "each picture's own statistics" in out
    model = img2img.load(str(tmp_path / "run"), device="cpu").model
    with torch.no_grad():
        result = model.translate({"B": tensors["input"]})
    assert_close(result, tensors["output_train_mode"], rtol=1e-4, atol=1e-5)
    again = (*arguments, "--overwrite", "--running-statistics")
    assert do_import(*again) == 0
    model = img2img.load(str(tmp_path / "run"), device="cpu").model
    with torch.no_grad():
        result = model.translate({"A": tensors["input"]})
    assert_close(result, tensors["output_eval"], rtol=1e-4, atol=1e-5)


def test_enhancer(vector, tmp_path):
    save(vector, "net_local_nle1", tmp_path / "G.pth")
    assert do_import(tmp_path / "G.pth", "--run", tmp_path / "run") == 0
    translator = img2img.load(str(tmp_path / "run"), device="cpu")
    assert translator.translate(np.zeros((20, 30), np.uint8)).shape == (20, 30, 3)


def test_module_prefix_and_wrapper(vector, tmp_path):
    tensors, _ = vector("net_unet_nd5_instance")
    state = {f"module.{k[3:]}": v for k, v in tensors.items() if k.startswith("sd/")}
    torch.save({"state_dict": state}, tmp_path / "G.pth")
    assert do_import(tmp_path / "G.pth", "--run", tmp_path / "run") == 0


def test_what_cannot_be_imported(vector, tmp_path, capsys):
    save(vector, "net_multiscale_D", tmp_path / "D.pth", "sd_interm/")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "pickled.pth")
    torch.save({"weight": torch.zeros(1).expand(10**11)}, tmp_path / "bomb.pth")
    for file, expected in (
        ("D.pth", "expected one generator"),
        ("other.pth", "not a network of pix2pixHD"),
        ("text.pth", "not a readable weight file"),
        ("pickled.pth", "not a readable weight file"),
        ("bomb.pth", "whose tensors would take 400,000,000,000"),
        ("gone.pth", "no such weight file"),
    ):
        assert do_import(tmp_path / file, "--run", tmp_path / "run") == 2
        assert expected in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


def test_a_missing_layer_is_named(vector):
    tensors, _ = vector("net_unet_nd5_instance")
    state = {k[3:]: v for k, v in tensors.items() if k.startswith("sd/")}
    state.pop("model.model.3.bias")
    with pytest.raises(ValueError, match=r"head.conv.bias"):
        recognise(state, "G.pth").build()
