"""What the notebooks share: rows kept apart, files of rows, places."""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.folds import word_keys
from nacelle.nace.labelled import read_labelled
from nacelle.nace.official import official_rows
from nacelle.nace.pipeline import hold_out, place, write_labelled
from tests.nace.data import nomenclature

NACE = nomenclature("nace_rev2")


def test_no_test_text_has_words_that_are_learnt(small_rows: Path) -> None:
    rows = read_labelled(small_rows, NACE)
    learn, test = hold_out(rows, NACE, parts=5)
    assert len(learn) + len(test) == len(rows)
    # A fifth, less the titles and notes, which the nomenclature has anyway.
    assert 0.1 < len(test) / len(rows) < 0.2
    tested = set(word_keys(test.texts, test.languages))
    official = official_rows(NACE)
    known = word_keys([row.text for row in official], [row.language for row in official])
    assert not tested & set(word_keys(learn.texts, learn.languages))
    assert not tested & set(known)
    assert set(test.codes) == set(rows.codes)


def test_another_seed_keeps_other_texts_apart(small_rows: Path) -> None:
    rows = read_labelled(small_rows, NACE)
    first, again, other = (hold_out(rows, NACE, seed=seed)[1].texts for seed in (1, 1, 2))
    assert first == again != other


def test_written_rows_are_read_as_they_were(small_rows: Path, tmp_path: Path) -> None:
    rows = read_labelled(small_rows, NACE)
    written = write_labelled(str(tmp_path / "new" / "rows.parquet"), rows, NACE)
    assert read_labelled(written, NACE).digest() == rows.digest()


def test_written_rows_say_their_version(small_rows: Path, tmp_path: Path) -> None:
    rows = read_labelled(small_rows, NACE)
    written = write_labelled(str(tmp_path / "rows.parquet"), rows, NACE)
    with pytest.raises(NaceError, match=r"coded in another version.*Rev\. 2"):
        read_labelled(written, nomenclature("nace_rev21"))


def test_a_place_that_cannot_be_written_is_told(small_rows: Path) -> None:
    rows = read_labelled(small_rows, NACE)
    with pytest.raises(NaceError, match="cannot be written"):
        write_labelled("/proc/none/rows.parquet", rows, NACE)


def test_a_path_may_start_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    assert place("~/nace/model") == "/home/alice/nace/model"
    assert place("s3://user-alice/nace") == "s3://user-alice/nace"
    assert place("") == ""
