"""Whatever is wrong in a file of a nomenclature is said with its line and column."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.nomenclature import load_nomenclature
from tests.nace.data import DATA, ISCO, made

HEAD = "code,parent,level,title_en\n"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        (HEAD, ["no rows"]),
        ("kode,parent,level,title_en\n1,,1,x\n", ["no column 'code'", "'kode'", "Rename"]),
        ("code,parent,title_en\n1,,x\n", ["no column 'level'"]),
        ("code,parent,level,name\n1,,1,x\n", ["no column has titles", "name"]),
        ("code,code,parent,level,title\n1,1,,1,x\n", ["'code' is there twice"]),
        (HEAD + "1,,1,One\n,1,2,Two\n", ["line 3, column code", "empty"]),
        (HEAD + "1,,1,One\n2,,1,Two\n1,,1,Again\n", ["line 4, column code", "line 2"]),
        (HEAD + "1,,1,One\n11,3,2,Two\n", ["line 3, column parent", "'3'"]),
        (HEAD + "1,,1,One\n11,,2,Two\n", ["line 3, column parent", "no parent"]),
        (HEAD + "1,,1,One\n2,1,1,Two\n", ["line 3, column parent", "the top"]),
        (HEAD + "1,,1,One\n11,1,3,Two\n", ["line 3, column level", "here 2"]),
        (HEAD + "1,,1,One\n11,12,2,Two\n12,11,2,Three\n", ["line 3, column level"]),
        (HEAD + "1,,1,One\n11,11,2,Two\n", ["line 3, column level"]),
        (HEAD + "1,,one,One\n", ["line 2, column level", "'one'"]),
        (HEAD + "1,,0,One\n", ["line 2, column level"]),
        (HEAD + "1,,1.0,One\n", ["line 2, column level", "whole number"]),
        (HEAD + "1,,1,\n", ["line 2, column title_en", "no title"]),
        (HEAD + "1,,1,One,more\n", ["line 2", "5 values for 4 columns"]),
        (HEAD + '1,,1,"One\n2,,1,Two\n', ["line 2", "not a CSV row"]),
        (HEAD + f"{'1' * 40},,1,One\n", ["line 2, column code", "too long"]),
        (HEAD + '1,,1,"One\nmore"\n1,,1,Two\n', ["line 4, column code", "line 2"]),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, sentences: list[str]) -> None:
    with pytest.raises(NaceError) as caught:
        made(tmp_path, text, "mine.csv")
    for sentence in ["mine.csv", *sentences]:
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (HEAD.encode() + "1,,1,Été\n".encode("latin-1"), "line 2: byte 0xc9 is not UTF-8"),
        ((HEAD + "1,,1,One\n").encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\x00\x00\x08", "line 1"),
        (b"\0" * 200, "zero byte"),
    ],
)
def test_files_that_are_no_csv(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(data)
    with pytest.raises(NaceError, match=sentence):
        load_nomenclature(path)


def test_lost_zeros_are_said(tmp_path: Path) -> None:
    """What a spreadsheet makes of the real file: 011 becomes 11, which is a division."""
    lines = (DATA / "nace_rev2.csv").read_text(encoding="utf-8").splitlines()
    rows = [lines[0]] + [line.lstrip("0") for line in lines[1:]]
    with pytest.raises(NaceError, match="lost its leading zeros"):
        made(tmp_path, "\n".join(rows), "nace_rev2.csv")


def test_lost_zeros_in_a_small_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(NaceError, match="lost its leading zeros"):
        made(tmp_path, HEAD + "A,,1,Farms\n1,A,2,Crops\n11,01,3,Cereals\n")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "nace_rev2.csv").write_text(ISCO, encoding="utf-8")
    with pytest.raises(NaceError, match=r"no such file.*nace_rev2\.csv"):
        load_nomenclature(tmp_path / "nace_rev_2.csv")
    with pytest.raises(NaceError, match="is a folder"):
        load_nomenclature(tmp_path)
    with pytest.raises(NaceError, match="no such file"):
        load_nomenclature(tmp_path / "nowhere" / "x.csv")


def test_notes_of_another_version_are_refused() -> None:
    with pytest.raises(NaceError, match=r"nace_rev21_notes\.csv, line \d+, column code.*version"):
        load_nomenclature(DATA / "nace_rev2.csv", notes=DATA / "nace_rev21_notes.csv")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("code,comment\n2511,x\n", "no column has notes"),
        ("codes,includes_en\n2511,x\n", "no column 'code'"),
        ("code,includes_en\n2511,x\n2511,y\n", "line 3, column code: '2511' has notes twice"),
    ],
)
def test_bad_notes(tmp_path: Path, text: str, sentence: str) -> None:
    made(tmp_path, ISCO)
    (tmp_path / "notes.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NaceError, match=sentence):
        load_nomenclature(tmp_path / "isco_08.csv", notes=tmp_path / "notes.csv")


def test_damaged_files_never_end_in_a_traceback(tmp_path: Path) -> None:
    """Bytes of a small real file changed at random: it loads, or a NaceError says why not."""
    whole = "".join((DATA / "nace_rev2.csv").read_text("utf-8").splitlines(True)[:30]).encode()
    chance = random.Random(7)
    path = tmp_path / "nace_rev2.csv"
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.randint(0, 3)] = chance.choice(
                [b'"', b",", b"\n", b"\0", b"\xff", b"0", b"", b"\r", b";"]
            )
        path.write_bytes(data)
        try:
            load_nomenclature(path)
        except NaceError as error:
            refused += 1
            assert "nace_rev2.csv" in str(error)
    assert refused > 50
