"""The page: what stands where, and which handler answers what. Only here is Gradio imported."""

import html
import json
import os
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

# Before Gradio is imported: it reports nothing and asks nobody.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr

from img2img.fields.files import IMAGE_SUFFIXES
from img2img.text import showable
from img2img.ui.door import SESSION
from img2img.ui.engine import Engine
from img2img.ui.handlers import Answer, Handlers
from img2img.ui.scenes import MAX_SIDE
from img2img.ui.studio import Studio
from img2img.ui.uploads import LARGEST

ASSETS = files("img2img.ui") / "assets"
CHANNELS = ("scene", "stage", "strip", "notice", "progress")  # of an answer, for the page's scripts
AT_ONCE = 16  # events; the model renders for one at a time
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "multiple",
    "api_visibility": "private",
}
SENDER = """
window.picker.connect((type, data) => trigger(type, data));
window.picker.work().then((tab) => trigger("start", { tab }));
// the events: 'start' 'pick' 'style' 'whole' 'palette' 'edit' 'upload'
"""
CHANNEL = """
const put = () => props.value && window.picker.put('NAME', JSON.parse(props.value));
watch('value', put);
put();
"""


def build(handlers: Handlers, title: str) -> gr.Blocks:
    """The page, not yet served.

    Args:
        title: the run, for people.
    """
    with gr.Blocks(
        title=f"Style picker: {showable(title)}", analytics_enabled=False, fill_width=True
    ) as page:
        studio = gr.State(None)
        channels = [_channel(name) for name in CHANNELS]
        sender = _html("", SENDER, elem_classes=["channel"])
        scenes = _top(handlers, title)
        _upload_panel(handlers.engine)
        tools = _tools(handlers.engine)
        _part("notice")
        _part("progress")
        _part("help")
        with gr.Tabs():
            with gr.Tab("Styles"):
                _part("stage")
                _part("strip")
            if handlers.engine.labels is not None:
                with gr.Tab("Label map"):
                    _part("editor")

        changing = [tools[name] for name in ("undo", "compare", "redo", "reset", "original")]
        outputs = [*channels, *changing, scenes]
        actions: list[tuple[Any, str, list[Any]]] = [
            (tools[n].click, n, []) for n in ("undo", "redo", "reset", "roll", "save")
        ]
        actions += [(scenes.input, "open", [scenes])]
        for event, name, inputs in actions:
            event(_plain(getattr(handlers, name)), [studio, *inputs], outputs, **QUIET)
        for name in ("pick", "style", "whole", "palette", "edit"):
            action = _with_data(getattr(handlers, name))
            getattr(sender, name)(action, [studio], outputs, **QUIET)
        sender.upload(_with_session(handlers.upload), [studio], outputs, **QUIET)
        sender.start(_starter(handlers), None, [studio, *outputs], **QUIET)
    page.queue(default_concurrency_limit=AT_ONCE, api_open=False)
    return page


def _top(handlers: Handlers, title: str) -> gr.Dropdown:
    """Which run, which picture, and the button for own files; gives the list of pictures."""
    offers = [(showable(offer.name), number) for number, offer in enumerate(handlers.offers)]
    with gr.Row(elem_id="top"):
        gr.HTML(
            f"<h1>Style picker</h1><p>{html.escape(showable(title))}</p>",
            elem_id="title",
            padding=False,
        )
        scenes = gr.Dropdown(
            offers,
            value=0 if offers else None,
            show_label=False,
            container=False,
            elem_id="scenes",
            interactive=True,
        )
        gr.Button("Open a file…", elem_id="upload", size="sm")
        return scenes


def _tools(engine: Engine) -> dict[str, gr.Button]:
    """The row of buttons, by their ids."""
    texts = {
        "undo": "Undo",
        "redo": "Redo",
        "reset": "Reset",
        "roll": "Roll the dice",
        "compare": "Hold: last step",
        "original": "Hold: original",
        "keys": "Keys",
        "save": "Save",
    }
    ready = {"save", "keys"} | ({"roll"} if engine.book else set())
    with gr.Row(elem_id="tools"):
        return {
            name: gr.Button(text, elem_id=name, interactive=name in ready)
            for name, text in texts.items()
        }


def theme() -> gr.themes.Base:
    """Fonts of the system alone: nothing is fetched."""
    fonts = [gr.themes.Font(name) for name in ("system-ui", "sans-serif")]
    mono = [gr.themes.Font(name) for name in ("ui-monospace", "monospace")]
    return gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=mono)


def asset(name: str) -> str:
    """A file that belongs to the page."""
    return (ASSETS / name).read_text(encoding="utf-8")


def _html(template: str, script: str, **how: Any) -> gr.HTML:
    return gr.HTML(
        html_template=template,
        js_on_load=script,
        head="".join(
            f"<script>{asset(name)}</script>" for name in ("bus.js", "keys.js", "zoom.js")
        ),
        apply_default_css=False,
        **how,
    )


def _channel(name: str) -> gr.HTML:
    """A value that the server sets and the page's scripts read; nothing to be seen."""
    return _html("", CHANNEL.replace("NAME", name), elem_classes=["channel"])


def _part(name: str) -> gr.HTML:
    return _html(asset(f"{name}.html"), asset(f"{name}.js"), elem_id=name)


def _upload_panel(engine: Engine) -> None:
    """The panel for a person's own files, closed at first."""
    hint = f"At most {MAX_SIDE} pixels on a side."
    if engine.instances is not None:
        hint += " Without an instance map, the connected areas of a class are its objects."
    texts = {
        "KIND": "Label map" if engine.labels is not None else "Picture",
        "SUFFIXES": ",".join(IMAGE_SUFFIXES),
        "HINT": hint,
        "LARGEST": str(LARGEST),
        "OBJECTS": "" if engine.instances is not None else "hidden",
        "STYLES": "" if engine.translator.style_input else "hidden",
    }
    template = asset("upload.html")
    for name, text in texts.items():
        template = template.replace(name, text)
    _html(template, asset("upload.js"), elem_id="upload-panel")


def _starter(handlers: Handlers) -> Callable[[gr.EventData], Iterator[list[Any]]]:
    def start(event: gr.EventData) -> Iterator[list[Any]]:
        studio, answers = handlers.start(event._data["tab"])
        for answer in answers:
            yield [studio, *_values(answer)]

    return start


def _plain(action: Callable[..., Iterator[Answer]]) -> Callable[..., Iterator[list[Any]]]:
    def run(studio: Studio, *values: Any) -> Iterator[list[Any]]:
        for answer in action(studio, *values):
            yield _values(answer)

    return run


def _with_data(action: Callable[..., Iterator[Answer]]) -> Callable[..., Iterator[list[Any]]]:
    def run(studio: Studio, event: gr.EventData) -> Iterator[list[Any]]:
        for answer in action(studio, event._data):
            yield _values(answer)

    return run


def _with_session(action: Callable[..., Iterator[Answer]]) -> Callable[..., Iterator[list[Any]]]:
    def run(studio: Studio, event: gr.EventData, request: gr.Request) -> Iterator[list[Any]]:
        assert request.request is not None  # Gradio has none where no browser asks
        for answer in action(studio, event._data, request.request.scope[SESSION]):
            yield _values(answer)

    return run


def _values(answer: Answer) -> list[Any]:
    """An answer as values of the outputs; what it does not name stays as it is."""
    # As texts: Gradio's page would watch every number of an object for changes.
    values = [json.dumps(answer[n]) if n in answer else gr.skip() for n in CHANNELS]
    stage = answer.get("stage")
    for key in (
        "undo",
        "undo",
        "redo",
        "changed",
        "changed",
    ):  # to compare with is what undo leads to
        values.append(gr.update(interactive=bool(stage[key])) if stage else gr.skip())
    if "opened" not in answer:
        return [*values, gr.skip()]
    opened = answer["opened"]
    choices = [(showable(name), number) for number, name in opened["choices"]]
    return [*values, gr.update(choices=choices, value=opened["place"])]
