"""Two evaluations on one page: both values, the change, a verdict, the same inputs."""

import numpy as np
import pytest
from page_cases import DIFFERENCES, evaluation, shown
from parsed import Parsed

from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.result import Difference


def test_the_comparison_has_both_values_the_change_and_a_verdict():
    rows = Parsed(comparison_page(evaluation("a"), evaluation("b"), DIFFERENCES, [])).tables[0]
    assert rows == [
        ["metric", "", "a", "b", "change", "95 % interval", "b is"],
        ["psnr", "↑ larger is better", "15.45", "15.62", "+0.175", "+0.050 to +0.290", "better"],
        [
            "lpips",
            "↓ smaller is better",
            "0.4068",
            "0.4183",
            "+0.0115",
            "+0.0071 to +0.0158",
            "worse",
        ],
        [
            "ssim",
            "↑ larger is better",
            "0.3602",
            "0.3607",
            "+0.00050",
            "-0.00410 to +0.00520",
            "no difference shown",
        ],
        [
            "fid",
            "↓ smaller is better",
            "123.5",
            "120.0",
            "-3.46",
            "–",
            "no interval, so no verdict",
        ],
    ]


@pytest.mark.parametrize(
    ("better", "low", "high", "word"),
    [
        ("larger", -2, -1, "worse"),
        ("smaller", -2, -1, "better"),
        ("larger", 1, 2, "better"),
        ("smaller", 1, 2, "worse"),
        ("larger", 0, 2, "no difference shown"),
    ],
)
def test_verdicts_heed_the_direction(better, low, high, word):
    found = {"m": Difference(1, 2, (low + high) / 2, low, high, better)}
    page = comparison_page(evaluation("a"), evaluation("b"), found, [])
    assert Parsed(page).tables[0][1][-1] == word
    assert f"{word}: m." in page


def test_rows_show_the_same_input_by_both():
    pairs = [(shown(name, 1), shown(name, 2)) for name in ("one", "two")]
    images = {"one": {"psnr": 18.0, "other": 1.0}}
    first, second = evaluation("a"), evaluation("b", images=images)
    page = Parsed(comparison_page(first, second, DIFFERENCES, pairs))
    captions = [alt.removeprefix("one: ") for alt in page.pictures if alt.startswith("one")]
    assert captions == ["label", "boundary", "a", "b", "real"]
    np.testing.assert_array_equal(page.pictures["two: a"], pairs[1][0].translated)
    np.testing.assert_array_equal(page.pictures["two: b"], pairs[1][1].translated)
    np.testing.assert_array_equal(page.pictures["two: real"], pairs[1][0].real)
    assert "psnr 17.20 and 18.00" in page.sections["The same inputs"]


def test_unlike_protocols_are_marked():
    other = evaluation("facades", protocol={"size": [128, 128], "flip": False})
    page = Parsed(comparison_page(evaluation(), other, {}, []))
    assert "no metric in common" in comparison_page(evaluation(), other, {}, [])
    assert page.tables[-1] == [
        ["", "facades (first)", "facades (second)"],
        ["size", "128, 256", "128, 128"],
        ["lpips.weights", "vgg16", "not recorded"],
        ["lpips.sha", "none", "not recorded"],
        ["flip", "no", "no"],
    ]
    marked = [attrs for attrs in page.of("span") if "unlike" in attrs.get("class", "")]
    assert len(marked) == 6 and "3 differences, marked." in page.sections["How it was measured"]
