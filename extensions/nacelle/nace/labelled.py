"""Labelled rows: descriptions with the code that somebody gave them, from Parquet or CSV."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from nacelle.nace.columns import Cell, Columns, read_columns
from nacelle.nace.drops import Drop, DropReport
from nacelle.nace.errors import NaceError
from nacelle.nace.files import Location, find_files
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.text import EMPTY, cell_text, check_roles

MAX_TEXT = 10_000
NO_TEXT = "no text (empty or NaN)"
NO_CODE = "no code (empty or NaN)"
TOO_LONG = f"text of more than {MAX_TEXT:,} characters"
UNREADABLE = "text that is not UTF-8, or has control characters"
BROKEN = "more or fewer values than columns"
DUPLICATE = "same text and code as a row before, case, accents and punctuation aside"
_OTHER_VERSION = "coded in another version"
_MIN_CLASSES = 2
_SUSPICIOUS_SHARE = 0.05
_MAX_SLIPS = 0.01
_MAX_JUNK = 0.05
# Characters that no keyboard writes: controls, what did not decode, private and lone surrogates.
_JUNK = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff\ue000-\uf8ff]")
_APART = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Labelled:
    """n rows, column by column; `codes` are spelt as the nomenclature has them, at one level.

    `languages` and `sources` are '' where the file does not say. `side` has the values of each
    declared side variable. `report` says what was left out.
    """

    texts: list[str]
    codes: list[str]
    languages: list[str]
    sources: list[str]
    side: dict[str, list[str]]
    report: DropReport

    def __len__(self) -> int:
        return len(self.texts)

    def digest(self) -> str:
        """SHA-256 of the rows in their order: the same data has the same digest anywhere."""
        content = [self.texts, self.codes, self.languages, self.sources, sorted(self.side.items())]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def read_labelled(
    locations: Location | Iterable[Location],
    nomenclature: Nomenclature,
    *,
    text: str = "text",
    code: str = "code",
    side: Sequence[str] = (),
    level: int | None = None,
    others: Sequence[Nomenclature] = (),
    keep_unreadable: bool = False,
) -> Labelled:
    """Read labelled rows from files, folders or patterns, on disk or at `s3://`.

    `text`, `code` and the `side` variables are names of columns; `language` and `source` are read
    where the files have them. Codes may be spelt in any way that `nomenclature` knows; codes below
    `level` (the deepest by default) are taken up to it. `others` are versions with which the file
    may be mixed: codes that are only theirs are told by name. A file that says its version itself,
    in columns `nomenclature` and `version`, is believed.

    Rows that cannot be used are left out, counted in `report`. With `keep_unreadable`, for
    evaluation, rows stay whose text is empty or unreadable, and duplicates. Where nobody could read
    the text it is '', so that a model rejects it as `predict` does; a warning counts these rows.

    Raises NaceError for a missing file or column, a column named twice, a CSV file with a stray
    quote, codes stored as numbers where they lose zeros, more than half of the codes unknown, no
    row left, or fewer than two codes to learn.
    """
    check_roles(text, code, "language", *side)
    judge = _Judge(nomenclature, level or nomenclature.depth, others)
    rows = _Collector(judge, tuple(side), keep_unreadable)
    for location in find_files(locations):
        optional = ("language", "source", "nomenclature", "version")
        columns = read_columns(location, (text, code, *side), optional)
        _check_numbers(columns, text, code, nomenclature)
        rows.take(columns, text, code)
    made = rows.labelled()
    judge.check_other_versions()
    judge.check_version(made.report)
    _check_enough(made, nomenclature, 1 if keep_unreadable else _MIN_CLASSES)
    return made


class _Judge:
    """Says of each distinct code what it is, once."""

    def __init__(self, nomenclature: Nomenclature, level: int, others: Sequence[Nomenclature]):
        nomenclature.codes(level)
        self.nomenclature = nomenclature
        self._level = level
        self._others = [one for one in others if one.digest != nomenclature.digest]
        self._known: dict[str, tuple[str, str]] = {}
        self._times: Counter[str] = Counter()
        self.unknown = f"code unknown to {nomenclature.label}"
        self.wrong_level = f"code above level {level} of {nomenclature.label}"
        self.lost_zero = "code that seems to have lost its leading zero (111 for 0111)"

    def of(self, spelling: str) -> tuple[str, str]:
        """The code and '', or '' and the reason why the row cannot be used."""
        if spelling not in self._known:
            self._known[spelling] = self._decide(spelling)
        self._times[spelling] += 1
        return self._known[spelling]

    def other_version(self, name: str, version: str) -> str:
        """The reason to refuse a row that says its version itself; '' where it is this one."""
        label = f"{name} {version}".strip()
        own = {self.nomenclature.label, self.nomenclature.identity}
        if not version:
            # Of which version the rows are is then left to their codes.
            own.add(self.nomenclature.name)
        if not label or _squeeze(label) in {_squeeze(one) for one in own}:
            return ""
        return f"{_OTHER_VERSION} ({label[:60]})"

    def check_other_versions(self) -> None:
        """Raise NaceError where the codes are all of one of the other versions."""
        own = self._spellings_known_to(self.nomenclature)
        for other in self._others:
            theirs = self._spellings_known_to(other)
            known, here, only = (
                sum(self._times[one] for one in found) for found in (theirs, own, own - theirs)
            )
            # A few codes of this version alone may be slips; more of them are a mixture.
            if known > here and only <= known * _MAX_SLIPS:
                raise NaceError(
                    f"{other.label} knows the codes of {known:,} rows and {self.nomenclature.label}"
                    f" of {here:,}: the file is coded in {other.label}. Give that nomenclature."
                )

    def check_version(self, report: DropReport) -> None:
        """Warn, or raise NaceError, where the unknown codes look like another version's."""
        foreign = report.count(
            [one for one in report.counts if one == self.unknown or one.startswith(_OTHER_VERSION)]
        )
        if not foreign or not report.read:
            return
        found = (
            f"{foreign:,} of {report.read:,} rows ({foreign / report.read:.0%}) have codes that"
            f" {self.nomenclature.label} does not know"
        )
        if foreign > report.read / 2:
            raise NaceError(
                f"{found}: the file seems to be coded in another version or nomenclature. Give the"
                f" nomenclature that it is coded in, or recode it.\n{report}"
            )
        if foreign >= report.read * _SUSPICIOUS_SHARE:
            report.warnings.append(
                f"Attention: {found}. If the file mixes versions, codes that both know may mean"
                " something else in the other: recode the file with a correspondence table."
            )

    def _spellings_known_to(self, nomenclature: Nomenclature) -> set[str]:
        return {one for one in self._times if nomenclature.find(one)}

    def _decide(self, spelling: str) -> tuple[str, str]:
        nomenclature = self.nomenclature
        padded = nomenclature.lost_zero(spelling)
        found = nomenclature.find(spelling)
        if found is None:
            return "", self._why_unknown(spelling) if padded is None else self.lost_zero
        short = nomenclature.level(found) < self._level and nomenclature.children(found)
        if short:
            return "", self.wrong_level if padded is None else self.lost_zero
        return nomenclature.at_level(found, self._level), ""

    def _why_unknown(self, spelling: str) -> str:
        family = self.nomenclature.foreign_letter(spelling)
        if family:
            return f"{_OTHER_VERSION} (a letter of {family.title})"
        other = next((one for one in self._others if one.find(spelling)), None)
        return f"{_OTHER_VERSION} ({other.label})" if other else self.unknown


class _Collector:
    """Collects the rows that can be used and counts the others."""

    def __init__(self, judge: _Judge, side: tuple[str, ...], keep_unreadable: bool) -> None:
        self._judge = judge
        self._side = side
        self._keep = keep_unreadable
        self._report = DropReport()
        self._unreadable = 0
        self._seen: set[tuple[str, ...]] = set()
        self._kept: list[tuple[str, ...]] = []

    def take(self, columns: Columns, text: str, code: str) -> None:
        """Judge every row of one file."""
        report = self._report
        report.read += len(columns) + len(columns.broken)
        for number, line in columns.broken:
            report.add(BROKEN, Drop(columns.file, number, line))
        names = [text, code, "language", "source", "nomenclature", "version", *self._side]
        blank: list[Cell] = [None] * len(columns)
        cells = [columns.cells.get(name, blank) for name in names]
        for number, raw, *others in zip(columns.numbers, *cells, strict=True):
            label, language, source, name, version, *side = map(cell_text, others)
            written, problem = readable(raw)
            found, wrong = self._judge.of(label) if label else ("", NO_CODE)
            # A version without a nomenclature may be of anything: a program, a questionnaire.
            wrong = (name and self._judge.other_version(name, version)) or wrong
            reason = wrong or ("" if self._keep else problem)
            if self._keep and problem == UNREADABLE:
                self._unreadable += not wrong
                written = ""
            row = (written, found, language, source, *side)
            if not reason and not self._keep:
                reason = self._duplicate(row)
            if reason:
                report.add(reason, Drop(columns.file, number, label if wrong else written))
            else:
                self._kept.append(row)

    def labelled(self) -> Labelled:
        """All rows that were kept."""
        self._report.kept = len(self._kept)
        if self._unreadable:
            self._report.warnings.append(
                f"{self._unreadable:,} texts are not UTF-8 or have control characters: `predict`"
                " rejects them, and so they count as wrong. Save the file as UTF-8."
            )
        width = 4 + len(self._side)
        turned = [list(one) for one in zip(*self._kept, strict=True)] or [[] for _ in range(width)]
        texts, codes, languages, sources, *side = turned
        values = dict(zip(self._side, side, strict=True))
        return Labelled(texts, codes, languages, sources, values, self._report)

    def _duplicate(self, row: tuple[str, ...]) -> str:
        text, code, language, _, *side = row
        key = (plain_text(text), code, language, *side)
        if key in self._seen:
            return DUPLICATE
        self._seen.add(key)
        return ""


def plain_text(text: str) -> str:
    """Case, accents and punctuation aside: the form in which two texts are the same text."""
    text = text.casefold()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join([one for one in decomposed if not unicodedata.combining(one)])
    return _APART.sub(" ", text).strip()


def readable(raw: Cell) -> tuple[str, str]:
    """A text on one line, and why it cannot be used ('' where it can); `raw` is UTF-8, or not."""
    if raw is None:
        return "", NO_TEXT
    decoded = raw.decode("utf-8", "replace")
    text = " ".join(decoded[: MAX_TEXT + 1].split())
    junk = len(_JUNK.findall(text))
    if junk and (b"\0" in raw or junk > len(text) * _MAX_JUNK or "\ufffd" in text):
        return text[:MAX_TEXT], UNREADABLE
    if len(decoded) > MAX_TEXT:
        return text[:MAX_TEXT], TOO_LONG
    text = " ".join(_JUNK.sub(" ", text).split()) if junk else text
    if not text or text.casefold() in EMPTY:
        return "", NO_TEXT
    return text, ""


def _squeeze(label: str) -> str:
    return _APART.sub("", label.casefold())


def _check_numbers(columns: Columns, text: str, code: str, nomenclature: Nomenclature) -> None:
    if text in columns.numeric:
        raise NaceError(
            f"{columns.file}: the column {text!r} holds numbers ({columns.numeric[text]}), not"
            " texts; name the column of the descriptions."
        )
    has_zeros = any(one.startswith("0") for one in nomenclature)
    kind = columns.numeric.get(code, "")
    if kind and (has_zeros or not kind.lstrip("u").startswith("int")):
        raise NaceError(
            f"{columns.file}: the column {code!r} holds numbers ({kind}), so that 0111 has become"
            " 111 and cannot be told from another code; store the codes as text."
        )


def _check_enough(made: Labelled, nomenclature: Nomenclature, least: int) -> None:
    report = made.report
    if not made.texts:
        raise NaceError(f"No row is left to use.\n{report}" if report.read else "No row was found.")
    classes = set(made.codes)
    if len(classes) < least:
        only = made.codes[0]
        raise NaceError(
            f"All {len(made):,} rows that can be used have the code {only}"
            f" ({nomenclature.title(only)}); a classifier needs at least two codes.\n{report}"
        )
