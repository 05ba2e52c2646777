"""The one preprocessing of texts, shared by training and serving.

`clean` brings a text to words of letters; `stem` takes stop words out and cuts endings, by
language. A text has at most `LONGEST` characters: what is longer is cut after a whole word.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import msgspec
import Stemmer

from nacelle.nace.errors import NaceError
from nacelle.nace.languages import LANGUAGES, guess_language
from nacelle.nace.stopwords import STOP_WORDS

LONGEST = 10_000
_LONGEST_VALUE = 100
# How tables write that there is nothing.
EMPTY = frozenset({"nan", "none", "null", "<na>", "nat"})
_CACHED_WORDS = 200_000
_CACHED_LENGTH = 40

_WHOLE_WORDS = re.compile(rf".{{1,{LONGEST}}}(?=\s)", re.DOTALL)
_ABBREVIATION = re.compile(r"(?<!\w)\w(?: ?[.&] ?\w(?!\w))+")
_NOT_LETTERS = re.compile(r"[ .&]+")
_BLANKS = re.compile(r"\s+")

# Letters that Unicode does not take apart.
_PLAIN = {
    "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ĸ": "k",
    "\N{MODIFIER LETTER APOSTROPHE}": " ",
}  # fmt: skip
# '1º' is a number.
_ORDINALS = "ªº"
# Kept marks are parts of letters (vowel signs, viramas, voicing), not accents: Unicode chapter 4.3.
_LETTER_MARKS = (0, 7, 8, 9)


class TextSettings(msgspec.Struct, frozen=True):
    """How texts are prepared; a model keeps the settings that it was trained with.

    `side` names the columns that stand beside the text and become tokens, in this order.
    """

    languages: tuple[str, ...] = LANGUAGES
    side: tuple[str, ...] = ()
    stop_words: bool = True

    def __post_init__(self) -> None:
        unknown = [language for language in self.languages if language not in LANGUAGES]
        if unknown or not self.languages:
            raise NaceError(
                f"languages: {', '.join(unknown) or 'none given'}; known are"
                f" {', '.join(LANGUAGES)}. Choose at least one of them."
            )
        check_roles("text", "language", *self.side)


def check_roles(*columns: str) -> None:
    """Raise NaceError where a column is to be two things: text, code, language, beside the text."""
    twice = next((one for one in columns if columns.count(one) > 1), None)
    if twice is not None:
        raise NaceError(
            f"The column {twice!r} is named twice. The text, its code, its language and each column"
            " beside the text are columns of their own; name each once."
        )


class Preprocessor:
    """Prepares texts by `settings`; it has no other state, so it may be shared and pickled."""

    def __init__(self, settings: TextSettings | None = None) -> None:
        self.settings = settings or TextSettings()

    def clean(self, texts: Sequence[str]) -> list[str]:
        """Lower-case words of letters, without accents, single blanks between; '' if no letter.

        Numbers and signs become blanks, except that single letters joined by '.' or '&' are one
        word ('n.e.c.', 'B & B'). Letters of other scripts are kept. Idempotent.
        """
        if not texts:
            return []
        batch = "\n".join([shorten(text) if len(text) > LONGEST else text for text in texts])
        if batch.count("\n") != len(texts) - 1:
            batch = "\n".join([shorten(text).replace("\n", " ") for text in texts])
        plain = _ABBREVIATION.sub(_joined, batch.translate(_SIGNS))
        lines = _NOT_LETTERS.sub(" ", plain).split("\n")
        # Some letters become several ('ﷺ' eighteen): hence the second look at the length.
        return [shorten(line.strip()) for line in lines]

    def stem(self, cleaned: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """Stems of the words of cleaned texts, in their order, without stop words.

        `languages` has an ISO 639-1 code a text ('fr', 'fr-CH'); where it is missing or not among
        the settings' languages it is guessed. A text of stop words alone keeps its words' stems.
        """
        known = self.known_languages(cleaned, languages)
        allowed = self.settings.languages
        chosen = {one: _stems(one, self.settings.stop_words) for one in allowed}
        whole = {one: _stems(one, False) for one in allowed}
        return [
            " ".join([stem for word in words if (stem := chosen[language][word])])
            or " ".join([whole[language][word] for word in words])
            for language, words in zip(known, map(str.split, cleaned), strict=True)
        ]

    def known_languages(
        self, cleaned: Sequence[str], languages: Sequence[str] | None = None
    ) -> list[str]:
        """The language of each cleaned text: as given, or guessed among the settings'."""
        allowed = self.settings.languages
        if languages is None:
            return [guess_language(text, allowed) for text in cleaned]
        return [
            code if (code := _primary(given)) in allowed else guess_language(text, allowed)
            for text, given in zip(cleaned, languages, strict=True)
        ]

    def side_tokens(self, columns: Mapping[str, Sequence[str]]) -> list[str]:
        """One string a row to append to its text, e.g. ' nature:01 form:5499'.

        The colon keeps the tokens apart from words. Empty values give no token. Raises NaceError
        where a declared column is missing or shorter than another.
        """
        side = self.settings.side
        missing = [name for name in side if name not in columns]
        if missing:
            raise NaceError(
                f"The column {missing[0]!r} is missing: the model uses {', '.join(side)} beside"
                f" the text. Add it (empty values are allowed); found: {', '.join(columns) or '-'}."
            )
        if len({len(columns[name]) for name in side}) > 1:
            sizes = ", ".join(f"{name} {len(columns[name])}" for name in side)
            raise NaceError(f"Columns beside the text differ in length: {sizes} rows.")
        rows = zip(*(columns[name] for name in side), strict=True)
        return [
            "".join(_token(n, v) for n, v in zip(side, row, strict=True) if v.strip())
            for row in rows
        ]


def cell_text(value: object) -> str:
    """What stands in a cell of a table, as text: the same in training and serving.

    '' for none, NaN and words such as 'null'. A whole number that stands among gaps is stored as a
    float: 5499.0 is '5499'.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return "" if text.casefold() in EMPTY else text


def shorten(text: str) -> str:
    """At most `LONGEST` characters of the text, cut after a whole word where there is one."""
    if len(text) <= LONGEST:
        return text
    found = _WHOLE_WORDS.match(text)
    return found.group() if found else text[:LONGEST]


def _joined(found: re.Match[str]) -> str:
    return _NOT_LETTERS.sub("", found.group())


def _token(name: str, value: str) -> str:
    folded = unicodedata.normalize("NFKC", value).strip().casefold()[:_LONGEST_VALUE]
    return " " + _BLANKS.sub("_", f"{name}:{folded}")


@lru_cache(1000)
def _primary(language: str | None) -> str:
    return re.split("[-_]", (language or "").strip().lower())[0]


def fold(text: str) -> str:
    """The text without accents and with plain letters; case, numbers and signs stay."""
    return text if text.isascii() else text.translate(_LETTERS)


class _Signs(dict[int, str]):
    """What each character becomes: filled as characters are met."""

    def __missing__(self, point: int) -> str:
        self[point] = plain = _plain(chr(point))
        return plain


def _plain(sign: str) -> str:
    """Letters of a character without case and accents; ' ' where it is no letter."""
    if sign in ".&\n":
        return sign
    kind = unicodedata.category(sign)
    if kind == "Cf":
        return ""
    if kind[0] not in "LM" or sign in _ORDINALS:
        return " "
    apart = unicodedata.normalize("NFKD", sign.casefold()).casefold()
    return "".join(_PLAIN.get(part, part) for part in apart if _kept(part))


def _kept(part: str) -> bool:
    kind = unicodedata.category(part)
    if kind in ("Mn", "Mc"):
        return unicodedata.combining(part) in _LETTER_MARKS
    return kind[0] == "L"


class _Letters(dict[int, str]):
    """Plain forms of letters beyond ASCII; every other sign stays as it is."""

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        plain = sign if sign.isascii() else _plain(sign)
        self[point] = plain = sign if plain == " " else plain
        return plain


_SIGNS = _Signs()
_LETTERS = _Letters()


class _Stems(dict[str, str]):
    """Stem of each word met, '' for a stop word; emptied when full, so that memory is bounded."""

    def __init__(self, language: str, stop_words: bool) -> None:
        super().__init__()
        self._stop_words = STOP_WORDS[language] if stop_words else frozenset()
        # Without the stemmer's own cache, which would only be a second copy of this one.
        self._stemmer = Stemmer.Stemmer(language, 0)
        self._lock = threading.Lock()

    def __missing__(self, word: str) -> str:
        if word in self._stop_words:
            stem = ""
        else:
            # PyStemmer: one stemmer must not be called by two threads at once.
            with self._lock:
                stem = self._stemmer.stemWord(word)
        if len(self) >= _CACHED_WORDS:
            self.clear()
        if len(word) <= _CACHED_LENGTH:
            self[word] = stem
        return stem


@cache
def _stems(language: str, stop_words: bool) -> _Stems:
    return _Stems(language, stop_words)
