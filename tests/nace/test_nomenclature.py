"""The hierarchy, its titles, its versions, and the form that travels with a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.nomenclature import Nomenclature, load_nomenclature
from tests.nace.data import COICOP, DATA, ISCO, made, nomenclature


@pytest.mark.parametrize(
    ("name", "label", "sizes", "languages"),
    [
        ("nace_rev2", "NACE Rev. 2", [21, 88, 272, 615], ("en", "fr", "de", "it")),
        ("nace_rev21", "NACE Rev. 2.1", [22, 87, 287, 651], ("en", "de")),
        ("naf_rev2", "NAF Rev. 2", [21, 88, 272, 615, 732], ("fr",)),
        ("naf_2025", "NAF 2025", [22, 87, 287, 651, 747], ("en", "fr")),
    ],
)
def test_the_real_files(
    name: str, label: str, sizes: list[int], languages: tuple[str, ...]
) -> None:
    known = nomenclature(name)
    assert known.label == label
    assert known.depth == len(sizes)
    assert [len(known.codes(level)) for level in range(1, known.depth + 1)] == sizes
    assert known.languages == languages
    assert len(known) == sum(sizes)


def test_up_and_down() -> None:
    naf = nomenclature("naf_rev2")
    assert naf.ancestors("0111Z") == ("A", "01", "011", "0111")
    assert naf.parent("0111Z") == "0111"
    assert naf.parent("A") is None
    assert naf.level("0111Z") == 5
    assert naf.children("011")[:2] == ("0111", "0112")
    assert naf.descendants("0111") == ("0111Z",)
    assert naf.leaves_below("011")[0] == "0111Z"
    assert set(naf.descendants("A")) == {one for one in naf if "A" in naf.ancestors(one)}
    assert naf.at_level("0111Z", 3) == "011"
    with pytest.raises(NaceError, match="no single code at level 5"):
        naf.at_level("011", 5)
    with pytest.raises(NaceError, match="levels 1 to 5"):
        naf.codes(6)


def test_groups_add_leaves_up_to_any_level() -> None:
    rev2 = nomenclature("nace_rev2")
    leaves = rev2.leaves()
    for level in range(1, 5):
        groups = rev2.groups(level)
        codes = rev2.codes(level)
        assert groups.shape == (615,)
        assert set(groups) == set(range(len(codes)))
        assert all(
            codes[group] in (*rev2.ancestors(leaf), leaf)
            for leaf, group in zip(leaves, groups, strict=True)
        )
    shares = np.full(615, 1 / 615)
    assert np.bincount(rev2.groups(1), shares).sum() == pytest.approx(1)


def test_a_branch_may_end_early(tmp_path: Path) -> None:
    coicop = made(tmp_path, COICOP, "coicop_2018.csv")
    assert coicop.leaves() == ("01.1.1.1", "01.1.1.4", "01.2")
    assert coicop.codes(3) == ("01.1.1", "01.2")
    assert coicop.at_level("01.2", 4) == "01.2"
    assert coicop.at_level("01.2", 1) == "01"
    assert coicop.level("01.2") == 2
    assert coicop.groups(3).tolist() == [0, 0, 1]


def test_titles_fall_back_to_a_language_that_has_one(tmp_path: Path) -> None:
    rev2, naf = nomenclature("nace_rev2"), nomenclature("naf_2025")
    assert rev2.title("0112", "fr") == "Culture du riz"
    assert rev2.title("0112", "it") == "Coltivazione del riso"
    assert naf.title("0112", "fr") == "Growing of rice"
    assert naf.title("0112Y", "en") == naf.title("0112Y", "fr")
    coicop = made(tmp_path, COICOP, "coicop_2018.csv")
    assert coicop.title("01.2", "fr") == "Non-alcoholic beverages"
    assert coicop.title("01.1", "fr") == "Produits alimentaires"
    with pytest.raises(NaceError, match="no code of"):
        coicop.title("09")


def test_short_titles_count_as_titles_and_not_as_languages() -> None:
    titles = nomenclature("naf_rev2").titles("0111Z")
    assert (
        "fr",
        "Culture de céréales (à l'exception du riz), de légumineuses et de graines oléagineuses",
    ) in titles
    assert len(titles) == 3


def test_a_title_without_a_language(tmp_path: Path) -> None:
    text = "code,parent,level,title\n1,,1,One\n11,1,2,Eleven\n12,1,2,Twelve\n"
    plain = made(tmp_path, text, "own list.csv")
    assert plain.title("11") == "Eleven"
    assert plain.name == "OWN"
    assert plain.version == "list"


def test_a_nomenclature_always_has_a_version(tmp_path: Path) -> None:
    one = made(tmp_path, ISCO, "isco.csv")
    other = made(tmp_path, ISCO.replace("2512,", "2519,"), "isco.csv")
    assert one.version and other.version and one.version != other.version
    assert load_nomenclature(tmp_path / "isco.csv", name="ISCO", version="08").label == "ISCO 08"


def test_versions_never_mix(tmp_path: Path) -> None:
    rev2, rev21 = nomenclature("nace_rev2"), nomenclature("nace_rev21")
    with pytest.raises(NaceError, match=r"The model is of NACE Rev\. 2\.1.*correspondence"):
        rev2.require_same(rev21, "The model")
    copy = tmp_path / "copy.csv"
    copy.write_bytes((DATA / "nace_rev2.csv").read_bytes())
    rev2.require_same(load_nomenclature(copy))


def test_it_travels_as_json() -> None:
    for name in ("nace_rev2", "naf_2025"):
        known = nomenclature(name)
        again = Nomenclature.from_dict(json.loads(json.dumps(known.to_dict())))
        assert again == known
        assert again.identity == known.identity
        assert again.notes("0111") == known.notes("0111")
        assert again.find("1.11") == known.find("1.11")


def test_an_altered_copy_is_refused() -> None:
    data = json.loads(json.dumps(nomenclature("nace_rev2").to_dict()))
    data["entries"][5]["code"] = "9999"
    with pytest.raises(NaceError, match="altered"):
        Nomenclature.from_dict(data)
    with pytest.raises(NaceError, match="damaged"):
        Nomenclature.from_dict({"name": "x"})


def test_semicolons_marks_and_crlf_are_read(tmp_path: Path) -> None:
    path = tmp_path / "isco_08.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ISCO.replace(",", ";").replace("\n", "\r\n").encode())
    assert load_nomenclature(path).title("2511") == "Systems analysts"
