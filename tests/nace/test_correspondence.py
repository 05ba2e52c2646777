"""Correspondence tables between versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.nace.correspondence import Correspondence, load_correspondence
from nacelle.nace.errors import NaceError
from nacelle.nace.tables import read_table
from tests.nace.data import DATA, nomenclature

TABLE = DATA / "nace_rev2_to_rev21.csv"


def real() -> Correspondence:
    return load_correspondence(TABLE, nomenclature("nace_rev2"), nomenclature("nace_rev21"))


def written(folder: Path, text: str) -> Correspondence:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return load_correspondence(path, nomenclature("nace_rev2"), nomenclature("nace_rev21"))


def test_the_real_table() -> None:
    table = real()
    assert len(table.links) == 978
    assert table.targets("01.11") == ("0111",)
    assert table.only_target("0111Z") == "0111"
    assert sum(table.only_target(code) is not None for code in table.source.leaves()) == 450
    assert table.without_target() == ()
    assert table.without_source() == ("4689",)
    assert table.sources("4689") == ()


def test_kinds_and_partial_links_are_those_of_the_file() -> None:
    table = real()
    rows = {(row["rev2"], row["rev21"]): row for row in read_table(TABLE).rows}
    for link in table.links:
        row = rows[link.source, link.target]
        assert table.kind(link) == row["type"]
        assert str(link.partial) == row["partial"]
        assert len(table.targets(link.source)) == int(row["n_targets"])
        assert len(table.sources(link.target)) == int(row["n_sources"])


def test_backwards() -> None:
    table, back = real(), real().reversed()
    assert back.source.label == "NACE Rev. 2.1"
    assert back.targets("0113") == table.sources("0113")
    assert all(one.partial == (len(back.targets(one.source)) > 1) for one in back.links)


def test_a_small_table_without_marks(tmp_path: Path) -> None:
    table = written(tmp_path, "old;new\n01.11Z;01.11Y\n01.12;01.12\n01.12;01.13\n")
    assert table.links == (
        ("0111", "0111", False),
        ("0112", "0112", True),
        ("0112", "0113", True),
    )
    assert [table.kind(one) for one in table.links] == ["1:1", "1:n", "1:n"]
    assert table.only_target("0112") is None
    assert table.targets("0113") == ()
    assert "0113" in table.without_target()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("old,new\n01.11,01.11\n9999,01.11\n", "line 3, column old: '9999' is no code of NACE"),
        ("old,new\n01.11,01.11\n01.12,0112Z\n", "line 3, column new.*another version"),
        ("old,new\n01.11,\n", "line 2, column new"),
        ("old,new\n01.11,01.11\n0111,0111\n", "line 3.*already, line 2"),
        ("old,new,partial\n01.11,01.11,maybe\n", "line 2, column partial: 'maybe'"),
        ("old\n01.11\n", "only column"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(NaceError, match=sentence):
        written(tmp_path, text)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(NaceError, match=r"no column 'naf2008'.*rev2"):
        load_correspondence(
            TABLE, nomenclature("nace_rev2"), nomenclature("nace_rev21"), source_column="naf2008"
        )
