"""Every spelling of a code finds it, and no spelling ever finds another."""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.nace.errors import NaceError
from tests.nace.data import COICOP, ISCO, made, nomenclature

ALL = ["nace_rev2", "nace_rev21", "naf_rev2", "naf_2025"]


@pytest.mark.parametrize(
    "spelling", ["1.11", "01.11", "0111", "01.11Z", "0111Z", " 01.11 ", "01.11z", "01.11 Z"]
)
def test_the_usual_spellings_mean_one_class(spelling: str) -> None:
    assert nomenclature("nace_rev2").find(spelling) == "0111"


@pytest.mark.parametrize(
    "spelling", ["A0111", "A01.11", "a.01.11", "01.1.1", "011.1", "0111\u00a0Z", "\ufeff01.11"]
)
def test_rarer_spellings_mean_the_same(spelling: str) -> None:
    assert nomenclature("nace_rev2").find(spelling) == "0111"


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        " ",
        "111",  # 01.11 read as a number, or the group 11.1
        "1",
        "3",
        "0.111",
        "01..11",
        ".0111",
        "0111.",
        "1,11",
        "10-12",
        "10 12",
        "10/12",
        "161Z",  # the group 16.1 has no subclasses: 0161Z lost its zero
        "01.1Z",
        "AZ",
        "B01.11",
        "0111ZZ",
        "01110",
        "2026",
        "\uff10\uff11.\uff11\uff11",
        "01.1¹",
        "01.11²",
        "bakery",
        "9" * 5_000,
    ],
)
def test_what_may_mean_something_else_means_nothing(spelling: str) -> None:
    assert nomenclature("nace_rev2").find(spelling) is None


def test_the_levels_of_a_class_are_told_apart() -> None:
    rev2 = nomenclature("nace_rev2")
    assert [rev2.find(one) for one in ("a", "01", "01.1", "1.1", "011", "16.1", "161")] == [
        "A",
        "01",
        "011",
        "011",
        "011",
        "161",
        "161",
    ]


def test_the_letter_of_a_subclass_tells_the_version() -> None:
    found = {name: [nomenclature(name).find(one) for one in ("01.11Z", "0111Y")] for name in ALL}
    assert found == {
        "nace_rev2": ["0111", None],
        "nace_rev21": [None, "0111"],
        "naf_rev2": ["0111Z", None],
        "naf_2025": [None, "0111Y"],
    }


def test_a_subclass_that_does_not_exist_is_not_its_class() -> None:
    assert nomenclature("naf_2025").find("0111G") is None
    assert nomenclature("naf_rev2").find("0111A") is None


@pytest.mark.parametrize("name", ALL)
def test_each_code_is_found_by_its_official_spelling_and_the_others(name: str) -> None:
    """All codes of all files: dotted, without the zero in front, lower case, with its section."""
    known = nomenclature(name)
    for code in known:
        if not code[0].isdigit():
            assert known.find(code.lower()) == code
            continue
        dotted = f"{code[:2]}.{code[2:]}" if len(code) > 2 else code
        section = known.ancestors(code)[0]
        assert known.find(code) == code
        assert known.find(dotted.lower()) == code
        assert known.find(section + dotted) == code
        if "." in dotted:
            assert known.find(dotted.removeprefix("0")) == code


@pytest.mark.parametrize("name", ["nace_rev2", "nace_rev21"])
def test_national_subclasses_mean_their_class(name: str) -> None:
    national = nomenclature({"nace_rev2": "naf_rev2", "nace_rev21": "naf_2025"}[name])
    known, other = (
        nomenclature(name),
        nomenclature({"nace_rev2": "nace_rev21", "nace_rev21": "nace_rev2"}[name]),
    )
    for code in national.leaves():
        assert known.find(code) == code[:4]
        assert other.find(code) is None


def test_sections_of_the_other_version_do_not_match() -> None:
    # 62 is in section J of Rev. 2 and in section K of Rev. 2.1.
    assert nomenclature("nace_rev2").find("J62") == "62"
    assert nomenclature("nace_rev21").find("J62") is None
    assert nomenclature("nace_rev21").find("K62") == "62"


def test_other_nomenclatures_have_no_national_letters(tmp_path: Path) -> None:
    isco = made(tmp_path, ISCO)
    assert isco.find("2511") == "2511"
    assert isco.find("2511Z") is None
    assert isco.find("110") is None
    assert isco.find("0110") == "0110"


def test_codes_with_dots_of_their_own(tmp_path: Path) -> None:
    coicop = made(tmp_path, COICOP, "coicop_2018.csv")
    for spelling in ("01.1.1.4", "1.1.1.4", "01114"):
        assert coicop.find(spelling) == "01.1.1.4"
    assert coicop.find("01.11.4") == "01.1.1.4"
    assert coicop.find("0.1.1.1.4") is None


def test_letters_can_be_given(tmp_path: Path) -> None:
    from nacelle.nace.nomenclature import load_nomenclature

    path = tmp_path / "mine.csv"
    path.write_text(ISCO, encoding="utf-8")
    assert load_nomenclature(path, letters="X").find("2511X") == "2511"


def test_the_leaf_that_a_spelling_means() -> None:
    rev2, naf = nomenclature("nace_rev2"), nomenclature("naf_rev2")
    assert rev2.find_leaf("1.11") == "0111"
    assert rev2.find_leaf("16.1") == "1610"
    assert rev2.find_leaf("01.1") is None
    assert naf.find_leaf("0111") == "0111Z"
    assert naf.find_leaf("01.13") == "0113Z"
    assert naf.find_leaf("3.22") == "0322Z"


def test_a_group_is_not_its_class_where_a_zero_may_be_lost() -> None:
    """161: the group 16.1, whose only class is 16.10, or 0161 read as a number."""
    assert nomenclature("nace_rev2").find_leaf("161") is None
    assert nomenclature("naf_rev2").find_leaf("322") is None
    assert nomenclature("naf_rev2").lost_zero("322") == "0322"
    assert nomenclature("nace_rev2").lost_zero("11") is None


@pytest.mark.parametrize(
    ("spelling", "sentence"),
    [
        ("0111Y", "NAF 2025, another version"),
        ("0148G", "NAF 2025, another version"),
        ("111", "did it lose a zero"),
        ("0119Q", "near are"),
        ("x" * 500, "is no code of NACE Rev. 2"),
    ],
)
def test_an_unknown_code_is_explained(spelling: str, sentence: str) -> None:
    with pytest.raises(NaceError, match=sentence) as caught:
        nomenclature("nace_rev2").canonical(spelling)
    assert len(str(caught.value)) < 300
