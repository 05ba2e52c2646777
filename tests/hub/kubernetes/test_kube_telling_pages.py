"""The pages' templates with and without what a cluster tells. Tier: none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bs4 import BeautifulSoup
from test_hub_look import context, rendered

from nacelle.language import Said

PAGES = ["home.html", "spawn.html", "spawn_pending.html", "not_running.html"]
WHY = Said("The <b>machine</b> was lost.", "La machine a été perdue.")
LEFT = Said("Left for new sessions: 1 GPU.", "Reste pour de nouvelles sessions : 1 GPU.")


def page(template: str, language: str, **shown: Any) -> BeautifulSoup:
    spawner = context(language)["spawner"]
    vars(spawner).update(shown)
    user = context(language)["user"]
    user.spawner = spawner
    return rendered(
        template, language, spawner=spawner, default_server=spawner, user=user, failed=False
    )


@pytest.mark.parametrize("template", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_one_machine_s_pages_say_nothing_of_a_cluster(template: str, language: str) -> None:
    text = str(page(template, language)).lower()
    for word in ("cluster", "quota", "pod ", "kubernetes", 'id="left"', "ended by itself"):
        assert word not in text, word


@pytest.mark.parametrize("template", ["home.html", "not_running.html"])
@pytest.mark.parametrize(
    ("language", "heading"),
    [("en", "Your last session ended by itself"), ("fr", "Votre dernière session s'est arrêtée")],
)
def test_why_the_last_session_ended(template: str, language: str, heading: str) -> None:
    at = datetime(2026, 3, 2, 6, 0, 5)
    soup = page(template, language, ended=lambda: WHY, ended_at=at)
    note = next(one for one in soup.find_all(class_="note") if heading in one.text)
    assert (WHY.fr if language == "fr" else WHY.en) in note.text
    assert note.time is not None
    assert note.time["datetime"] == "2026-03-02T06:00:05Z"
    assert not note.find("b")


def test_a_failed_start_is_told_rather_than_an_older_end() -> None:
    failure = Said("It is full.", "C'est plein.")
    soup = page("home.html", "en", ended=lambda: WHY, ended_at=None, failure=failure)
    assert "It is full." in soup.text
    assert "was lost" not in soup.text


def test_what_is_left_and_nothing_that_can_start() -> None:
    cards = [{**card, "reason": WHY, "checked": False} for card in context("fr")["spawner"].cards()]
    soup = page("spawn.html", "fr", left=lambda: LEFT, cards=lambda: cards)
    left, start = soup.find(id="left"), soup.find("button", attrs={"type": "submit"})
    assert left is not None
    assert left.text == LEFT.fr
    assert start is not None
    assert start.has_attr("disabled")
    assert "Aucun ne peut démarrer" in soup.text
    assert all(radio.has_attr("disabled") for radio in soup.find_all("input", type="radio"))
