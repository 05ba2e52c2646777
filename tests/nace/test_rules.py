"""Which stage answers which text, and what the model has to be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.rulefile import read_rule_file
from nacelle.nace.rules import RuleAnswer, Rules, lookup_key, unambiguous
from nacelle.nace.text import Preprocessor
from tests.nace.data import COICOP, DATA, ISCO, made, nomenclature

PREPROCESSOR = Preprocessor()


@pytest.fixture(scope="module")
def nace() -> Nomenclature:
    return nomenclature("nace_rev2")


@pytest.fixture(scope="module")
def naf() -> Nomenclature:
    return nomenclature("naf_2025")


def answers(rules: Rules, texts: list[str]) -> list[RuleAnswer | None]:
    cleaned = PREPROCESSOR.clean(texts)
    return rules.answer(texts, cleaned, PREPROCESSOR.stem(cleaned))


def answer(rules: Rules, text: str) -> RuleAnswer | None:
    return answers(rules, [text])[0]


def reference(texts: list[str], codes: list[str]) -> dict[str, str]:
    return unambiguous(PREPROCESSOR.stem(PREPROCESSOR.clean(texts)), codes)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4711", "4711"),
        (" 47.11 ", "4711"),
        ("47.11Z", "4711"),
        ("01.11 z", "0111"),
        ("1.11", "0111"),
        ("G47.11", "4711"),
        ("20.20", "2020"),
        ("code 2020", "2020"),
        ("NACE 47.11", "4711"),
        ("code NAF : 4711Z", "4711"),
        ("Code APE: 4711F", "4711"),
        ("APE4711F", "4711"),
        ("NACE Rev. 2 47.11", "4711"),
        ("Nace rév. 2 - 47.11", "4711"),
        ("N° 47.11", "4711"),
        ("(47.11)", "4711"),
        ("10.2", "1020"),
    ],
)
def test_a_typed_code_is_recognised(nace: Nomenclature, text: str, code: str) -> None:
    found = answer(Rules(nace), text)
    assert found is not None
    assert (found.stage, found.code) == ("code", code)
    assert code in found.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("111", "lose a zero? 0111"),
        ("0111Y", "another version"),
        ("NAF 0111Y", "another version"),
        ("NACE Rev. 2.1 47.11", "none of NACE Rev. 2"),
        ("SIC 2007", "'2007' is no code"),
        ("code 9999", "'9999' is no code"),
        ("47.1", "too wide"),
        ("NACE 47", "too wide"),
    ],
)
def test_a_code_that_cannot_be_used_is_rejected_with_why(
    nace: Nomenclature, text: str, words: str
) -> None:
    found = answer(Rules(nace), text)
    assert found is not None
    assert (found.stage, found.code) == ("rejected", "")
    assert words in found.detail


@pytest.mark.parametrize("text", ["2020", "1999", "3", "47", "75011", "12/12/2024", "022 47 11"])
def test_an_ordinary_number_is_no_code(nace: Nomenclature, text: str) -> None:
    assert answer(Rules(nace), text) == RuleAnswer("rejected", "", "it has no letters")


@pytest.mark.parametrize("text", ["ISO9001", "supermarket 47.11", "N47.11 bakery", "B2B sales"])
def test_a_text_with_a_code_in_it_is_for_the_model(nace: Nomenclature, text: str) -> None:
    assert answer(Rules(nace), text) is None


def test_the_letter_of_a_section_is_not_the_word_number(nace: Nomenclature) -> None:
    found = answer(Rules(nace), "N47.11")
    assert found is None or found.code == ""


def test_codes_of_another_nomenclature(naf: Nomenclature) -> None:
    rules = Rules(naf)
    for text in ("0111Y", "01.11", "NAF 2025 : 01.11Y"):
        found = answer(rules, text)
        assert found is not None and (found.stage, found.code) == ("code", "0111Y"), text
    found = answer(rules, "0111Z")
    assert found is not None and found.stage == "rejected" and "another version" in found.detail


def test_any_nomenclature_has_its_codes_recognised(tmp_path: Path) -> None:
    occupations, purposes = Rules(made(tmp_path, ISCO)), Rules(made(tmp_path, COICOP, "coicop.csv"))
    for rules, text, code in (
        (occupations, "2511", "2511"),
        (occupations, "ISCO-08: 2511", "2511"),
        (purposes, "01.1.1.4", "01.1.1.4"),
        (purposes, "COICOP 01.2", "01.2"),
    ):
        found = answer(rules, text)
        assert found is not None and (found.stage, found.code) == ("code", code), text


def test_a_code_need_not_be_deeper_than_the_model_answers(nace: Nomenclature) -> None:
    rules = Rules(nace, level=3)
    for text, code in (("01.1", "011"), ("NACE 011", "011"), ("0111", "0111"), ("75", "")):
        found = answer(rules, text)
        assert (found.code if found else "") == code, text
    wide = answer(rules, "NACE 01")
    assert wide is not None and "it has 7 codes below" in wide.detail


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n ", "it is empty"),
        ("???", "it has no letters"),
        ("\ud800\x00", "it has no letters"),
        ("x", "it is one letter"),
        ("É.", "it is one letter"),
        ("xxxx", "it repeats the same letters"),
        ("X X X", "it repeats the same letters"),
        ("lalalala", "it repeats the same letters"),
        ("of the", "it has no word that says anything"),
        *(
            (text, "it says nothing about an activity")
            for text in (
                "idem", "IDEM.", "ditto", "See above", "n/a", "N.A.", "none", "test", "asdf",
                "qwertz", "azerty qsdf", "Néant", "aucune", "Sans objet", "voir ci-dessus",
                "R.A.S.", "keine", "k. A.", "siehe oben", "dito", "nessuna", "come sopra", "n.d.",
                "bla bla", "other", "autres", "idem idem",
            )
        ),
    ],
)  # fmt: skip
def test_texts_that_say_nothing_are_rejected(nace: Nomenclature, text: str, reason: str) -> None:
    assert answer(Rules(nace), text) == RuleAnswer("rejected", "", reason)


@pytest.mark.parametrize(
    "text", ["bar", "pub", "coco", "couscous", "IT", "B&B", "BTP", "TV", "tests of cars", "Αρτος"]
)
def test_short_texts_that_say_something_are_for_the_model(nace: Nomenclature, text: str) -> None:
    assert answer(Rules(nace), text) is None


def test_no_real_description_is_rejected(nace: Nomenclature, naf: Nomenclature) -> None:
    for file, codes in (
        ("activities_train.parquet", nace),
        ("activities_naf2025_train.parquet", naf),
    ):
        texts = pd.read_parquet(DATA / file)["text"].tolist()
        found = zip(texts, answers(Rules(codes), texts), strict=True)
        assert [text for text, one in found if one is not None] == []


def test_the_look_up_ignores_order_repetition_endings_and_stop_words(nace: Nomenclature) -> None:
    rules = Rules(nace, reference(["Manufacture of fresh bread"], ["1071"]))
    for text in ("FRESH BREAD, manufacture", "Manufacturing the fresh fresh breads"):
        found = answer(rules, text)
        assert found is not None and (found.stage, found.code) == ("look-up", "1071"), text
    assert answer(rules, "Manufacture of bread") is None


def test_conflicting_texts_are_not_looked_up() -> None:
    found = reference(
        ["repair of clocks", "clock repair", "repair of clocks", "Bread", "bread", ""],
        ["9525", "3319", "9525", "1071", "1071", "1071"],
    )
    assert found == {lookup_key("bread"): "1071"}


def test_a_meaningless_text_is_not_looked_up(nace: Nomenclature) -> None:
    found = answer(Rules(nace, reference(["Néant"], ["1071"])), "néant")
    assert found is not None and found.stage == "rejected"


def test_the_look_up_is_right_where_it_answers(nace: Nomenclature) -> None:
    rows = pd.read_parquet(DATA / "activities_train.parquet").sample(frac=1, random_state=0)
    known, asked = rows.iloc[5000:], rows.iloc[:5000]
    rules = Rules(nace, reference(known["text"].tolist(), known["code"].tolist()))
    pairs = zip(answers(rules, asked["text"].tolist()), asked["code"], strict=True)
    right = [one.code == code for one, code in pairs if one is not None]
    assert len(right) / len(asked) >= 0.03
    assert sum(right) / len(right) >= 0.9


@pytest.fixture
def with_file(nace: Nomenclature, tmp_path: Path) -> Rules:
    file = tmp_path / "my_rules.csv"
    file.write_text(
        "pattern,code,kind,comment\n"
        "Boulangerie,10.71,exact,\n"
        "# an exception comes first\n"
        "salon de thé,5610,contains,decided in 2026\n"
        "thé,1083,contains,\n"
        r"\bb[âa]ckerei|pain\s+24h,4724,regex,"
        "\nidem,4711,exact,\n"
        "voir statuts joints,reject,contains,\n"
        "4711,4719,regex,\n",
        encoding="utf-8",
    )
    return Rules(
        nace, reference(["Boulangerie"], ["4724"]), read_rule_file(file, nace, PREPROCESSOR)
    )


@pytest.mark.parametrize(
    ("text", "stage", "code", "words"),
    [
        ("BOULANGERIE !", "rule", "1071", "line 2 of my_rules.csv: exact 'Boulangerie'"),
        ("Salon-de-the et thé", "rule", "5610", "(decided in 2026)"),
        ("négoce de thé vert", "rule", "1083", "line 5 of my_rules.csv: contains 'thé'"),
        ("Meine BÄCKEREI", "rule", "4724", "line 6 of my_rules.csv: regex"),
        ("du PAIN\n24h", "rule", "4724", "line 6"),
        ("idem", "rule", "4711", "line 7"),
        ("voir les statuts joints", "", "", ""),
        ("Voir statuts joints svp", "rejected", "", "line 8 of my_rules.csv"),
        ("4711", "rule", "4719", "line 9"),
        ("théâtre", "", "", ""),
        ("boulangerie fine", "", "", ""),
    ],
)
def test_the_rule_file_comes_first_and_in_its_order(
    with_file: Rules, text: str, stage: str, code: str, words: str
) -> None:
    found = answer(with_file, text)
    if not stage:
        assert found is None
        return
    assert found is not None
    assert (found.stage, found.code) == (stage, code)
    assert words in found.detail


def test_a_batch_gives_each_text_what_it_gets_alone(with_file: Rules) -> None:
    texts = ["Boulangerie", "", "Meine Bäckerei", "steel", "\ud800 bäckerei", "47.11"]
    assert answers(with_file, texts) == [answer(with_file, text) for text in texts]
    assert answers(with_file, []) == []


def test_rules_are_stored_with_a_model(with_file: Rules, nace: Nomenclature) -> None:
    again = Rules.from_dict(json.loads(json.dumps(with_file.to_dict())), nace)
    texts = ["Boulangerie", "Meine Bäckerei", "idem", "4711", "steel", "salon de thé"]
    assert answers(again, texts) == answers(with_file, texts)
    plain = Rules.from_dict(Rules(nace).to_dict(), nace)
    assert answers(plain, texts) == answers(Rules(nace), texts)


def test_stored_rules_are_for_one_nomenclature(with_file: Rules, naf: Nomenclature) -> None:
    with pytest.raises(NaceError, match=r"made for another nomenclature"):
        Rules.from_dict(with_file.to_dict(), naf)


@pytest.mark.parametrize("data", [{}, {"reference": 3, "file": None}, {"reference": {"a": 1}}])
def test_damaged_rules_are_said(nace: Nomenclature, data: dict[str, object]) -> None:
    with pytest.raises(NaceError, match="damaged"):
        Rules.from_dict(data, nace)
