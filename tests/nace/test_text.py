"""What the preprocessing promises, on real texts and on every character there is."""

from __future__ import annotations

import pickle
import sys
import threading
import time
import unicodedata
from collections.abc import Callable

import msgspec
import pandas as pd
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.text import LONGEST, Preprocessor, TextSettings
from tests.nace.data import DATA

EVERY_CHARACTER = ["a" + chr(point) + "b" for point in range(sys.maxunicode + 1)]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_parquet(DATA / "activities_train.parquet")


def clean(text: str) -> str:
    return Preprocessor().clean([text])[0]


def stem(text: str, language: str) -> str:
    preprocessor = Preprocessor()
    return preprocessor.stem(preprocessor.clean([text]), [language])[0]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Boulangerie-Pâtisserie", "boulangerie patisserie"),
        ("Großhandel", "grosshandel"),
        ("GROẞHANDEL", "grosshandel"),
        ("œufs, cœurs; ÆBLER & Øl", "oeufs coeurs aebler ol"),
        ("l'hôtellerie", "l hotellerie"),
        ("d\N{RIGHT SINGLE QUOTATION MARK}articles qu`il", "d articles qu il"),
        ("women\x92s wear", "women s wear"),
        ("LKW über 3,5 t in 24 Std.", "lkw uber t in std"),
        ("n.e.c. / n. c. a. / z. B.", "nec nca zb"),
        ("B&B, R & D", "bb rd"),
        ("Stone cutting & finishing", "stone cutting finishing"),
        ("line\none\r\ntwo\u2028three\x0bfour\x85five", "line one two three four five"),
        ("  tabs\t and   blanks\u00a0here ", "tabs and blanks here"),
        ("Αρτοποιείο ΑΡΤΟΣ", "αρτοποιειο αρτοσ"),
        ("Хлебопекарня", "хлебопекарня"),
        ("パン屋", unicodedata.normalize("NFD", "パン屋")),
        ("soft\u00adhyphen \ufeffmark zero\u200bwidth", "softhyphen mark zerowidth"),
        ("\uff46\uff55\uff4c\uff4c \ufb01bre", "full fibre"),
        ("1º 2ª", ""),
        ("\ud800 broken \x00 bytes \ufffd", "broken bytes"),
        ("", ""),
        ("123 ... ??? _", ""),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_batch_gives_each_text_what_it_gets_alone(rows: pd.DataFrame) -> None:
    texts = ["a\nb", *rows["text"].head(300), "", "\n", "x\r\ny"]
    assert Preprocessor().clean(texts) == [clean(text) for text in texts]
    assert Preprocessor().clean([]) == []


def test_real_texts_become_words_of_letters(rows: pd.DataFrame) -> None:
    for text in Preprocessor().clean(rows["text"].tolist()):
        assert text == " ".join(text.split())
        assert all(word.isalpha() for word in text.split()), text
        assert text == text.lower()


@pytest.mark.parametrize("texts", ["real", "every character"])
def test_clean_is_idempotent(rows: pd.DataFrame, texts: str) -> None:
    once = Preprocessor().clean(rows["text"].tolist() if texts == "real" else EVERY_CHARACTER)
    assert Preprocessor().clean(once) == once
    assert not any("\n" in text for text in once)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_accents_are_equal(form: str) -> None:
    other = [unicodedata.normalize(form, text) for text in EVERY_CHARACTER]  # type: ignore[arg-type]
    assert Preprocessor().clean(other) == Preprocessor().clean(EVERY_CHARACTER)


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, str.casefold])
def test_case_makes_no_difference(rows: pd.DataFrame, change: Callable[[str], str]) -> None:
    texts = rows["text"].tolist()
    assert Preprocessor().clean([change(text) for text in texts]) == Preprocessor().clean(texts)


def test_upper_case_of_every_character_is_equal() -> None:
    upper = [text.upper() for text in EVERY_CHARACTER]
    assert Preprocessor().clean(upper) == Preprocessor().clean(EVERY_CHARACTER)


@pytest.mark.parametrize(
    "text", ["bakery shop " * 500_000, "x" * 5_000_000, "\n" * 5_000_000, "ﷺ" * LONGEST]
)
def test_a_huge_text_is_cut(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= LONGEST
    assert clean(cleaned) == cleaned


def test_a_long_text_is_cut_after_a_whole_word() -> None:
    assert set(clean("bakery " * LONGEST).split()) == {"bakery"}
    whole = "a" * 4 + " " + "b" * (LONGEST - 5)
    assert clean(whole) == clean(whole + " c") == whole
    assert clean(whole + "c") == "aaaa"


@pytest.mark.parametrize(
    ("text", "language", "stems"),
    [
        ("Manufacture of bakeries' products", "en", "manufactur bakeri product"),
        ("Activités de l'hôtellerie et d'hébergement", "fr", "activit hoteller heberg"),
        ("Herstellung von Backwaren", "de", "herstell backwar"),
        ("Commercio all'ingrosso dell'uva", "it", "commerc ingross uva"),
        ("IT services", "en", "it servic"),
        ("location sans chauffeur", "fr", "locat san chauffeur"),
        ("location sans chauffeur", "FR-ch", "locat san chauffeur"),
    ],
)
def test_stem(text: str, language: str, stems: str) -> None:
    assert stem(text, language) == stems


def test_accents_and_their_absence_have_the_same_stem() -> None:
    assert stem("ACTIVITES HOTELIERES", "fr") == stem("activités hôtelières", "fr")


@pytest.mark.parametrize("language", ["", "xx", "nan"])
def test_an_unknown_language_is_guessed(language: str) -> None:
    preprocessor = Preprocessor()
    texts = preprocessor.clean(["Fabrication de l'acier et des métaux", "Herstellung von Stahl"])
    guessed = preprocessor.stem(texts)
    assert preprocessor.stem(texts, [language, language]) == guessed
    assert guessed == preprocessor.stem(texts, ["fr", "de"])


def test_a_text_of_stop_words_keeps_them() -> None:
    assert stem("de la", "fr") == "de la"


def test_stop_words_can_be_kept() -> None:
    preprocessor = Preprocessor(TextSettings(stop_words=False))
    assert preprocessor.stem(["sale of the bread"], ["en"]) == ["sale of the bread"]


def test_settings_limit_the_languages() -> None:
    preprocessor = Preprocessor(TextSettings(languages=("fr",)))
    assert preprocessor.known_languages(["manufacture of steel"], ["en"]) == ["fr"]
    with pytest.raises(NaceError, match="languages: xx; known are en, fr, de, it"):
        TextSettings(languages=("en", "xx"))
    with pytest.raises(NaceError, match="none given"):
        TextSettings(languages=())


def test_settings_and_preprocessor_can_be_kept() -> None:
    settings = TextSettings(languages=("fr", "de"), side=("nature",), stop_words=False)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=TextSettings) == settings
    assert pickle.loads(pickle.dumps(Preprocessor(settings))).settings == settings


def test_side_variables_become_tokens_that_no_word_equals(rows: pd.DataFrame) -> None:
    preprocessor = Preprocessor(TextSettings(side=("nature", "form")))
    columns = {
        "form": ["5499", "SARL  unipersonnelle", ""],
        "nature": ["01", " ", "É"],
        "other": [],
    }
    tokens = preprocessor.side_tokens(columns)
    assert tokens == [" nature:01 form:5499", " form:sarl_unipersonnelle", " nature:é"]
    assert not any(":" in text for text in preprocessor.clean(rows["text"].tolist()))


def test_a_side_value_stays_one_token_whatever_it_holds() -> None:
    [token] = Preprocessor(TextSettings(side=("a b",))).side_tokens({"a b": ["\n x\ty " * 1000]})
    assert len(token.split()) == 1
    assert len(token) < 200


def test_missing_side_columns_are_named() -> None:
    preprocessor = Preprocessor(TextSettings(side=("nature", "form")))
    with pytest.raises(NaceError, match=r"'form' is missing.*found: nature, text"):
        preprocessor.side_tokens({"nature": ["01"], "text": ["x"]})
    with pytest.raises(NaceError, match="nature 1, form 2 rows"):
        preprocessor.side_tokens({"nature": ["01"], "form": ["1", "2"]})


def test_threads_get_the_same_stems(rows: pd.DataFrame) -> None:
    preprocessor = Preprocessor()
    texts = preprocessor.clean(rows["text"].head(3000).tolist())
    fresh = [[f"{word}{letter}" for word in texts] for letter in "abcd"]
    found: dict[int, list[str]] = {}

    def work(number: int) -> None:
        found[number] = [one for some in fresh for one in preprocessor.stem(some)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == found[2] == found[3]


def test_twenty_thousand_rows_a_second_on_one_core(rows: pd.DataFrame) -> None:
    texts = rows["text"].tolist()

    def seconds() -> float:
        preprocessor = Preprocessor()
        start = time.process_time()
        preprocessor.stem(preprocessor.clean(texts))
        return time.process_time() - start

    assert len(texts) / min(seconds() for _ in range(3)) >= 20_000
