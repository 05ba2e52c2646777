"""How the hub's log tells what was refused, and what failed."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from nacelle.hub.refusals import ChoiceRefused, ChoicesAreNoFaults, StartFailed
from nacelle.language import Said

WHY = Said("There is no such environment.", "Cet environnement n'existe pas.")


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    logger, written = logging.getLogger("test.refusals"), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(ChoicesAreNoFaults())
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)


def test_a_refused_choice_is_a_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    try:
        raise ChoiceRefused(WHY, "fr")
    except ChoiceRefused:
        logger.error("Failed with %s", "a form {} %s", exc_info=True)
        logger.error("Not starting")
        logger.warning("told once more")
    assert written.getvalue().splitlines() == [
        "INFO Failed with a form {} %s: There is no such environment.",
        "INFO Not starting",
        "WARNING told once more",
    ]


def test_what_fails_keeps_its_traceback(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    for failure in (StartFailed(WHY, "en", "died", 500), KeyError("x")):
        try:
            raise failure
        except Exception:
            logger.exception("Failed")
    assert written.getvalue().count("ERROR Failed\nTraceback") == 2
    try:
        raise ChoiceRefused(WHY, "en")
    except ChoiceRefused:
        try:
            raise KeyError("x")
        except KeyError:
            logger.exception("Failed to clean up")
    assert "ERROR Failed to clean up\nTraceback" in written.getvalue()


def test_the_reader_s_language_is_shown_and_english_logged() -> None:
    refused = ChoiceRefused(WHY, "fr")
    assert (refused.jupyterhub_message, refused.status_code) == (WHY.fr, 400)
    assert WHY.en in str(refused)
