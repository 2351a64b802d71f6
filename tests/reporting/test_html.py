"""Pieces of pages: what is not HTML is escaped."""

import base64
import re

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from img2img.reporting.html import Html, Number, escape, page, picture, table, tag

TEXT = st.text(st.characters(codec=None))  # lone surrogates among them, as of odd file names


@given(TEXT)
def test_any_text_is_harmless_and_can_be_written(text):
    cell = tag("td", text, title=text)
    cell.encode("utf-8")
    assert re.sub(r"</?td[^<>]*>", "", cell).count("<") == 0
    assert cell.count('"') == 2


def test_html_stays_and_text_does_not():
    assert tag("p", Html("<b>x</b>"), "<b>", None) == "<p><b>x</b>&lt;b&gt;</p>"
    assert escape("a & b") == "a &amp; b"
    assert tag("a", "x", href=None, class_="y") == '<a class="y">x</a>'


def test_numbers_stand_to_the_right():
    found = table(("a", "b"), [("x", 3)])
    assert '<td>x</td><td class="number">3</td>' in found
    assert '<th>a</th><th class="number">b</th>' in found
    assert '<td class="number">&lt;3</td>' in table(("a",), [(Number("<3"),)])
    assert "<th>a</th>" in table(("a",), [])


def test_a_picture_lies_in_the_page():
    array = np.random.default_rng(0).integers(0, 255, (20, 40, 3), np.uint8)
    found = picture(array, "<x>")
    assert 'alt="&lt;x&gt;"' in found and 'width="40"' in found
    data = base64.b64decode(re.search('base64,([^"]*)', found)[1])
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(back, array)
    assert 'width="10" height="5"' in picture(array, "", widest=10)


def test_a_picture_is_without_loss_while_that_is_small_enough():
    array = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    assert "image/png" in picture(array, "", largest=20_000)
    assert "image/jpeg" in picture(array, "", largest=10_000)
    assert "image/png" in picture(array * 0, "", largest=10_000)


def test_a_page_needs_no_other_file():
    text = page("A <title>", tag("p", "x"), style="p{}")
    assert "<title>A &lt;title&gt;</title>" in text and "p{}" in text
    assert "http" not in text and "src=" not in text and "<script" not in text
    assert "<script>a < b</script></body>" in page("x", script="a < b")
