"""What pictures' values mean: ranges, no numbers, no data; right values by independent arithmetic."""

import json

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from img2img.cli import main
from img2img.data.describe import describe_data
from img2img.errors import DataError
from img2img.fields.arrays import without_data
from img2img.fields.files import read_image
from img2img.fields.image import ImageSpec
from img2img.keys import TARGET
from img2img.schema import DataConfig

SIDE = 32
TINY = ["--device", "cpu", "--max-steps", "1", "model.width=4", "model.d_width=4"]
TINY += ["training.workers=0", "training.lpips_weights=none", "model.depth=4"]


def ramp(low, high, dtype="f4"):
    return np.linspace(low, high, SIDE * SIDE).reshape(SIDE, SIDE).astype(dtype)


def put(root, pictures, *, held=(), nodata=None):
    """Pairs of equal pictures A and B, some of them held out."""
    tags = [] if nodata is None else [(42113, "s", 0, str(nodata), True)]
    for split, arrays in (("train", pictures), ("val", held)):
        for number, array in enumerate(arrays):
            for part in "AB":
                path = root / split / part / f"{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, array, extratags=tags)
    return root


def described(root, **settings):
    data = describe_data(DataConfig(path=str(root), scan_cache=False, **settings))
    return data, "\n".join(data.remarks)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_numbers_are_refused_in_held_out_pictures(tmp_path, bad):
    wrong = ramp(0, 1)
    wrong[3, 4:7] = bad
    put(tmp_path, [ramp(0, 1)] * 2, held=[ramp(0, 1), wrong])
    with pytest.raises(DataError, match=r"1\.tif: 3 of 1024 pixels .*not finite"):
        described(tmp_path)


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("how", ["setting", "tag"])
def test_no_data_leave_the_range_and_become_its_least(tmp_path, how, cached, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("img2img.data.remembering.SETTLED", 0.0)
    array = ramp(200, 300)
    array[0, :10] = -9999
    tag = -9999 if how == "tag" else None
    root = put(tmp_path / "d", [array, ramp(210, 290)], held=[ramp(250, 260)], nodata=tag)
    given = {} if how == "tag" else {"nodata": -9999}
    for _ in range(1 + cached):  # the second time by what is remembered
        data = describe_data(DataConfig(path=str(root), scan_cache=cached, **given))
        text = "\n".join(data.remarks)
        low = float(array[0, 10])
        assert (data.spec.target.low, data.spec.target.high) == (low, 300)
        assert "B: 10 values of pixels without data in 1 file" in text and "B/0.tif" in text
    read = data.train.read(0)[TARGET]
    assert (read[0, :10] == low).all() and (read[0, 10:, 0] == array[0, 10:]).all()
    assert ("not looked at again" in text) == cached or not cached


def test_declared_nan_is_no_data(tmp_path):
    array = ramp(2, 3)
    array[5, 5] = np.nan
    data, text = described(put(tmp_path, [array, ramp(2, 3)], held=[array], nodata="nan"))
    assert (data.spec.target.low, data.spec.target.high) == (2, 3)
    assert "2 values of pixels without data in 2 files" in text
    assert data.val.read(0)[TARGET][5, 5, 0] == 2


def test_undeclared_no_data_do_not_squeeze_true_values(tmp_path):
    array = ramp(200, 300)
    array[0, :10] = -9999
    root = put(tmp_path, [array, ramp(210, 290)])
    with pytest.raises(DataError, match=r"data\.nodata=-9999; .*data\.range=\[-9999,300\]"):
        described(root)
    data, _ = described(root, range=(-9999, 300))
    assert (data.spec.target.low, data.spec.target.high) == (-9999, 300)


@pytest.mark.parametrize("sign", [-9999, -32768])
def test_signs_for_no_data_beside_wide_ranges(tmp_path, sign):
    """Hounsfield units fill a third of what is left beside -9999."""
    array = ramp(-1024, 3071, "i2")
    array[0, :4] = sign
    with pytest.raises(DataError, match=rf"data\.nodata={sign};"):
        described(put(tmp_path, [array] * 3))
    # A scale that only happens to end there is one.
    data, text = described(put(tmp_path, [ramp(sign, 300, "i2")] * 3))
    assert data.spec.target.low == sign and "WARNING" not in text


def test_lone_extremes_are_warned_of(tmp_path):
    array = ramp(0, 1)
    array[7, 7] = 5000.0
    data, text = described(put(tmp_path, [array, ramp(0, 1)]))
    assert data.spec.target.high == 5000
    assert "WARNING: B: the values reach from 0 to 5000" in text
    assert "data.nodata=5000" in text and "B/0.tif" in text and "0.02 %" in text


@pytest.mark.parametrize("bits", range(1, 17))
def test_bits_in_16_bits(tmp_path, bits):
    """Up to 14 bits fill at most a quarter of the range."""
    top = 2**bits - 1
    data, text = described(put(tmp_path, [ramp(0, top, "u2")] * 3))
    assert (f"data.range=auto or data.range=[0,{top}]" in text) == (bits <= 14)
    data, text = described(tmp_path, range=(0, top))
    assert "WARNING" not in text
    whole = np.array([0, top / 2, top])
    assert data.spec.target.normalise(whole).tolist() == [-1, 0, 1]


def test_held_out_values_beyond_the_range_are_said(tmp_path):
    root = put(tmp_path, [ramp(0, 1)] * 3, held=[ramp(0.5, 3)])
    _, text = described(root)
    assert "held-out pictures hold values from 0.5 to 3" in text and "data.range=[0,3]" in text
    assert "WARNING" not in described(root, range=(0, 3))[1]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-1e4, 1e4), st.floats(0.1, 1e4), st.lists(st.floats(-5, 5), min_size=1))
def test_unclipped_values_keep_their_distance(low, width, places):
    """One in units of the range is two in those of [-1, 1], within and beyond."""
    high = low + width
    spec = ImageSpec(channels=1, dtype="float32", low=low, high=high)
    values = np.array(places)
    stored = low + values * width
    np.testing.assert_allclose(
        spec.normalise(stored, clip=False), values * 2 - 1, atol=(abs(low) + width) / width * 1e-5
    )
    assert np.abs(spec.normalise(stored)).max() <= 1
    count = int(((stored < low) | (stored > high)).sum())
    assert spec.beyond(stored) == count


def test_white_is_no_missing_red():
    array = np.array([[[255, 255, 255], [255, 0, 0]]], np.uint8)
    missing = without_data(array, 255.0)
    assert missing is not None and missing[0, :, 0].tolist() == [True, False]
    assert without_data(array, None, 7.0) is None


@pytest.mark.parametrize("wrong", [(1, 0), (2, 2)])
def test_an_impossible_range(tmp_path, wrong):
    with pytest.raises(DataError, match=r"data\.range"):
        described(put(tmp_path, [ramp(0, 1)] * 2), range=wrong)


def test_scores_are_of_unclipped_values_and_translating_counts(tmp_path, monkeypatch, capsys):
    """L1 in units of [-1, 1] is twice the mean distance of stored values from 0 to 1."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "d", [ramp(0, 1)] * 3, held=[ramp(0, 3), ramp(3, 0)])
    assert main(["train", "--model", "pix2pix", "--data", "d", "--run", "r", *TINY]) == 0
    assert main(["evaluate", "--run", "r", "--device", "cpu"]) == 0
    found = json.loads((tmp_path / "runs/r/evaluation/evaluation.json").read_text())
    assert "beyond them in 2 real pictures, unclipped" in found["protocol"]["values"]
    for path in (tmp_path / "runs/r/evaluation/translated").rglob("*.tif"):
        [scored] = [v["l1"] for n, v in found["images"].items() if n.endswith(path.stem)]
        real = tifffile.imread(tmp_path / f"d/val/B/{path.name}")
        true = np.abs(tifffile.imread(path).astype(float) - real).mean() * 2
        assert scored == pytest.approx(true, rel=1e-4) and scored > 1
    capsys.readouterr()
    assert main(["translate", "d/val/A", "--run", "r", "--device", "cpu", "--out", "o"]) == 0
    beyond = int((ramp(0, 3) > 1).sum())
    err = capsys.readouterr().err
    assert f"0.tif: {beyond} of 1024 values (0 to 3) lie beyond 0 to 1" in err


def test_nan_is_not_translated_and_the_others_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "d", [ramp(0, 1)] * 3)
    assert main(["train", "--model", "pix2pix", "--data", "d", "--run", "r", *TINY]) == 0
    wrong = ramp(0, 1)
    wrong[1, 1] = np.nan
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", wrong)
    tifffile.imwrite(tmp_path / "in/b.tif", ramp(0, 1))
    assert main(["translate", "in", "--run", "r", "--device", "cpu", "--out", "o"]) == 2
    assert "a.tif: 1 of 1024 pixels" in capsys.readouterr().err
    assert read_image(tmp_path / "o/b.tif").shape == (SIDE, SIDE, 1)
    assert not (tmp_path / "o/a.tif").exists()
