"""Logs of runs in pieces, cut between characters."""

from __future__ import annotations

import codecs
from pathlib import Path

# At once: readers ask again from where the answer ended.
LOG_BYTES = 1_000_000


def read_log(path: Path, offset: int, tail: int | None = None) -> tuple[str, int]:
    """Text from byte `offset` on, or the last `tail` bytes; and the byte to go on from.

    What stands there is still being written: a character that is not whole is left for later.
    """
    try:
        with path.open("rb") as file:
            if tail is not None:
                size = file.seek(0, 2)
                offset = max(size - tail, 0)
            file.seek(offset)
            found = file.read(LOG_BYTES)
    except FileNotFoundError:
        return "", offset
    if tail is not None:
        # A tail may begin within a character.
        start = next((i for i, byte in enumerate(found[:4]) if byte & 0xC0 != 0x80), 0)
        offset, found = offset + start, found[start:]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(found)
    return text, offset + len(found) - len(decoder.getstate()[0])
