"""Segmenters from files: what they are shown, what their answers mean, what cannot be one."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torchvision.models import get_model

from img2img.cli import main
from img2img.data.loader import PairDataset, SceneSource
from img2img.data.transforms import JointTransform
from img2img.errors import ConfigError, DataError
from img2img.evaluation.judges.segmenters import (
    NetworkSegmenter,
    OnnxSegmenter,
    Renumbered,
    imagenet_normalised,
    load_torchvision,
    read_numbers,
)
from img2img.evaluation.judges.trained_segmenter import train_segmenter
from img2img.schema import DataConfig

CPU = torch.device("cpu")
# Class 0 is red, 1 green, 2 blue: the largest channel.
COLOURS = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1]])
LABEL = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])
IMAGE = COLOURS[LABEL].permute(2, 0, 1)[None]


def write_onnx(path, *, kind=TensorProto.FLOAT, size=("h", "w"), output="logits", channels=3):
    """A network whose class is the largest channel; as logits of 3 classes, or as ids."""
    entry = helper.make_tensor_value_info("image", kind, [1, channels, *size])
    nodes = [helper.make_node("Cast", ["image"], ["logits"], to=TensorProto.FLOAT)]
    if output == "small":
        scales = numpy_helper.from_array(np.array([1, 1, 0.5, 0.5], np.float32), "scales")
        nodes.append(helper.make_node("Resize", ["logits", "", "scales"], ["small"]))
    if output == "ids":
        nodes.append(helper.make_node("ArgMax", ["logits"], ["ids"], axis=1, keepdims=0))
    type_ = TensorProto.INT64 if output == "ids" else TensorProto.FLOAT
    shape = [1, "a", "b"] if output == "ids" else [1, 3, "a", "b"]
    exit_ = helper.make_tensor_value_info(output, type_, shape)
    graph = helper.make_graph(nodes, "largest", [entry], [exit_])
    if output == "small":
        graph.initializer.append(scales)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("output", ["logits", "ids", "small"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
def test_onnx(tmp_path, output, kind):
    segmenter = OnnxSegmenter(write_onnx(tmp_path / "net.onnx", kind=kind, output=output))
    assert segmenter.classes == (None if output == "ids" else 3)
    found = segmenter(IMAGE)
    assert found.dtype == torch.int64 and found.shape == (1, 2, 4)
    if output != "small":
        assert torch.equal(found[0], LABEL)
    even = COLOURS[torch.tensor([[0, 0, 2, 2], [0, 0, 2, 2]])].permute(2, 0, 1)[None]
    assert segmenter(even).tolist() == [[[0, 0, 2, 2]] * 2]


def test_onnx_of_a_fixed_size(tmp_path):
    segmenter = OnnxSegmenter(write_onnx(tmp_path / "net.onnx", size=(8, 16), output="ids"))
    assert torch.equal(segmenter(IMAGE)[0], LABEL)


def test_onnx_is_shown_what_it_expects(tmp_path):
    """A network that hands its input on, as logits."""
    segmenter = OnnxSegmenter(write_onnx(tmp_path / "net.onnx"))
    shown = []
    run = segmenter.session.run

    class Session:
        def run(self, outputs, inputs):
            shown.append(inputs["image"])
            return run(outputs, inputs)

    segmenter.session = Session()
    segmenter(IMAGE)
    expected = (np.array([1.0, 0, 0]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert shown[0][0, :, 0, 0] == pytest.approx(expected, rel=1e-5)
    assert torch.equal(imagenet_normalised(IMAGE), torch.from_numpy(shown[0]))


def test_files_that_are_no_segmenters(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ConfigError, match="not an ONNX network"):
        OnnxSegmenter(tmp_path / "text.onnx")
    with pytest.raises(ConfigError, match="expected one input"):
        OnnxSegmenter(write_onnx(tmp_path / "five.onnx", channels=5))


def test_torchvision_weights_of_a_file(tmp_path):
    torch.manual_seed(0)
    network = get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=4
    ).eval()
    for last in (network.classifier.low_classifier, network.classifier.high_classifier):
        torch.nn.init.zeros_(last.bias)  # else it says the same of every pixel
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    segmenter = load_torchvision("lraspp_mobilenet_v3_large", tmp_path / "weights.pth", CPU)
    assert segmenter.classes == 4 and len(segmenter.about["sha256"]) == 64
    image = torch.rand(1, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        expected = network(imagenet_normalised(image))["out"].argmax(1)
    assert torch.equal(segmenter(image), expected) and expected.unique().numel() > 1
    with pytest.raises(ConfigError, match="not the weights of torchvision's fcn_resnet50"):
        load_torchvision("fcn_resnet50", tmp_path / "weights.pth", CPU)


def test_renumbered(tmp_path):
    (tmp_path / "classes.txt").write_text("# segmenter, data\n2 0  # blue\n\n0 1\n")
    numbers = read_numbers(tmp_path / "classes.txt", 2)
    assert numbers == {2: 0, 0: 1}

    class Largest(torch.nn.Module):
        def forward(self, images):
            return images

    segmenter = Renumbered(NetworkSegmenter(Largest(), 3, {}, imagenet=False), numbers, 2)
    assert segmenter(IMAGE).tolist() == [[[1, -1, 0, 1], [0, 0, -1, -1]]]


@pytest.mark.parametrize(
    "text, expected",
    [("1 2 3", "line 1: expected two numbers"), ("0 7", "no class 7"), ("# none", "no lines")],
)
def test_files_that_do_not_renumber(tmp_path, text, expected):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        read_numbers(tmp_path / "classes.txt", 4)


def test_onnx_at_the_command_line(runs, tmp_path, capsys):
    """Three classes against ten: an error that names both, and a file that says which is which."""
    path = write_onnx(tmp_path / "net.onnx")
    arguments = ["--run", str(runs / "a"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["evaluate", *arguments, "--segmenter", str(path)]) == 2
    assert "tells 3 classes apart, the data have 10" in capsys.readouterr().err
    (tmp_path / "classes.txt").write_text("2 0\n1 3\n")  # blue is sky, green is grass
    arguments += ["--segmenter", str(path), "--segmenter-classes", str(tmp_path / "classes.txt")]
    assert main(["evaluate", *arguments]) == 0
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    ceiling = found["protocol"]["segmentation"]["on the real pictures"]
    assert 0.1 < ceiling["pixel_accuracy"] < 0.9
    assert found["scores"]["iou/car"]["value"] == 0
    ids = write_onnx(tmp_path / "ids.onnx", output="ids")
    assert main(["evaluate", *arguments[:6], "--segmenter", str(ids)]) == 0


def scene_pairs(spec, count=6):
    source = SceneSource(count, first=0, seed=0, size=(32, 64))
    return PairDataset(source, JointTransform(DataConfig(), spec, train=True))


@pytest.fixture
def spec():
    from img2img.data.describe import describe_data

    return describe_data(DataConfig(scene_size=(32, 64), scenes=6, val_scenes=1)).spec


@pytest.mark.slow
def test_training_learns_the_labels_and_nothing_else_changes(spec):
    before = torch.get_rng_state()
    pairs = scene_pairs(spec)
    network, done = train_segmenter(pairs, spec, CPU, steps=60)
    assert done == 60 and torch.equal(torch.get_rng_state(), before)
    sample = pairs[0, 0]
    found = network(sample["target"][None]).argmax(1)
    commonest = sample["label"].flatten().bincount().max() / sample["label"].numel()
    assert commonest < 0.5 and (found == sample["label"]).float().mean() > 0.65
    twice = [train_segmenter(pairs, spec, CPU, steps=12)[0].parameters() for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*twice, strict=True))


def test_training_keeps_to_its_time(spec):
    _, done = train_segmenter(scene_pairs(spec), spec, CPU, steps=10**6, minutes=0.01)
    assert 0 < done < 1000


def test_training_passes_over_what_cannot_be_read(spec):
    pairs = scene_pairs(spec, 9)
    read = pairs.source.read

    def damaged(index, rng, bad=(3,)):
        if index in bad:
            raise DataError("damaged")
        return read(index, rng)

    pairs.source.read = damaged
    assert train_segmenter(pairs, spec, CPU, steps=4)[1] == 4
    pairs.source.read = lambda index, rng: damaged(index, rng, range(9))
    with pytest.raises(DataError, match="can be read: damaged"):
        train_segmenter(pairs, spec, CPU, steps=4)
    with pytest.raises(DataError, match="no training pairs"):
        train_segmenter(scene_pairs(spec, 0), spec, CPU, steps=4)


def test_ignored_pixels_teach_nothing(spec):
    """Their ids may be any; with all pixels ignored, the head's weights stay without gradient."""
    label = spec.inputs[0].model_copy(update={"ignore_id": 255})
    ignoring = spec.model_copy(update={"inputs": (label, *spec.inputs[1:])})
    pairs = scene_pairs(ignoring, 4)
    read = pairs.source.read

    def ignored(index, rng):
        arrays = read(index, rng)
        return arrays | {"label": np.full_like(arrays["label"], 255)}

    pairs.source.read = ignored
    network, _ = train_segmenter(pairs, ignoring, CPU, steps=5)
    assert all(torch.isfinite(p).all() for p in network.parameters())
    bias = network.head.bias
    assert float(bias.max() - bias.min()) < 1  # nobody pulled one class up
