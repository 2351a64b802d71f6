"""Writes docs/settings.md from the settings' own descriptions."""

from pathlib import Path

from img2img.manual import settings_page
from img2img.models import OPTIONS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

if __name__ == "__main__":
    PAGE.write_text(settings_page(OPTIONS), encoding="utf-8")
