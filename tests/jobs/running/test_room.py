"""What outputs may hold, and what the log may: no single piece goes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.running import journal
from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.room import MOST_OF_ERROR, TOO_LARGE, Room


def stream(text: str) -> dict[str, Any]:
    return {"name": "stdout", "text": text}


def shown(text: str) -> dict[str, Any]:
    return {"data": {"text/html": text}, "metadata": {}}


def test_what_fits_is_kept_as_it_is() -> None:
    room = Room(10)
    for content in (stream("12345"), shown("12345")):
        assert room.take("stream", content) is content
    assert not room.full


def test_what_is_printed_is_cut_at_a_line() -> None:
    room = Room(10)
    assert room.take("stream", stream("one\ntwo\nthree\n")) == stream(f"one\ntwo\n{TOO_LARGE}\n")
    assert room.full
    assert room.take("stream", stream("x")) is None
    assert room.take("display_data", shown("x")) is None


def test_a_display_has_a_sentence_in_its_place() -> None:
    room = Room(10)
    kept = room.take("execute_result", shown("x" * 11) | {"execution_count": 3})
    assert kept == {"data": {"text/plain": TOO_LARGE}, "metadata": {}, "execution_count": 3}
    assert room.take("display_data", shown("x")) is None


def test_metadata_count_too() -> None:
    assert Room(10).take("display_data", shown("x") | {"metadata": {"a": "x" * 11}}) != shown("x")


def test_what_takes_the_place_of_a_display_counts_once() -> None:
    room = Room(20)
    assert room.take("display_data", shown("12345"), "a")
    for _ in range(10):
        assert room.take("update_display_data", shown("1234567890"), "a", 1)
    assert not room.full
    # In two places it is there twice.
    assert room.take("display_data", shown("1234567890"), "a", 1)
    assert not room.full
    assert room.take("update_display_data", shown("12345678901"), "a", 2)
    assert room.full


def test_an_error_is_told_all_the_same_with_its_last_lines() -> None:
    room = Room(10)
    lines = [f"line {number}" for number in range(MOST_OF_ERROR)]
    error = {"ename": "ValueError", "evalue": "no", "traceback": ["\n".join(lines), "the end"]}
    kept = room.take("error", error)
    assert kept and (kept["ename"], kept["evalue"]) == ("ValueError", "no")
    assert (kept["traceback"][0], kept["traceback"][-1]) == (TOO_LARGE, "the end")
    assert kept["traceback"][-2] == lines[-1]
    assert sum(map(len, kept["traceback"])) <= MOST_OF_ERROR + len(TOO_LARGE)
    long = room.take("error", error | {"evalue": "x" * (MOST_OF_ERROR + 1), "traceback": []})
    assert long and long["evalue"] == TOO_LARGE


def test_tracebacks_count() -> None:
    room = Room(10)
    room.take("error", {"ename": "E", "evalue": "", "traceback": ["1234567890"]})
    assert room.take("stream", stream("x")) == stream(f"\n{TOO_LARGE}\n")


def test_one_print_does_not_fill_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_PRINTED", 1000)
    made = Journal(tmp_path / "log", Hider())
    made.printed("x" * 600 + "\n")
    made.printed("#" * 100_000)
    made.printed("never")
    made.say("The end")
    text = (tmp_path / "log").read_text()
    assert text.count("#") == 1000 - 601
    assert text.count("printed too much") == 1 and "never" not in text
    assert text.rstrip().endswith("The end")
    made.close()
