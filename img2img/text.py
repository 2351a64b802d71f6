"""Text that can be shown: in pictures, on the terminal and in pages."""

import re

# Characters that move the cursor or switch a terminal's colours; lines and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def showable(text: object) -> str:
    """Anything as text that every font, terminal and page can be handed.

    Names of files may hold bytes that are no UTF-8, which Python hands out as lone surrogates
    (PEP 383). No encoder takes these, and OpenCV dies of them. Bytes that are UTF-8 after all, as in
    a locale that knows only ASCII, become the characters that they are; others are spelt out, `\\xdf`,
    as are control characters.
    """
    text = str(text)
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no byte, as in names from Windows
        text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
