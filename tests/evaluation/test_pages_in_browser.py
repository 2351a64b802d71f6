"""The pages in Chromium, opened from disk."""

from pathlib import Path

import pytest
from page_cases import DIFFERENCES, evaluation, hostile_pages, run_folder, shown

from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.pages.report import report_page

playwright = pytest.importorskip("playwright.sync_api", reason="the extra [test] has Playwright")
CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as tool:
        # Root, as in containers, has no sandbox.
        browser = tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens a page as a file; at the end there were no errors, dialogs or requests."""
    contexts, wrong = [], []

    def open_one(text, *, width=1280, **how):
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **how))
        page = contexts[-1].new_page()
        path = tmp_path / "page with spaces & ü.html"
        path.write_text(text, encoding="utf-8")

        def look(request):
            if not request.url.startswith(("data:", "file:")):
                wrong.append(request.url)

        page.on("request", look)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(path.as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def report(tmp_path):
    return report_page(evaluation(), {"best": [shown()]}, run_folder(tmp_path / "run"))


def cut(page):
    """What is cut off the real picture."""
    return page.locator(".over img").evaluate("image => getComputedStyle(image).clipPath")


def value(page):
    return page.locator(".at").evaluate("input => Number(input.value)")


def boxes(page):
    """Where the translated and the real picture are."""
    return [page.locator(f".{part} img").bounding_box() for part in ("under", "over")]


def test_the_slider_goes_by_keyboard(open_page, report):
    page = open_page(report)
    under, over = boxes(page)
    assert under == over  # one lies on the other
    assert cut(page) == "inset(0px 0px 0px 50%)"
    page.get_by_role("checkbox", name="slide between translated and real").focus()
    page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Best: one: translated to the left")
    assert slider.evaluate("input => input === document.activeElement")
    keys = {"ArrowRight": "51%", "ArrowLeft": "50%", "End": "100%", "Home": "0%"}
    for key, wanted in keys.items():
        page.keyboard.press(key)
        assert cut(page) == f"inset(0px 0px 0px {wanted})"


def test_the_slider_follows_the_mouse(open_page, report):
    page = open_page(report)
    box = page.locator(".over img").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
    there = value(page)
    assert there == pytest.approx(25, abs=1)
    page.keyboard.press("ArrowRight")  # the keyboard goes on from there
    assert value(page) == there + 1


def test_the_slider_follows_a_finger_sideways(open_page, report):
    page = open_page(report, width=390, has_touch=True, is_mobile=True)
    box = page.locator(".over img").bounding_box()
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    y, middle = box["y"] + 50, box["x"] + box["width"] / 2
    touch("touchStart", {"x": middle, "y": y})
    for number in range(1, 11):
        touch("touchMove", {"x": middle + number * box["width"] / 40, "y": y})
    touch("touchEnd")
    page.wait_for_function("Math.abs(document.querySelector('.at').value - 75) <= 1")
    assert page.evaluate("scrollX + scrollY") == 0


def test_side_by_side_on_request_and_without_scripts(open_page, report):
    page = open_page(report)
    page.get_by_role("checkbox").uncheck()
    without = open_page(report, java_script_enabled=False)
    for shown_page in (page, without):
        under, over = boxes(shown_page)
        assert over["x"] >= under["x"] + under["width"] and over["y"] == under["y"]
        assert cut(shown_page) == "none"
    assert without.locator("input:visible").count() == 0
    assert without.locator(".film figure:visible").count() == 3


def test_samples_are_leafed_through_by_keyboard(open_page, report):
    page = open_page(report)
    said = page.locator(".film output")
    assert said.inner_text() == "step 300"
    page.get_by_role("slider", name="step").focus()
    page.keyboard.press("ArrowLeft")
    assert said.inner_text() == "step 200"
    assert page.locator(".film img:visible").get_attribute("alt") == "samples at step 200"
    assert page.get_by_role("slider", name="step").get_attribute("aria-valuetext") == "step 200"


def test_charts_have_names_for_screen_readers(open_page, report):
    page = open_page(report)
    assert page.get_by_role("img", name="Generator losses by step").count() == 1


def test_the_comparison_opens_side_by_side_and_slides_on_request(open_page):
    pairs = [(shown("x", 1), shown("x", 2))]
    page = open_page(comparison_page(evaluation("a"), evaluation("b"), DIFFERENCES, pairs))
    places = [image.bounding_box()["x"] for image in page.locator(".views img").all()]
    assert places == sorted(places) and len(set(places)) == 5
    page.get_by_role("checkbox", name="slide between a and b").check()
    under, over = boxes(page)
    assert under == over


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(open_page, report, width):
    pairs = [(shown("a" * 200, 1), shown("a" * 200, 2))]
    long = evaluation("b" * 300, protocol={"sha256": "0" * 300, "k" * 80: "v"})
    for text in (report, comparison_page(long, evaluation(), DIFFERENCES, pairs)):
        page = open_page(text, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_hostile_names_run_nothing(open_page, tmp_path):
    for text in hostile_pages(tmp_path):
        page = open_page(text)
        assert page.locator("img[src='x']").count() == 0
        assert page.locator(".at").count() == 1
