"""The picker in a real browser: a server of its own, and what a person does on the page."""

import base64
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds: a loaded machine is slow
ROOT = Path(__file__).resolve().parents[2]
# One thread: on networks as small as the tests', several only wait for one another.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class Server:
    """`img2img pick-style` as a process of its own.

    Attributes:
        address: where the page is.
        cwd: the folder in which it runs.
        log: what it printed so far.
    """

    def __init__(self, *arguments: str, cwd: Path, **environment: str):
        command = [sys.executable, str(ROOT / "tools" / "pick_style.py"), *arguments]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--no-browser", "--device", "cpu"],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**ENVIRONMENT, **environment},
        )
        self.cwd, self.log = cwd, []
        self.address = ""
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(120), "".join(self.log)
        assert self.address, "".join(self.log)

    def _read(self) -> None:
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"http://\S+", line):
                self.address = found[0]
                self._ready.set()
        self._ready.set()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Picker:
    """A tab, and what can be done in it.

    Attributes:
        hosts: other machines that the page asked for something.
        errors: what the browser complained about.
    """

    def __init__(self, page, address: str):
        self.page, self.hosts, self.errors = page, set(), []
        own = address.split("/")[2]
        page.set_default_timeout(PATIENCE)

        def look(request) -> None:
            host = request.url.split("/")[2] if "://" in request.url else ""
            if host and host != own:
                self.hosts.add(host)

        page.on("request", look)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.come(address)

    def come(self, address: str | None = None) -> None:
        """Loads the page, anew without an address."""
        self.page.goto(address) if address else self.page.reload()
        self.page.wait_for_selector("#stage img[src^='data:']")
        self.page.wait_for_function("document.querySelector('#stage [data-serial]')")

    @property
    def serial(self) -> int:
        return int(self.page.locator("#stage [data-serial]").get_attribute("data-serial"))

    def wait(self, act) -> None:
        """Does something and waits for the page's answer."""
        old = self.serial
        act()
        self.page.wait_for_function(
            "old => Number(document.querySelector('#stage [data-serial]').dataset.serial) > old",
            arg=old,
            polling=10,
        )

    def picture(self) -> np.ndarray:
        """What is shown, uint8 RGB (H, W, 3)."""
        url = self.page.locator("#stage img").get_attribute("src")
        data = np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(int)

    def place(self, part: str, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        """A pixel of the picture as a point within the page's frame; size (height, width)."""
        box = self.page.locator(f"#{part} .frame").bounding_box()
        return x / size[1] * box["width"], y / size[0] * box["height"]

    def click(self, x: float, y: float, size: tuple[int, int], part: str = "stage") -> None:
        left, top = self.place(part, x, y, size)
        frame = self.page.locator(f"#{part} .frame")
        self.wait(lambda: frame.click(position={"x": left, "y": top}))

    def drag(self, points: Sequence[tuple[float, float]], size: tuple[int, int]) -> None:
        """A stroke on the label map."""
        box = self.page.locator("#editor .frame").bounding_box()
        mouse = self.page.mouse

        def act() -> None:
            for number, (x, y) in enumerate(points):
                left, top = self.place("editor", x, y, size)
                mouse.move(box["x"] + left, box["y"] + top, steps=4)
                if number == 0:
                    mouse.down()
            mouse.up()

        self.wait(act)

    def styles(self) -> list[str]:
        """The styles on offer, when all their thumbnails are there."""
        self.page.wait_for_selector("#strip [data-ready=true] .card img")
        return self.page.locator("#strip .card small").all_inner_texts()

    @property
    def current(self) -> str:
        return self.page.locator("#strip .card[aria-pressed=true] small").inner_text()

    def choose(self, style: str) -> None:
        card = self.page.locator(f"#strip .card[data-style='{style}']")
        self.wait(card.click)

    def notice(self, kind: str) -> str:
        box = self.page.locator(f".notice.{kind}:visible")
        box.wait_for()
        return box.inner_text()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()
        part = {"Styles": "stage", "Label map": "editor"}[name]
        self.page.wait_for_selector(f"#{part} .frame:visible")
        self.page.wait_for_function(
            f"document.querySelector('#{part} .frame').getBoundingClientRect().width > 50"
        )

    def upload(
        self, label: Path | None, instances: Path | None = None, look: Path | None = None
    ) -> None:
        page = self.page
        if not page.locator("#upload-panel").is_visible():
            page.click("#upload")
            page.wait_for_selector("#upload-panel:visible")
        inputs = page.locator("#upload-panel input[type=file]")
        for number, path in enumerate([label, instances, look]):
            if path is not None:
                inputs.nth(number).set_input_files(path)
        page.click("#upload-panel .open")
