"""The route that Insee's clients call: POST /predict/ with forms, numbered codes as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nacelle.nace.prediction import Prediction
from nacelle.nace.serving.wire import MOST_CODES, TextItem

TEXT = "description_activity"
_DIGITS = 6


class InseeRequest(msgspec.Struct, frozen=True):
    """A batch of forms; a form's fields beside the text count where the model declares them."""

    forms: Annotated[
        list[dict[str, str | None]],
        Meta(examples=[[{TEXT: "coiffeur", "type_form": "A", "nature": "99"}]]),
    ]


class InseeOptions(msgspec.Struct, frozen=True):
    """The query of the route."""

    nb_echos_max: Annotated[int, Meta(ge=1, le=MOST_CODES, description="Most codes a text.")] = 5
    prob_min: Annotated[float, Meta(ge=0, le=1, description="Codes below it are left out.")] = 0.01


class InseeCode(msgspec.Struct, frozen=True):
    """One code of an answer."""

    code: str
    probabilite: float
    libelle: str


def items_of(request: InseeRequest, declared: Sequence[str]) -> list[TextItem]:
    """The forms as texts with the side variables that the model declares."""
    return [
        TextItem(
            form.get(TEXT) or "",
            side={name: form.get(name) or "" for name in declared if name in form},
        )
        for form in request.forms
    ]


def answer_of(prediction: Prediction, least: float) -> dict[str, Any]:
    """Codes under their rank, best first, the confidence index and the model's version.

    A text that was rejected has no code, and the index 0.
    """
    kept = [one for one in prediction.top if one.probability >= least]
    ranked: dict[str, Any] = {
        str(rank): InseeCode(one.code, round(one.probability, _DIGITS), one.title)
        for rank, one in enumerate(kept, 1)
    }
    return ranked | {"IC": round(prediction.index, _DIGITS), "MLversion": prediction.model_version}
