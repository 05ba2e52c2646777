"""Texts as the bodies of requests: batches cut by their number of texts and by their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from nacelle.nace.client_errors import ClientError
from nacelle.nace.serving.wire import TextItem

# What a text may be: None, and the NaN of tables, are texts of nothing.
Text = str | TextItem | float | None

_encode = msgspec.json.Encoder().encode
_START, _END = b'{"texts":[', b"]"
# Room for the options beside the texts.
_ROOM = 1_000


@dataclass
class Limits:
    """What one request may hold. Lowered where the service turns out to allow less."""

    texts: int
    body_bytes: int
    text_length: int


@dataclass(frozen=True)
class Options:
    """What is asked of every text of a call."""

    top: int = 5
    level: int | None = None
    threshold: float | None = None
    language: str = ""

    def encoded(self) -> bytes:
        """The rest of a body, from behind the texts on."""
        given = {"level": self.level, "threshold": self.threshold, "language": self.language}
        asked = {"top": self.top} | {name: one for name, one in given.items() if one}
        if self.threshold is not None:
            asked["threshold"] = self.threshold
        return b"," + _encode(asked)[1:]


@dataclass(frozen=True)
class Batch:
    """Some texts, each as JSON, and the characters of each."""

    parts: Sequence[bytes]
    lengths: Sequence[int]

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def size(self) -> int:
        """The bytes of its body, options included."""
        return sum(map(len, self.parts)) + len(self.parts) + _ROOM

    def body(self, options: Options) -> bytes:
        """The request."""
        return _START + b",".join(self.parts) + _END + options.encoded()

    def pick(self, positions: Iterable[int]) -> Batch:
        """The texts at these positions."""
        chosen = list(positions)
        return Batch([self.parts[i] for i in chosen], [self.lengths[i] for i in chosen])


def cut(texts: Iterable[Text], limits: Limits) -> Iterator[Batch]:
    """The texts in batches, in their order, read no further than for the next batch.

    A text that alone is more than a body may hold is a batch of its own. Raises ClientError for
    what is no text.
    """
    parts: list[bytes] = []
    lengths: list[int] = []
    size = _ROOM
    for number, text in enumerate(texts, 1):
        part, length = _encoded(text, number)
        if parts and (len(parts) >= limits.texts or size + len(part) + 1 > limits.body_bytes):
            yield Batch(parts, lengths)
            parts, lengths, size = [], [], _ROOM
        parts.append(part)
        lengths.append(length)
        size += len(part) + 1
    if parts:
        yield Batch(parts, lengths)


def _encoded(text: Text, number: int) -> tuple[bytes, int]:
    if text is None or (isinstance(text, float) and text != text) or _is_na(text):
        return b'""', 0
    if isinstance(text, str):
        # Those of numpy are str too, and yet not to the encoder.
        return _json(str(text)), len(text)
    if isinstance(text, TextItem):
        return _json(text), len(text.text)
    raise ClientError(
        f"Text {number} is of the type {type(text).__name__}; give texts, or TextItems."
    )


def _is_na(value: object) -> bool:
    """Whether it is pandas' own word for nothing; pandas itself takes a second to import."""
    return type(value).__name__ == "NAType"


def _json(value: str | TextItem) -> bytes:
    try:
        return _encode(value)
    except UnicodeEncodeError:
        # Halves of characters, which no UTF-8 has.
        if isinstance(value, str):
            return _encode(_whole(value))
        side = {_whole(name): _whole(one) for name, one in value.side.items()}
        return _encode(TextItem(_whole(value.text), _whole(value.language), side))


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
