from __future__ import annotations

import pandas as pd
import pytest

from nacelle.nace.languages import LANGUAGES, guess_language
from nacelle.nace.stopwords import STOP_WORDS
from nacelle.nace.text import Preprocessor
from tests.nace.data import DATA


def guesses(texts: list[str]) -> list[str]:
    return [guess_language(text) for text in Preprocessor().clean(texts)]


def test_nearly_all_real_texts_are_guessed() -> None:
    rows = pd.read_parquet(DATA / "activities_train.parquet")
    right = pd.Series(guesses(rows["text"].tolist())) == rows["language"]
    assert right.mean() >= 0.97
    by_language = right.groupby(rows["language"]).mean()
    assert set(by_language.index) == set(LANGUAGES)
    assert by_language.min() >= 0.95


@pytest.mark.parametrize(
    ("file", "column", "language", "share"),
    [
        ("nace_rev21.csv", "title_en", "en", 0.97),
        ("nace_rev21.csv", "title_de", "de", 0.95),
        ("naf_2025.csv", "title_fr", "fr", 0.95),
        ("nace_rev2.csv", "title_it", "it", 0.95),
    ],
)
def test_titles_are_guessed(file: str, column: str, language: str, share: float) -> None:
    titles = pd.read_csv(DATA / file, dtype=str)[column].dropna().tolist()
    found = guesses(titles)
    assert found.count(language) / len(found) >= share


def test_an_answer_is_always_among_the_allowed() -> None:
    assert guess_language("herstellung von stahl", ("fr", "it")) in ("fr", "it")
    assert guess_language("herstellung von stahl", ("it",)) == "it"


@pytest.mark.parametrize("text", ["", "αρτοποιειο", "zzz"])
def test_a_tie_goes_to_the_first(text: str) -> None:
    assert guess_language(text, ("fr", "en", "de")) == "fr"
    assert guess_language(text, ("de", "fr")) == "de"


def test_the_longest_text_does_not_overflow_into_another_language() -> None:
    assert guess_language("die und der " * 800) == "de"
    assert guess_language("die und der " * 800, ("en", "de", "it")) == "de"
    assert guess_language("a " * 5000 + "und", ("de", "it")) == "it"


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_words_are_written_as_texts_are_cleaned(language: str) -> None:
    words = sorted(STOP_WORDS[language])
    assert Preprocessor().clean(words) == words


@pytest.mark.parametrize(
    "word", ["with", "without", "it", "off", "avec", "sans", "son", "mit", "ohne", "con", "senza"]
)
def test_words_that_tell_codes_apart_are_no_stop_words(word: str) -> None:
    assert not any(word in words for words in STOP_WORDS.values())
