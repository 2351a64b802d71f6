"""Pieces of pages: what is not HTML is escaped."""

import base64
import configparser
import re
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup

from img2img.reporting.html import render_text

ROOT = Path(__file__).resolve().parents[2]
TEXT = st.text(st.characters(codec=None))  # lone surrogates among them, as of odd file names


ONE = '{% from "macros.html" import figure, image %}'


def img(array, alt="x", **how):
    """An element of a page with the picture in it."""
    return render_text(ONE + "{{ image(array, alt, **how) }}", array=array, alt=alt, how=how)


@given(TEXT)
def test_any_text_is_harmless_and_can_be_written(text):
    cell = render_text('<td title="{{ text }}">{{ text }}</td>', text=text)
    cell.encode("utf-8")
    assert re.sub(r"</?td[^<>]*>", "", cell).count("<") == 0
    assert cell.count('"') == 2


@given(TEXT)
def test_text_is_harmless_on_every_way_through_the_pieces(text):
    source = """{% from "macros.html" import definitions, head, scrolling %}
    {{ definitions({text: text}) }}
    {% call scrolling() %}{{ head([text, (text,)]) }}<td>{{ text ~ ", " ~ [text, text]|join(text) }}</td>{% endcall %}
    {% set kept %}<p>{{ text }}</p>{% endset %}{{ kept }}"""
    found = render_text(source, text=text)
    found.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", found)
    assert not re.sub(r"</?(div|table|t[rhd]|p)( class=\"\w+\")?>", "", found).count("<")


def test_what_was_rendered_stays_and_text_does_not():
    piece = render_text("<b>{{ x }}</b>", x="<x>")
    assert piece == "<b>&lt;x&gt;</b>"
    found = render_text("{{ a }}{{ b }}{{ c }}", a=Markup(piece), b="<b>", c=None)
    assert found == piece + "&lt;b&gt;"


def test_what_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="missing"):
        render_text("{{ missing }}")


def test_a_picture_lies_in_the_page():
    array = np.random.default_rng(0).integers(0, 255, (20, 40, 3), np.uint8)
    found = img(array, "<x>")
    assert 'alt="&lt;x&gt;"' in found and 'width="40"' in found
    data = base64.b64decode(re.search('base64,([^"]*)', found)[1])
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(back, array)
    assert 'width="10" height="5"' in img(array, widest=10)


def test_a_picture_is_without_loss_while_that_is_small_enough():
    array = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    assert "image/png" in img(array, largest=20_000)
    assert "image/jpeg" in img(array, largest=10_000)
    assert "image/png" in img(array * 0, largest=10_000)
    assert "image/jpeg" in img(array, lossy=True)


def test_a_page_needs_no_other_file():
    text = render_text(
        '{% extends "base.html" %}{% block style %}p{}{% endblock %}{% block body %}<p>x</p>{% endblock %}',
        title="A <title>",
    )
    assert "<title>A &lt;title&gt;</title>" in text and "p{}" in text and "<p>x</p>" in text
    assert "http" not in text and "src=" not in text and "<script" not in text
    assert text.startswith("<!doctype html>")


def test_all_templates_are_part_of_the_package():
    """What setup.cfg installs beside the code."""
    folder = files("img2img.reporting") / "templates"
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["img2img.reporting"].split()
    for path in folder.iterdir():
        assert any(fnmatch(f"templates/{path.name}", pattern) for pattern in patterns)
