"""The page in Chromium, clicked through as a person does."""

import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
from browser import CHROMIUM, ENVIRONMENT, Picker, Server
from scipy.ndimage import binary_dilation

from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.fields.files import read_ids, read_image, write_image

pytest.importorskip("gradio", reason="the page needs Gradio: the extra [ui]")
playwright = pytest.importorskip("playwright.sync_api", reason="the extra [test] has Playwright")
if not CHROMIUM.exists():
    pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium", allow_module_level=True)

SIZE = (32, 64)
CAR, PERSON = 6, 7


@pytest.fixture(scope="module")
def server(styled_run, street_files, tmp_path_factory):
    server = Server(
        str(street_files), "--run", str(styled_run), cwd=tmp_path_factory.mktemp("served")
    )
    yield server
    server.stop()
    assert "Traceback" not in "".join(server.log)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as tool:
        # Root, as in containers, has no sandbox.
        browser = tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium, server):
    contexts = []

    def open_one(width=1280, height=800, **how):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **how))
        return Picker(contexts[-1].new_page(), server.address)

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def picker(open_tab):
    picker = open_tab()
    yield picker
    assert not picker.hosts and not picker.errors


@pytest.fixture(scope="module")
def car(street):
    """The id of the largest car, and the coordinates of a pixel of it."""
    ids = [i for i in np.unique(street.instance).tolist() if i // 1000 == CAR]
    ident = max(ids, key=lambda i: (street.instance == i).sum())
    rows, columns = np.nonzero(street.instance == ident)
    middle = len(rows) // 2
    return ident, columns[middle] + 0.5, rows[middle] + 0.5


def pick(picker, car):
    ident, x, y = car
    picker.click(x, y, SIZE)
    assert picker.page.locator("#stage [data-selected]").get_attribute("data-selected") == str(
        ident
    )
    return picker.styles()


def test_a_whole_session(picker, server, car, street):
    """Pick an object and a style, undo, paint a label, save; the files render the same."""
    page = picker.page
    ident = car[0]
    names = pick(picker, car)
    assert len(names) == 3
    first = picker.picture()
    thumbs = page.locator("#strip .card img").evaluate_all("all => all.map(i => i.src)")
    assert len(set(thumbs)) == 3, "every thumbnail shows another style"

    changes = {}
    for name in [n for n in names if n != picker.current]:
        picker.choose(name)
        assert picker.current == name
        changes[name] = np.abs(picker.picture() - first).mean(2)
    inside = street.instance == ident
    # Instance norm spreads every change a little, convolutions over a few pixels.
    outside = ~binary_dilation(inside, iterations=6)
    strongest = max(changes.values(), key=lambda c: c[inside].mean())
    assert strongest[inside].mean() > 5
    assert strongest[inside].mean() > 4 * strongest[outside].mean()

    picker.wait(lambda: page.keyboard.press("Control+z"))
    picker.wait(lambda: page.click("#undo"))
    assert (picker.picture() == first).all()
    picker.wait(lambda: page.keyboard.press("Control+Shift+z"))
    assert (picker.picture() != first).any()

    picker.tab("Label map")
    page.locator(".legend button", has_text="person").click()
    page.get_by_role("button", name="New object").click()
    picker.drag([(30, 24), (30, 30)], SIZE)
    page.wait_for_function("document.querySelector('#editor .result img').src.length > 100")
    picker.tab("Styles")
    changed = np.abs(picker.picture() - first).mean(2)
    assert changed[25:30, 29:32].mean() > 5

    page.click("#save")
    assert "Saved 4 files" in picker.notice("done")
    command = shlex.split(page.locator(".notice code").inner_text())
    assert command[:2] == ["img2img", "translate"]
    run = [sys.executable, "-m", *command, "--out", "again.png", "--device", "cpu"]
    result = subprocess.run(run, cwd=server.cwd, capture_output=True, text=True, env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr
    folder = server.cwd
    saved = sorted((folder / "styled").glob("*-1.png"))[0]
    assert (folder / "again.png").read_bytes() == saved.read_bytes()
    label = read_ids(saved.with_name(f"{saved.stem}_label.png"))
    instance = read_ids(saved.with_name(f"{saved.stem}_instance.png"))
    assert (label[25:30, 30] == PERSON).all()
    assert instance[27, 30] // 1000 == PERSON and instance[27, 30] not in street.instance
    with page.expect_download() as download:
        page.locator(".notice a", has_text="style.json").click()
    assert download.value.path().read_bytes() == saved.with_suffix(".style.json").read_bytes()
    shown = picker.picture()
    assert np.abs(read_image(saved).astype(int) - shown).max() <= 1


def test_keys_and_compare(picker, car):
    page = picker.page
    names = pick(picker, car)
    first = page.locator("#stage img").get_attribute("src")
    at = names.index(picker.current)
    picker.wait(lambda: page.keyboard.press("ArrowRight"))
    assert picker.current == names[(at + 1) % 3]
    second = page.locator("#stage img").get_attribute("src")
    page.keyboard.down("c")
    assert page.locator("#stage img").get_attribute("src") == first
    page.keyboard.up("c")
    assert page.locator("#stage img").get_attribute("src") == second
    page.locator("#compare").dispatch_event("pointerdown")
    assert page.locator("#stage img").get_attribute("src") == first
    page.locator("#compare").dispatch_event("pointerup")
    picker.wait(lambda: page.keyboard.press("ArrowLeft"))
    assert picker.current == names[at]
    serial = picker.serial
    page.locator("#scenes input").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+z")
    page.wait_for_timeout(400)
    assert picker.serial == serial, "keys belong to a field that is typed in"


@pytest.mark.slow
def test_the_original_zoom_and_objects_by_keys(picker, car):
    """O shows the first of three pictures; a zoomed point stays under the pointer; N goes round."""
    page, image = picker.page, picker.page.locator("#stage img")
    first = image.get_attribute("src")
    names = pick(picker, car)
    for name in [n for n in names if n != picker.current]:
        picker.choose(name)
    page.keyboard.down("o")
    assert image.get_attribute("src") == first
    assert page.locator("#stage .tip").inner_text() == "the original"
    page.keyboard.up("o")
    assert image.get_attribute("src") != first

    frame, view = page.locator("#stage .frame"), page.locator("#stage .view").bounding_box()
    old = frame.bounding_box()
    x, y = view["x"] + 0.75 * view["width"], view["y"] + 0.25 * view["height"]
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('#stage .view').classList.contains('zoomed')")
    new = frame.bounding_box()
    factor = new["width"] / old["width"]
    assert 2.5 < factor < 3
    assert abs((x - new["x"]) / factor - (x - old["x"])) < 2
    assert abs((y - new["y"]) / factor - (y - old["y"])) < 2
    assert page.locator("#stage .view").bounding_box() == view
    serial = picker.serial
    page.mouse.down()
    page.mouse.move(x - 40, y + 30, steps=4)
    page.mouse.up()
    moved = frame.bounding_box()
    assert abs(moved["x"] - new["x"] + 40) < 2 and abs(moved["y"] - new["y"] - 30) < 2
    seen = set()
    for _ in range(page.evaluate("window.picker.state.scene.objects.length")):
        picker.wait(lambda: page.keyboard.press("n"))
        seen.add(page.evaluate("window.picker.state.stage.selected"))
    assert seen == set(page.evaluate("window.picker.state.scene.objects.map(o => o[0])"))
    assert picker.serial > serial
    page.keyboard.press("0")
    assert frame.bounding_box() == old

    picker.wait(lambda: page.click("#save"))
    picker.notice("done")
    assert frame.bounding_box() == old, "a message moves nothing"
    page.keyboard.press("?")
    assert "next, previous object" in page.locator("dialog.help").inner_text()


@pytest.mark.slow
def test_styles_are_copied_mixed_and_liked(picker, car, street):
    """By keys from car to car; by the slider to a style between two; a star moves a card first."""
    page = picker.page
    names = pick(picker, car)
    picker.choose(next(n for n in names if n != picker.current))
    name = picker.current
    picker.wait(lambda: page.keyboard.press("Control+c"))
    other = next(i for i in np.unique(street.instance) if i // 1000 == CAR and i != car[0])
    y, x = np.argwhere(street.instance == other)[0]
    picker.click(x + 0.5, y + 0.5, SIZE)
    picker.styles()
    if picker.current == name:
        picker.choose(next(n for n in names if n != name))
    picker.wait(lambda: page.keyboard.press("Control+v"))
    assert picker.current == name
    slide = "e => { e.value = 40; e.dispatchEvent(new Event('change')); }"
    picker.wait(lambda: page.locator("#strip .mix input").evaluate(slide))
    second = page.locator("#strip .mix select").input_value()
    assert page.locator("#strip .style").inner_text() == f"{name} with 40 % {second}"
    picker.styles()
    last = page.locator("#strip .card").last
    liked = last.get_attribute("data-style")
    last.hover()
    last.locator("i").click()
    assert picker.styles()[0] == liked
    picker.come()
    pick(picker, car)
    assert picker.styles()[0] == liked


def test_whole_class_dice_and_reset(picker, car):
    page = picker.page
    names = pick(picker, car)
    first = picker.picture()
    picker.choose(next(n for n in names if n != picker.current))
    one = picker.picture()
    picker.wait(lambda: page.locator("#strip .whole").click())
    assert (picker.picture() != one).any()
    picker.wait(lambda: page.click("#roll"))
    picker.wait(lambda: page.click("#reset"))
    assert (picker.picture() == first).all()


def test_label_tools(picker, car):
    page = picker.page
    ident, x, y = car
    picker.tab("Label map")

    def tool(name, cls=None):
        page.get_by_role("button", name=name).click()
        if cls:
            page.locator(".legend button", has_text=cls).click()

    def name_at(x, y):
        left, top = picker.place("editor", x, y, SIZE)
        box = page.locator("#editor .frame").bounding_box()
        page.mouse.move(box["x"] + left, box["y"] + top)
        return page.locator("#editor .tip").inner_text()

    assert name_at(x, y) == f"car {ident}"
    tool("Fill", "tree")
    picker.click(x, y, SIZE, "editor")
    assert name_at(x, y).startswith("tree")
    picker.wait(lambda: page.keyboard.press("Control+z"))
    assert name_at(x, y) == f"car {ident}"
    tool("Erase")
    assert name_at(x, y).startswith(f"car {ident}: a click removes it; ")
    ring = page.locator("#editor canvas.ring")
    red = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => !(i % 4) && v === 200).length"
    assert ring.evaluate(red) > 20, "an outline of what will go"
    picker.click(x, y, SIZE, "editor")
    assert not name_at(x, y).startswith(f"car {ident}")
    tool("Replace class", "grass")
    picker.click(1.5, 1.5, SIZE, "editor")
    assert name_at(1.5, 1.5) == "grass"
    picker.wait(lambda: page.click("#reset"))
    assert name_at(x, y) == f"car {ident}"


@pytest.mark.slow
def test_nothing_is_forgotten(open_tab, server, car):
    """Reload, close and open: the work is there; leaving asks first, and a second tab is its own."""
    picker = open_tab()
    context, page = picker.page.context, picker.page
    before = picker.picture()
    names = pick(picker, car)
    picker.choose(next(n for n in names if n != picker.current))
    done = picker.picture()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    picker.come()
    assert asked == ["beforeunload"]
    assert (picker.picture() == done).all() and page.locator("#undo").is_enabled()

    second = Picker(context.new_page(), server.address)
    assert (second.picture() == before).all(), "a tab beside it has work of its own"
    second.page.close()
    page.close()
    third = Picker(context.new_page(), server.address)
    assert (third.picture() == done).all(), "the work of the tab that was closed"
    third.page.click("#save")
    third.notice("done")
    assert not third.page.locator("body.picker-unsaved").count()


@pytest.mark.slow
def test_two_tabs_do_not_disturb_each_other(open_tab, car):
    one, two = open_tab(), open_tab()
    before = two.picture()
    names = pick(one, car)
    pick(two, car)
    one.choose(next(n for n in names if n != one.current))
    assert (one.picture() != before).any()
    assert (two.picture() == before).all()
    assert two.page.locator("#undo").is_disabled() and one.page.locator("#undo").is_enabled()


def test_uploads(picker, street, tmp_path):
    page = picker.page
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    picker.upload(text)
    assert "not a picture" in picker.notice("error")
    page.reload()
    page.wait_for_selector("#stage img[src^='data:']")
    wide = tmp_path / "wide-map.png"
    write_image(wide, np.zeros((2, 20_000), np.uint8))
    picker.upload(wide)
    message = picker.notice("error")
    assert "20000 x 2 pixels" in message and "4096" in message
    assert "/" not in message.replace("translate`", ""), "no paths of the server"
    page.reload()
    page.wait_for_selector("#stage img[src^='data:']")
    label, instance = tmp_path / "label-map.png", tmp_path / "things.png"
    write_image(label, street.label)
    write_image(instance, street.instance[:, :40].astype(np.uint16))
    picker.upload(label, instance)
    assert "40x32" in picker.notice("error")
    page.reload()
    page.wait_for_selector("#stage img[src^='data:']")
    page.wait_for_function("document.querySelector('#stage [data-serial]')")
    picker.wait(lambda: picker.upload(label))
    page.wait_for_selector("#upload-panel", state="hidden")
    assert picker.picture().shape == (32, 64, 3)


@pytest.mark.slow
def test_a_larger_picture(picker, tmp_path):
    scene = draw_scene(VAL_OFFSET, height=384, width=768)
    label, instance = tmp_path / "large-label.png", tmp_path / "large-things.png"
    write_image(label, scene.label)
    write_image(instance, scene.instance.astype(np.uint16))
    picker.wait(lambda: picker.upload(label, instance))
    assert picker.picture().shape == (384, 768, 3)
    said = picker.page.locator(".progress p")
    assert said.text_content().startswith("Rendering 768 x 384 pixels") and said.is_hidden()
    picker.tab("Label map")
    picker.drag([(200, 300), (400, 310), (500, 300)], (384, 768))
    picker.wait(lambda: picker.page.keyboard.press("Control+z"))


@pytest.mark.slow
def test_a_browser_that_is_closed_in_mid_render(chromium, server, open_tab, car):
    for _ in range(3):
        context = chromium.new_context()
        hasty = Picker(context.new_page(), server.address)
        hasty.page.locator("#stage .frame").click()
        hasty.page.click("#roll")
        context.close()
    assert len(pick(open_tab(), car)) == 3


@pytest.mark.parametrize("width, height", [(1280, 800), (1920, 1080), (390, 844)])
def test_nothing_overlaps_or_sticks_out(open_tab, car, width, height):
    how = {"device_scale_factor": 3, "has_touch": True} if width < 500 else {}
    picker = open_tab(width, height, **how)
    pick(picker, car)
    styles = ["#title", "#scenes", "#upload", "#tools", ".tab-wrapper", "#stage", "#strip"]
    check_boxes(picker.page, styles, width)
    if width > 500:
        strip = picker.page.locator("#strip").bounding_box()
        assert strip["y"] + strip["height"] <= height, "all of it fits the window"
    picker.tab("Label map")
    parts = ["#tools", ".tab-wrapper", "#editor .tools", "#editor .hint", "#editor .map .frame"]
    check_boxes(picker.page, [*parts, "#editor .side"], width)


@pytest.mark.slow
def test_one_theme(open_tab):
    page = open_tab(color_scheme="dark").page
    assert page.evaluate("document.body.className.includes('dark')") is False


@pytest.mark.slow
def test_it_ends_with_tabs_open(chromium, styled_run, street_files, tmp_path):
    server = Server(str(street_files), "--run", str(styled_run), cwd=tmp_path)
    context = chromium.new_context()
    try:
        Picker(context.new_page(), server.address)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 130
        assert "Traceback" not in "".join(server.log)
    finally:
        context.close()
        server.stop()


def check_boxes(page, selectors, width):
    boxes = {s: page.locator(s).first.bounding_box() for s in selectors}
    for name, box in boxes.items():
        assert box["x"] >= 0 and box["x"] + box["width"] <= width + 0.5, name
    listed = list(boxes.items())
    for i, (name, a) in enumerate(listed):
        for other, b in listed[i + 1 :]:
            across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
            down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
            assert across <= 0.5 or down <= 0.5, f"{name} overlaps {other}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
