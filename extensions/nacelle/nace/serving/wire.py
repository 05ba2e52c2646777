"""What the API takes and gives, as msgspec types: the hot route decodes and checks with them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from nacelle.nace.prediction import Prediction

MOST_CODES = 50
# Longer than any name of a language, and short enough for a log.
_LANGUAGE = 35

Language = Annotated[
    str,
    Meta(
        max_length=_LANGUAGE,
        description="ISO 639-1 code of the text's language, e.g. fr; empty: it is guessed.",
        examples=["en"],
    ),
]
Side = Annotated[
    dict[str, str],
    Meta(
        description="Columns beside the text that the model declares (see /v1/model).",
        examples=[{}],
    ),
]


class TextItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text of a batch with what stands beside it."""

    text: Annotated[str, Meta(description="The activity in words.", examples=["Retail of bread"])]
    language: Language = ""
    side: Side = {}


class ClassifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text, or a batch of texts, to be coded. Give `text` or `texts`."""

    text: Annotated[
        str | None, Meta(description="One activity in words.", examples=["Growing of grapes"])
    ] = None
    texts: Annotated[
        list[str | TextItem] | None,
        Meta(description="A batch: texts, or objects with text, language and side."),
    ] = None
    language: Language = ""
    side: Side = {}
    top: Annotated[int, Meta(ge=1, le=MOST_CODES, description="How many codes to give.")] = 5
    level: Annotated[int, Meta(ge=1, le=20, description="Level of the codes, 1 = top.")] | None = (
        None
    )
    threshold: (
        Annotated[
            float,
            Meta(ge=0, le=1, description="Confidence index from which an answer is automatic."),
        ]
        | None
    ) = None


class ClassifyAnswer(msgspec.Struct, frozen=True):
    """The answers, in the order of the texts. They are forecasts, not decisions."""

    request_id: str
    predictions: list[Prediction]
