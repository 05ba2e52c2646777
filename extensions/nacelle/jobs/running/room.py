"""How much the outputs of a notebook may hold: what goes over is cut, with a sentence in its place.

An error is always told, if need be with the end of its traceback alone.
"""

from __future__ import annotations

from typing import Any

# What all outputs together may hold; a cell that prints without end must not fill this process.
MOST_OUTPUT = 50_000_000
MOST_OF_ERROR = 100_000
TOO_LARGE = "The outputs are too large: what comes now is not kept."

Content = dict[str, Any]


class Room:
    """What is left for outputs; once something did not fit, it is full."""

    def __init__(self, most: int = MOST_OUTPUT) -> None:
        self._left = most
        self._shown: dict[str, int] = {}
        self.full = False

    def take(
        self, kind: str, content: Content, display: str | None = None, places: int = 0
    ) -> Content | None:
        """What is kept of a message's content; None for nothing.

        What has the id `display` takes the place of what was shown in so many `places` before.
        """
        size = _size(content)
        if kind == "error":
            kept = content if size <= self._left else _shortened(content)
            self._left -= _size(kept)
            return kept
        if self.full:
            return None
        more = 0 if kind == "update_display_data" else size
        if display is not None:
            more += (size - self._shown.get(display, 0)) * places
        if more > self._left:
            kept = _cut(content, max(0, self._left))
            self.full, self._left = True, 0
            return kept
        self._left -= more
        if display is not None:
            self._shown[display] = size
        return content


def _size(content: Content) -> int:
    """About as many signs as its JSON has; numbers and names count nothing."""
    texts = [content.get(name, "") for name in ("text", "evalue", "metadata")]
    texts += content.get("data", {}).values()
    texts += content.get("traceback", ())
    return sum(len(one if isinstance(one, str) else str(one)) for one in texts if one)


def _cut(content: Content, room: int) -> Content:
    if "text" not in content:
        return content | {"data": {"text/plain": TOO_LARGE}, "metadata": {}}
    # Whole lines: half a key would not be known for one when keys are taken out.
    lines, _, _ = content["text"][:room].rpartition("\n")
    return content | {"text": f"{lines}\n{TOO_LARGE}\n"}


def _shortened(content: Content) -> Content:
    """An error with the last lines of its traceback."""
    lines: list[str] = []
    room = MOST_OF_ERROR
    for line in reversed("\n".join(content.get("traceback", ())).split("\n")):
        room -= len(line) + 1
        if room < 0:
            lines.append(TOO_LARGE)
            break
        lines.append(line)
    value = str(content.get("evalue", ""))
    kept = value if len(value) <= MOST_OF_ERROR else TOO_LARGE
    return content | {"traceback": lines[::-1], "evalue": kept}
