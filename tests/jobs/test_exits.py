"""Ends of runs in words."""

from __future__ import annotations

import pytest

from nacelle.jobs.exits import SAYINGS, explain

DETAILS = {
    "cell": 4,
    "error": "ValueError",
    "message": "no rows",
    "limit": "4 GB",
    "image": "nacelle/lab:1",
    "owner": "ada",
    "kernel": "ir",
    "address": "s3://user-ada",
    "by": "bob",
    "request": "ab12",
    "output": "table",
    "step": "prepare",
    "name": "country",
    "most": 256,
}


@pytest.mark.parametrize("code", SAYINGS)
def test_each_says_what_happened_in_both_languages(code: str) -> None:
    said = explain(code, **DETAILS).said
    for text in (said.en, said.fr):
        assert "{" not in text
        assert text.endswith(".")
    assert said.en != said.fr


def test_the_exception_and_its_cell() -> None:
    found = explain("exception", cell=4, error="ValueError", message="a\n\x1b[31mb {x} c.")
    assert found.cell == 4
    assert found.code == "exception"
    assert found.said.en.startswith("Cell 4 stopped with ValueError: a [31mb {x} c. Open")
    assert found.said.fr.startswith("La cellule 4 s'est arrêtée avec ValueError : a [31mb {x} c.")


def test_a_long_message_is_cut() -> None:
    said = explain("exception", cell=1, error="E", message="x" * 10_000).said
    assert len(said.en) < 500
    assert "…" in said.en


def test_a_detail_that_is_not_given_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        explain("exception", cell=4)
