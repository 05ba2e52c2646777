"""What is kept of each answer: one type for the service, monitoring, annotation and the desk."""

from __future__ import annotations

from typing import Annotated

import msgspec

from nacelle.nace.prediction import Prediction

# What an Arrow int32 holds: a record that was read can be compacted.
Position = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class PredictionRecord(Prediction, frozen=True):
    """An answer that was given: the prediction, to whom, and from what beside the text.

    As JSON it is flat. `position` is that of the text in its request: (`request_id`, `position`)
    identifies the record. `caller` is 'user:alice', 'service:desk', 'key:<id>' or 'anonymous'.
    `language` is an ISO 639-1 code or ''. `side` has the side variables by name.
    """

    position: Position = 0
    caller: str = ""
    language: str = ""
    side: dict[str, str] = msgspec.field(default_factory=dict)


class RecordsUnwritable(Exception):
    """An answer could not be recorded; the message is a sentence for whoever asked."""
