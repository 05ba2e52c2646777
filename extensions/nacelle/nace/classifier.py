"""The classifier: rules first, then the model, as one calibrated answer for each text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nacelle.nace.bags import Floats
from nacelle.nace.card import write_card
from nacelle.nace.model_folder import (
    NOMENCLATURE,
    RULES,
    about_of,
    open_folder,
    read_json,
    seal,
    version_of,
    write_json,
)
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.prediction import (
    Answers,
    Asked,
    Candidate,
    Prediction,
    Ranked,
    Stage,
    now,
)
from nacelle.nace.rules import RuleAnswer, Rules
from nacelle.nace.text import Preprocessor, TextSettings
from nacelle.nace.views import Views

Columns = Mapping[str, Sequence[str]]
_BATCH = 2048


class Classifier:
    """Codes texts in one version of one nomenclature.

    `classes` are the codes it may answer. `trust` is the share of look-ups that are right: what a
    look-up is believed beside the model. `card` says in JSON how the model came to be. `version`
    names the model: twelve hexadecimal digits of its content, '' until it is saved.
    """

    def __init__(
        self,
        nomenclature: Nomenclature,
        classes: Sequence[str],
        text: TextSettings,
        rules: Rules,
        views: Views,
        *,
        trust: float,
        name: str,
        card: Mapping[str, Any],
        version: str = "",
    ) -> None:
        self.nomenclature = nomenclature
        self.classes = tuple(classes)
        self.text = text
        self.rules = rules
        self.views = views
        self.trust = trust
        self.name = name
        self.card = dict(card)
        self.version = version
        self._preprocessor = Preprocessor(text)
        self._known_titles: dict[str, dict[str, str]] = {}
        # A code typed or given by a rule may lie below the level that is answered.
        self._column = {
            below: position
            for position, code in enumerate(self.classes)
            for below in (code, *nomenclature.descendants(code))
        }

    def answer(
        self,
        texts: Sequence[str],
        *,
        languages: Sequence[str] | None = None,
        side: Columns | None = None,
    ) -> Answers:
        """Probabilities of every class for n texts: n times the number of classes in memory.

        `languages` has an ISO 639-1 code a text or ''; `side` has the declared columns, without
        which their tokens are left out. Raises NaceError where a declared column is missing.
        """
        return Answers.joined(self.classes, list(self._answers(texts, languages, side)))

    def predict(
        self,
        texts: Sequence[str],
        *,
        k: int = 5,
        languages: Sequence[str] | None = None,
        side: Columns | None = None,
        threshold: float | None = None,
        title_language: str = "en",
        request_id: str = "",
    ) -> list[Prediction]:
        """The k most probable codes of each text, in the order given; any number of texts.

        A prediction is automatic where its confidence index reaches the threshold.
        """
        asked = Asked(k, threshold, title_language, request_id, now())
        found: list[Prediction] = []
        for answers in self._answers(texts, languages, side):
            ranked = answers.ranked(k)
            found += [
                self.describe(ranked, row, texts[len(found) + row], asked)
                for row in range(len(answers.stages))
            ]
        return found

    def describe(self, ranked: Ranked, row: int, text: str, asked: Asked) -> Prediction:
        """The answer for one text, which stands at `row` of what was ranked."""
        titles = self._titles(asked.title_language)
        codes = [ranked.classes[position] for position in ranked.positions[row][: asked.k]]
        rejected = ranked.stages[row] == "rejected"
        index = ranked.index[row]
        threshold = asked.threshold
        return Prediction(
            text=text,
            nomenclature=self.nomenclature.name,
            version=self.nomenclature.version,
            stage=ranked.stages[row],
            detail=ranked.details[row],
            top=()
            if rejected
            else tuple(
                Candidate(code, titles[code], min(value, 1.0))
                for code, value in zip(codes, ranked.values[row], strict=False)
            ),
            index=index,
            automatic=None if threshold is None else not rejected and index >= threshold,
            threshold=threshold,
            model=self.name,
            model_version=self.version,
            time=asked.time,
            request_id=asked.request_id,
        )

    def at_level(self, answers: Answers, level: int) -> Answers:
        """The answers over the codes of a level, each with the sum of those below it."""
        codes, sums = self.by_level(answers, level)
        return Answers(codes, sums, answers.stages, answers.details)

    def _titles(self, language: str) -> dict[str, str]:
        titles = self._known_titles.get(language)
        if titles is None:
            titles = {code: self.nomenclature.title(code, language) for code in self.nomenclature}
            self._known_titles[language] = titles
        return titles

    def by_level(self, answers: Answers, level: int) -> tuple[tuple[str, ...], Floats]:
        """Codes of a level and their probabilities, shape (n, codes): sums of those below them."""
        codes = self.nomenclature.codes(level)
        column = {code: position for position, code in enumerate(codes)}
        sums = np.zeros((len(answers.stages), len(codes)), np.float32)
        above = [column[self.nomenclature.at_level(code, level)] for code in answers.classes]
        np.add.at(sums.T, above, answers.probabilities.T)
        return codes, sums

    def _answers(
        self, texts: Sequence[str], languages: Sequence[str] | None, side: Columns | None
    ) -> Iterator[Answers]:
        """The answers in batches, so that memory does not grow with the texts."""
        for start in range(0, len(texts), _BATCH):
            part = slice(start, start + _BATCH)
            yield self._answer_batch(
                texts[part],
                languages[part] if languages is not None else None,
                {name: values[part] for name, values in side.items()} if side else None,
            )

    def _answer_batch(
        self, texts: Sequence[str], languages: Sequence[str] | None, side: Columns | None
    ) -> Answers:
        cleaned = self._preprocessor.clean(texts)
        stemmed = self._preprocessor.stem(cleaned, languages)
        ruled = self.rules.answer(texts, cleaned, stemmed)
        if self.text.side and side:
            tokens = self._preprocessor.side_tokens(side)
            stemmed = [stems + token for stems, token in zip(stemmed, tokens, strict=True)]
        probabilities = self.views.probabilities(cleaned, stemmed)
        for row, rule in enumerate(ruled):
            if rule:
                self._apply(rule, probabilities[row])
        stages: tuple[Stage, ...] = tuple(rule.stage if rule else "model" for rule in ruled)
        details = tuple(rule.detail if rule else "" for rule in ruled)
        return Answers(self.classes, probabilities, stages, details)

    def _apply(self, rule: RuleAnswer, row: Floats) -> None:
        """Let a rule change the model's probabilities of one text, in place.

        What an expert or the text itself says is certain; a look-up is believed as far as look-ups
        were right, and the model has the rest.
        """
        column = self._column.get(rule.code)
        believed = self.trust if rule.stage == "look-up" else 1.0
        row *= np.float32(1 - believed if column is not None else 0)
        if column is not None:
            row[column] += np.float32(believed)

    def save(self, folder: Path) -> None:
        """Write the model; the folder is made, and must be empty or hold an older model."""
        folder.mkdir(parents=True, exist_ok=True)
        self.views.save(folder)
        write_json(folder / NOMENCLATURE, self.nomenclature.to_dict())
        write_json(folder / RULES, self.rules.to_dict())
        about = {
            "name": self.name,
            "classes": list(self.classes),
            "text": msgspec.to_builtins(self.text),
            "vocabulary": msgspec.to_builtins(self.views.vocabulary.settings),
            "weights": list(self.views.weights),
            "trust": self.trust,
            "card": self.card,
        }
        self.version = seal(folder, about)
        write_card(folder, self)

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Read a model folder. Raises NaceError where it is none, is damaged or another format."""
        content = open_folder(folder)
        about = about_of(folder, content)
        nomenclature = Nomenclature.from_dict(read_json(folder / NOMENCLATURE))
        level = max(map(nomenclature.level, about.classes))
        return cls(
            nomenclature,
            about.classes,
            about.text,
            Rules.from_dict(read_json(folder / RULES), nomenclature, level),
            Views.load(folder, about.classes, about.vocabulary, about.weights),
            trust=about.trust,
            name=about.name,
            card=about.card,
            version=version_of(content),
        )
