"""What the API says of its model and of the nomenclature, as it appears in the API."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel, Field

from nacelle.nace.card import card_text
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.notes import Notes
from nacelle.nace.serving.engine import Serving


class NomenclatureInfo(BaseModel):
    """A nomenclature in one of its versions."""

    name: str
    version: str
    label: str
    levels: int
    languages: list[str] = Field(description="Languages of the titles.")


class Guarantee(BaseModel):
    """What was proved on a gold standard: accuracy at or above `threshold`, at the risk `delta`."""

    threshold: float
    target: float = Field(description="The accuracy that is proved.")
    delta: float = Field(description="The risk that the proof is wrong.")
    rows: int = Field(description="Texts of the gold standard.")
    coded: float = Field(description="Share of them coded automatically.")
    accuracy: float | None = Field(description="Accuracy seen among those.")
    lower: float | None = Field(description="Accuracy proved among those.")
    gold: str
    time: str


class ModelInfo(BaseModel):
    """The model that serves."""

    name: str
    version: str = Field(description="Digest of its content.")
    registry: str = Field(description="Address that was followed in MLflow's registry.")
    registry_version: str
    taken: str = Field(description="Since when it serves (ISO 8601).")
    nomenclature: NomenclatureInfo
    level: int = Field(description="Level of the codes it gives.")
    codes: int = Field(description="How many codes it may give.")
    languages: list[str] = Field(description="Languages of the texts it is made for.")
    side: list[str] = Field(description="Side variables that it declares.")
    threshold: float | None = Field(description="Threshold of automatic coding, if one is proved.")
    guarantee: Guarantee | None
    metrics: dict[str, Any] | None = Field(description="Figures on rows it had not learnt.")
    card: str = Field(description="The model card, in Markdown.")


class CodeTitle(BaseModel):
    """A code and its title."""

    code: str
    title: str


class FoundCode(CodeTitle):
    """A code that a search found."""

    level: int
    score: float | None = Field(description="How well it fits; null where it is the code itself.")


class NotesInfo(BaseModel):
    """The explanatory notes of a code."""

    includes: str
    includes_also: str
    excludes: str
    rule: str = Field(description="The implementation rule.")


class CodeInfo(CodeTitle):
    """A code with what surrounds it."""

    level: int
    titles: dict[str, str] = Field(description="The title by language.")
    notes: dict[str, NotesInfo] = Field(description="The notes by language.")
    parents: list[CodeTitle] = Field(description="From the top downwards.")
    children: list[CodeTitle]
    nomenclature: str
    version: str


def model_info(serving: Serving) -> ModelInfo:
    """All that is known of the model that serves."""
    classifier, current = serving.classifier, serving.current
    nomenclature = classifier.nomenclature
    return ModelInfo(
        name=classifier.name,
        version=classifier.version,
        registry=current.uri,
        registry_version=current.registry_version,
        taken=current.taken,
        nomenclature=NomenclatureInfo(
            name=nomenclature.name,
            version=nomenclature.version,
            label=nomenclature.label,
            levels=nomenclature.depth,
            languages=list(nomenclature.languages),
        ),
        level=serving.level,
        codes=len(classifier.classes),
        languages=list(classifier.text.languages),
        side=list(classifier.text.side),
        threshold=serving.threshold,
        guarantee=_guarantee(serving),
        metrics=classifier.card.get("figures"),
        card=card_text(classifier),
    )


def _guarantee(serving: Serving) -> Guarantee | None:
    kept = serving.current.threshold
    if kept is None:
        return None
    result = kept.result
    return Guarantee(
        threshold=kept.threshold,
        target=result.target,
        delta=result.delta,
        rows=result.rows,
        coded=result.coded,
        accuracy=result.accuracy,
        lower=result.lower,
        gold=kept.gold,
        time=kept.time,
    )


def code_info(nomenclature: Nomenclature, code: str, language: str) -> CodeInfo:
    """A code with titles, notes, parents and children."""

    def titled(one: str) -> CodeTitle:
        return CodeTitle(code=one, title=nomenclature.title(one, language))

    return CodeInfo(
        code=code,
        title=nomenclature.title(code, language),
        level=nomenclature.level(code),
        titles={one: nomenclature.title(code, one) for one in nomenclature.languages},
        notes={
            one: NotesInfo(**msgspec.structs.asdict(notes))
            for one in nomenclature.note_languages
            if (notes := nomenclature.notes(code, one)) != Notes()
        },
        parents=[titled(one) for one in nomenclature.ancestors(code)],
        children=[titled(one) for one in nomenclature.children(code)],
        nomenclature=nomenclature.name,
        version=nomenclature.version,
    )
