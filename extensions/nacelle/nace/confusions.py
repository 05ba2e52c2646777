"""Where a model errs: between sections, between classes, and in which classes most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nacelle.nace.evaluation import Confusion, Sections, WeakClass
from nacelle.nace.metrics import exact_intervals

if TYPE_CHECKING:
    from nacelle.nace.nomenclature import Nomenclature

_LISTED = 20


def sections(
    truth: Sequence[str], best: Sequence[str], nomenclature: Nomenclature, language: str
) -> Sections:
    """Rows by the section of the right code and the section answered."""
    of = {code: nomenclature.at_level(code, 1) for code in {*truth, *best} - {""}}
    pairs = Counter(
        (of[right], of.get(answer, "")) for right, answer in zip(truth, best, strict=True)
    )
    codes = sorted({code for pair in pairs for code in pair} - {""})
    return Sections(
        codes=codes,
        titles=[nomenclature.title(code, language) for code in codes],
        counts=[[pairs[right, answer] for answer in (*codes, "")] for right in codes],
    )


def confusions(
    truth: Sequence[str], best: Sequence[str], nomenclature: Nomenclature, language: str
) -> list[Confusion]:
    """The pairs of classes most often taken for each other, the most frequent first."""
    of = Counter(truth)
    wrong = Counter(
        (right, answer)
        for right, answer in zip(truth, best, strict=True)
        if answer and answer != right
    )
    most = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:_LISTED]
    return [
        Confusion(
            truth=right,
            truth_title=nomenclature.title(right, language),
            answer=answer,
            answer_title=nomenclature.title(answer, language),
            rows=count,
            of=of[right],
        )
        for (right, answer), count in most
    ]


def weak_classes(
    truth: Sequence[str], best: Sequence[str], nomenclature: Nomenclature, language: str
) -> list[WeakClass]:
    """Classes by the upper end of the interval: one unlucky row does not make a class the worst."""
    of, good = Counter(truth), Counter[str]()
    wrong: dict[str, Counter[str]] = {}
    for right, answer in zip(truth, best, strict=True):
        if right == answer:
            good[right] += 1
        else:
            wrong.setdefault(right, Counter())[answer] += 1
    low, high = exact_intervals([good[code] for code in wrong], [of[code] for code in wrong])
    missed = list(zip(zip(low.tolist(), high.tolist(), strict=True), wrong, strict=True))
    missed.sort(key=lambda pair: (pair[0][1], -of[pair[1]], pair[1]))
    found = []
    for interval, code in missed[:_LISTED]:
        answer = min(wrong[code].items(), key=lambda item: (-item[1], item[0]))[0]
        found.append(
            WeakClass(
                code=code,
                title=nomenclature.title(code, language),
                rows=of[code],
                accuracy=good[code] / of[code],
                interval=interval,
                most_often=answer,
                most_often_title=nomenclature.title(answer, language) if answer else "",
            )
        )
    return found
