"""Labelled rows: read wherever they are, and whatever is left out is counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from nacelle.nace import labelled as reasons
from nacelle.nace.errors import NaceError
from nacelle.nace.labelled import Labelled, read_labelled
from nacelle.nace.nomenclature import load_nomenclature
from tests.nace.data import COICOP, DATA, ISCO, made, nomenclature

REV2 = "nace_rev2"
GOOD = [("growing of wheat", "01.11"), ("growing of rice", "0112"), ("bakery", "10.71Z")]


def parquet(folder: Path, columns: Mapping[str, Sequence[Any]], name: str = "rows.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(dict(columns)), path)
    return path


def csv_file(folder: Path, data: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def rows(folder: Path, pairs: Sequence[tuple[Any, Any]]) -> Path:
    texts, codes = zip(*pairs, strict=True)
    return parquet(folder, {"text": texts, "code": codes})


def read(path: Path | str, **options: Any) -> Labelled:
    return read_labelled(path, nomenclature(REV2), **options)


def test_the_real_files_lose_nothing() -> None:
    train = read(DATA / "activities_train.parquet")
    assert len(train) == train.report.read == 28_499
    assert train.report.counts == {}
    assert set(train.codes) == set(nomenclature(REV2).leaves())
    assert {"en", "fr", "de", "it"} == set(train.languages)
    assert "ons_sic2007_index" in train.sources
    naf = read_labelled(DATA / "activities_naf2025_train.parquet", nomenclature("naf_2025"))
    assert len(naf) == 4_016
    assert set(naf.codes) == set(nomenclature("naf_2025").leaves())
    assert set(naf.languages) == {""}


def test_codes_are_taken_up_to_a_level() -> None:
    path = DATA / "activities_naf2025_train.parquet"
    found = read_labelled(path, nomenclature("naf_2025"), level=2)
    assert set(found.codes) == set(nomenclature("naf_2025").codes(2))


def test_the_same_rows_as_csv_and_parquet_have_one_digest(tmp_path: Path) -> None:
    table = pq.read_table(DATA / "activities_train.parquet").slice(0, 500)
    pq.write_table(table, tmp_path / "a.parquet")
    pa.csv.write_csv(table, tmp_path / "a.csv")
    options = pa.csv.WriteOptions(delimiter=";")
    pa.csv.write_csv(table, tmp_path / "b.csv", options)
    one, two, three = (read(tmp_path / name) for name in ("a.parquet", "a.csv", "b.csv"))
    assert one.texts == two.texts == three.texts
    assert one.digest() == two.digest() == three.digest()
    pq.write_table(table.slice(0, 499), tmp_path / "c.parquet")
    assert read(tmp_path / "c.parquet").digest() != one.digest()


def test_files_folders_patterns_and_addresses(tmp_path: Path) -> None:
    import fsspec

    one = rows(tmp_path, GOOD[:2])
    (tmp_path / "more").mkdir()
    other = csv_file(tmp_path / "more", "text,code\nbakery,1071\n", "b.csv")
    (tmp_path / "_SUCCESS").touch()
    for where in (tmp_path, [one, other], f"{tmp_path}/**/*.*", [one, other, one]):
        assert sorted(read_labelled(where, nomenclature(REV2)).codes) == ["0111", "0112", "1071"]
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/data/a.parquet", one.read_bytes())
    store.pipe("/bucket/data/b.csv", other.read_bytes())
    for address in ("memory://bucket/data", "memory://bucket/data/*"):
        assert len(read(address)) == 3
    assert len(read("memory://bucket/data/a.parquet")) == 2
    with pytest.raises(NaceError, match="no such file"):
        read("memory://bucket/data/c.parquet")


def test_side_variables_languages_and_other_names(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        {
            "libelle": ["culture de blé", "culture de riz", "Culture de BLÉ"],
            "ape": ["0111Z", "0112Z", "0111Z"],
            "nature": ["01", None, "02"],
            "surface": [1.0, np.nan, 2.0],
            "language": ["fr", None, "fr"],
        },
    )
    found = read(path, text="libelle", code="ape", side=("nature", "surface"))
    assert found.side == {"nature": ["01", "", "02"], "surface": ["1", "", "2"]}
    assert found.languages == ["fr", "", "fr"]
    assert found.sources == ["", "", ""]


def test_each_drop_is_counted_with_an_example(tmp_path: Path) -> None:
    bad = [
        (None, "0111"),
        ("  ", "0111"),
        ("NaN", "0111"),
        ("x" * 5_000_000, "0111"),
        ("\0\1\2\3 mining", "0510"),
        ("\x01\x02\x03\x04\x05", "0111"),
        ("mining", "9999"),
        ("mining", None),
        ("mining", "05"),
        ("mining", "510"),
        ("mining", "0510Y"),
        ("Growing of WHEAT!", "0111"),
    ]
    found = read(rows(tmp_path, GOOD + bad))
    assert found.codes == ["0111", "0112", "1071"]
    report = found.report
    assert (report.read, report.kept) == (15, 3)
    assert report.counts == {
        reasons.NO_TEXT: 3,
        reasons.TOO_LONG: 1,
        reasons.UNREADABLE: 2,
        "code unknown to NACE Rev. 2": 1,
        reasons.NO_CODE: 1,
        "code above level 4 of NACE Rev. 2": 1,
        "code that seems to have lost its leading zero (111 for 0111)": 1,
        "coded in another version (a letter of NACE Rev. 2.1 and NAF 2025)": 1,
        reasons.DUPLICATE: 1,
    }
    shown = str(report)
    assert "15 rows read, 3 kept" in shown
    assert "'9999' (rows.parquet, row 10)" in shown
    assert len(shown) < 3_000
    assert report.to_dict()["dropped"][reasons.DUPLICATE] == 1
    assert sum(report.counts.values()) == report.read - report.kept


def test_a_zero_lost_is_never_guessed(tmp_path: Path) -> None:
    """161 may be 0161 read as a number, or the group 16.1, whose only class is 16.10."""
    found = read(csv_file(tmp_path, "text,code\nfarm help,161\nwheat,0111\nrice,0112\n"))
    assert found.codes == ["0111", "0112"]
    assert "leading zero" in next(iter(found.report.counts))


def test_evaluation_keeps_what_cannot_be_read(tmp_path: Path) -> None:
    pairs = [
        *GOOD,
        *GOOD,
        (None, "0111"),
        ("x" * 20_000, "0112"),
        ("\0\0\0", "0111"),
        ("a", "9999"),
    ]
    found = read(rows(tmp_path, pairs), keep_unreadable=True)
    assert len(found) == 9
    assert max(map(len, found.texts)) == 10_000
    assert found.report.counts == {"code unknown to NACE Rev. 2": 1}
    assert len(read(rows(tmp_path, GOOD[:1]), keep_unreadable=True)) == 1


def test_evaluation_rejects_what_predict_rejects(tmp_path: Path) -> None:
    data = "text,code\nboulangerie pâtisserie,1071\nbakery,1071\ncafé,9999\n".encode("latin-1")
    found = read(csv_file(tmp_path, data), keep_unreadable=True)
    assert found.texts == ["", "bakery"]
    assert found.report.warnings[0].startswith("1 texts are not UTF-8")
    assert "`predict` rejects them" in str(found.report)


def test_csv_rows_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    data = (
        b"text,code\nwheat,0111\na,b,c\n\xe9t\xe9 au bl\xe9,0111\n"
        b'"rice\nand more",0112\n"big ' + b"x" * 5_000_000 + b'",0111\nbakery,9999\n'
    )
    found = read(csv_file(tmp_path, data))
    assert found.texts == ["wheat", "rice and more"]
    assert found.report.counts == {
        reasons.BROKEN: 1,
        reasons.UNREADABLE: 1,
        reasons.TOO_LONG: 1,
        "code unknown to NACE Rev. 2": 1,
    }
    assert found.report.examples[reasons.BROKEN][0].row == 2
    assert found.report.examples["code unknown to NACE Rev. 2"][0].row == 6


def test_damaged_files_never_end_in_a_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bytes changed at random: every row is kept or counted, or a NaceError says why not."""
    table = pq.read_table(DATA / "activities_train.parquet").slice(0, 30)
    pa.csv.write_csv(table, tmp_path / "whole.csv")
    pq.write_table(table, tmp_path / "whole.parquet")
    chance = random.Random(11)
    outcomes = Counter[str]()
    for kind in ("csv", "parquet"):
        whole = (tmp_path / f"whole.{kind}").read_bytes()
        for _ in range(200):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 5)):
                place = chance.randrange(len(data))
                data[place : place + chance.randint(0, 3)] = chance.choice(
                    [b'"', b",", b"\n", b"\0", b"\xff", b"\r", b""]
                )
            (tmp_path / f"damaged.{kind}").write_bytes(data)
            try:
                report = read(tmp_path / f"damaged.{kind}").report
            except NaceError:
                outcomes[f"{kind} refused"] += 1
            else:
                outcomes[f"{kind} read"] += 1
                assert sum(report.counts.values()) == report.read - report.kept
    assert outcomes["csv read"] > 100 and outcomes["parquet refused"] > 100
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "sentences"),
    [
        (b"", ["rows.csv is empty"]),
        (b"texte,code\nwheat,0111\n", ["no column 'text'", "texte, code", "Rename 'texte'"]),
        (b"text,label\nwheat,0111\n", ["no column 'code'"]),
        (b"text,code,code\na,0111,0112\n", ["'code' twice"]),
        (b"text,code\n", ["No row"]),
        (b"text,code\nwheat,0111\nrye,01.11\n", ["All 2 rows", "0111", "at least two"]),
        (b"text,code\nwheat,\nrice,\n", ["No row is left", "no code"]),
        (b"text,code\nwheat,5555Q\nrice,7777Q\n", ["100%", "another version"]),
        ("text,code\nwheat,0111\n".encode("utf-16"), ["UTF-16"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["no CSV file"]),
        (b"PAR1" + bytes(100), ["no readable Parquet file"]),
        (b'text,code\nrye,0111\n"wheat,0111\nrice,0112\n', ["rows.csv, line 3", "a quote"]),
        (b'text,code\nrye,0111\n"wheat,0111\n"rice,0112\n', ["rows.csv, line 3", "a quote"]),
        (b"text,code,language,language\nrye,0111,en,fr\n", ["'language' twice"]),
        (b"text|code\nrye|0111\n", ["no column 'text'", "separated by '|'"]),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, data: bytes, sentences: list[str]) -> None:
    with pytest.raises(NaceError) as caught:
        read(csv_file(tmp_path, data))
    for sentence in sentences:
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("named", "column"),
    [
        ({"side": ("text",)}, "text"),
        ({"side": ("code",)}, "code"),
        ({"side": ("form", "form")}, "form"),
        ({"text": "code"}, "code"),
        ({"side": ("language",)}, "language"),
    ],
)
def test_a_column_is_one_thing(tmp_path: Path, named: dict[str, Any], column: str) -> None:
    columns = {"text": ["wheat"], "code": ["0111"], "form": ["1"], "language": ["en"]}
    with pytest.raises(NaceError, match=f"'{column}' is named twice"):
        read(parquet(tmp_path, columns), **named)


def test_a_parquet_file_with_a_column_twice(tmp_path: Path) -> None:
    names = ["text", "code", "language", "language"]
    table = pa.table([pa.array([one]) for one in ("wheat", "0111", "en", "fr")], names=names)
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(NaceError, match="'language' twice"):
        read(tmp_path / "rows.parquet")


def test_cells_are_read_one_by_one(tmp_path: Path) -> None:
    """What one row holds is the same text whatever the others hold."""
    form = pa.array([5499.0, 1.5, None, float("nan")])
    path = parquet(tmp_path, {"text": [*"abcd"], "code": ["0111", "0112"] * 2, "form": form})
    assert read(path, side=("form",)).side == {"form": ["5499", "1.5", "", ""]}


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    rows(tmp_path, GOOD)
    assert len(read("~/rows.parquet")) == len(read("~/*.parquet")) == 3
    (tmp_path / "isco_08.csv").write_text(ISCO, encoding="utf-8")
    assert load_nomenclature("~/isco_08.csv").label == "ISCO 08"
    with pytest.raises(NaceError, match="no such home folder"):
        read("~nobody-of-that-name/rows.parquet")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    rows(tmp_path, GOOD)
    with pytest.raises(NaceError, match=r"no such file.*rows\.parquet"):
        read(tmp_path / "row.parquet")
    with pytest.raises(NaceError, match="no Parquet or CSV"):
        read(f"{tmp_path}/*.feather")
    with pytest.raises(NaceError, match="No file was named"):
        read_labelled([], nomenclature(REV2))


def test_codes_stored_as_numbers_are_refused_where_they_lose_zeros(tmp_path: Path) -> None:
    for codes in ([111, 112], [111.0, 112.0]):
        with pytest.raises(NaceError, match=r"'code' holds numbers.*store the codes as text"):
            read(parquet(tmp_path, {"text": ["wheat", "rice"], "code": codes}))
    with pytest.raises(NaceError, match="'text' holds numbers"):
        read(parquet(tmp_path, {"text": [1, 2], "code": ["0111", "0112"]}))
    no_zero = "\n".join(line for line in ISCO.splitlines() if not line.startswith("0"))
    path = parquet(tmp_path, {"text": ["analyst", "coder"], "code": [2511, 2512]})
    assert read_labelled(path, made(tmp_path, no_zero)).codes == ["2511", "2512"]
    with pytest.raises(NaceError, match="holds numbers"):
        read_labelled(path, made(tmp_path, ISCO))


def test_another_version_is_named_where_it_is_given() -> None:
    path = DATA / "activities_train.parquet"
    rev2, rev21 = nomenclature(REV2), nomenclature("nace_rev21")
    with pytest.raises(NaceError, match=r"is coded in NACE Rev\. 2\. Give that"):
        read_labelled(path, rev21, others=[rev2])
    alone = read_labelled(path, rev21)
    assert "18%" in alone.report.warnings[0]
    assert "18%" in str(alone.report)


def test_mixed_versions_are_counted_by_name(tmp_path: Path) -> None:
    pairs = [*GOOD, ("computer programming", "6210"), ("rye", "0111Y")]
    others = [nomenclature("nace_rev21")]
    found = read(rows(tmp_path, pairs), others=others)
    assert found.report.counts == {
        "coded in another version (NACE Rev. 2.1)": 1,
        "coded in another version (a letter of NACE Rev. 2.1 and NAF 2025)": 1,
    }
    assert found.report.warnings


def test_a_file_that_says_its_version_is_believed(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        {
            "text": ["wheat", "rice", "bakery", "maize"],
            "code": ["0111", "0112", "1071", "0111"],
            "nomenclature": ["NACE", "NACE", "NACE", None],
            "version": ["Rev. 2", "Rev. 2.1", "rev 2", None],
        },
    )
    found = read(path)
    assert found.texts == ["wheat", "bakery", "maize"]
    assert found.report.counts == {"coded in another version (NACE Rev. 2.1)": 1}


def test_a_nomenclature_may_be_named_without_its_version(tmp_path: Path) -> None:
    columns = {"text": ["wheat", "rice", "cook"], "code": ["0111", "0112", "0111"]}
    found = read(parquet(tmp_path, {**columns, "nomenclature": ["NACE", "nace", "ISCO"]}))
    assert found.texts == ["wheat", "rice"]
    assert found.report.counts == {"coded in another version (ISCO)": 1}


def test_ten_rows_are_enough(tmp_path: Path) -> None:
    pairs = [(f"growing of crop {one}", "0111" if one % 2 else "0112") for one in range(10)]
    assert len(read(rows(tmp_path, pairs))) == 10


def test_other_nomenclatures(tmp_path: Path) -> None:
    coicop = made(tmp_path, COICOP, "coicop_2018.csv")
    path = csv_file(
        tmp_path, "text;code\nwhite bread;01.1.1.4\nrice;1.1.1.1\njuice;01.2\nfood;01.1\n"
    )
    found = read_labelled(path, coicop)
    assert found.codes == ["01.1.1.4", "01.1.1.1", "01.2"]
    assert list(found.report.counts) == ["code above level 4 of COICOP 2018"]


def test_stray_control_characters_become_blanks(tmp_path: Path) -> None:
    text = "growing of wheat,\x1frye and\x0b barley in the open field near Lyon"
    found = read(rows(tmp_path, [(text, "0111"), ("a\r\nb\tc d", "0112")]))
    assert found.texts == [
        "growing of wheat, rye and barley in the open field near Lyon",
        "a b c d",
    ]
