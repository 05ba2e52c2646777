"""Schedules as sentences, and the presets of a form."""

from __future__ import annotations

import pytest

from nacelle.jobs.parts import Schedule
from nacelle.jobs.presets import Preset, preset_of
from nacelle.jobs.wording import sentence


@pytest.mark.parametrize(
    ("line", "en", "fr"),
    [
        ("0 6 1 * *", "at 06:00 on day 1 of each month", "à 06:00 le 1er de chaque mois"),
        ("* * * * *", "every minute", "chaque minute"),
        ("*/15 * * * *", "every 15 minutes", "toutes les 15 minutes"),
        (
            "*/25 * * * *",
            "every hour at minutes 0, 25 and 50",
            "chaque heure, aux minutes 0, 25 et 50",
        ),
        ("0 * * * *", "every hour, on the hour", "chaque heure, à l'heure juste"),
        ("5 * * * *", "every hour at minute 5", "chaque heure, à la minute 5"),
        (
            "5 */6 * * *",
            "every 6 hours from 00:05",
            "toutes les 6 heures à partir de 00:05",
        ),
        ("0 6,18 * * *", "at 06:00 and 18:00 every day", "à 06:00 et 18:00 chaque jour"),
        ("0 6 * * 1", "at 06:00 every Monday", "à 06:00 le lundi"),
        (
            "0 6 * * 1,4",
            "at 06:00 every Monday and Thursday",
            "à 06:00 le lundi et le jeudi",
        ),
        ("0 6 * * 1-5", "at 06:00 from Monday to Friday", "à 06:00 du lundi au vendredi"),
        (
            "*/15 8-18 * * 1-5",
            "every 15 minutes of hours 8 to 18 from Monday to Friday",
            "toutes les 15 minutes des heures 8 à 18 du lundi au vendredi",
        ),
        (
            "0 6 1 1,7 *",
            "at 06:00 on day 1 of January and July",
            "à 06:00 le 1er de janvier et juillet",
        ),
        ("0 6 1-7 4 *", "at 06:00 on days 1 to 7 of April", "à 06:00 du 1er au 7 d'avril"),
        ("0 6 * 8 *", "at 06:00 every day in August", "à 06:00 chaque jour en août"),
        (
            "0 6 31 * *",
            "at 06:00 on day 31 of each month (not in months without such a day)",
            "à 06:00 le 31 de chaque mois (pas les mois qui n'ont pas un tel jour)",
        ),
        (
            "0 6 1 * 1",
            "at 06:00 on day 1 of each month and also every Monday",
            "à 06:00 le 1er de chaque mois et aussi le lundi",
        ),
    ],
)
def test_sentences(line: str, en: str, fr: str) -> None:
    said = sentence(Schedule(cron=line, zone="Europe/Paris"))
    assert said.en == f"{en}, Europe/Paris"
    assert said.fr == f"{fr}, Europe/Paris"


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        (Preset(name="hourly", minute=5), "5 * * * *"),
        (Preset(name="daily", hour=6), "0 6 * * *"),
        (Preset(name="weekdays", hour=6, minute=30), "30 6 * * 1-5"),
        (Preset(name="weekly", hour=6, weekday=0), "0 6 * * 0"),
        (Preset(name="monthly", hour=6, day=28), "0 6 28 * *"),
    ],
)
def test_presets_and_back(preset: Preset, line: str) -> None:
    assert preset.cron == line
    assert preset_of(line) == preset


@pytest.mark.parametrize("line", ["*/5 * * * *", "0 6 31 * *", "0 6 1 1 *", "0 6,7 * * *"])
def test_other_lines_are_no_preset(line: str) -> None:
    assert preset_of(line) is None


def test_a_preset_is_shown_again_however_it_is_written() -> None:
    assert preset_of("00 06 * * mon-fri") == Preset(name="weekdays")
