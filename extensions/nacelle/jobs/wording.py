"""A schedule as a sentence: "at 06:00 on day 1 of each month, Europe/Paris"."""

from __future__ import annotations

from collections.abc import Sequence

from nacelle.jobs.cron import Cron
from nacelle.jobs.parts import Schedule
from nacelle.language import Said

# More than so many single times are told as minutes and hours.
_MOST_TIMES = 6
# fmt: off
_DAYS_EN = (
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
)
_DAYS_FR = (
    "dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi",
)
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)
_MONTHS_FR = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)
# fmt: on


def sentence(schedule: Schedule) -> Said:
    """What the schedule means, in both languages; the zone stands at its end."""
    cron = schedule.read()
    en = " ".join(part for part in (_times_en(cron), _days_en(cron)) if part)
    fr = " ".join(part for part in (_times_fr(cron), _days_fr(cron)) if part)
    if _some_months_lack(cron):
        en += " (not in months without such a day)"
        fr += " (pas les mois qui n'ont pas un tel jour)"
    return Said(f"{en}, {schedule.zone}", f"{fr}, {schedule.zone}")


def _times_en(cron: Cron) -> str:
    minute, hour, *_ = cron.fields
    if cron.at_fixed_times and len(cron.hours) * len(cron.minutes) <= _MOST_TIMES:
        return "at " + _listed(_clock(cron), "and")
    minutes = f"minute{_s(cron.minutes)} {_numbers(cron.minutes, 'and', 'to')}"
    if hour == "*":
        if step := _step(minute, 60):
            return "every minute" if step == 1 else f"every {step} minutes"
        return "every hour, on the hour" if minute == "0" else f"every hour at {minutes}"
    hours = f"hour{_s(cron.hours)} {_numbers(cron.hours, 'and', 'to')}"
    if (step := _step(hour, 24)) and len(cron.minutes) == 1:
        return f"every {step} hours from 00:{cron.minutes[0]:02d}"
    if step := _step(minute, 60):
        often = "every minute" if step == 1 else f"every {step} minutes"
        return f"{often} of {hours}"
    return f"at {minutes} of {hours}"


def _times_fr(cron: Cron) -> str:
    minute, hour, *_ = cron.fields
    if cron.at_fixed_times and len(cron.hours) * len(cron.minutes) <= _MOST_TIMES:
        return "à " + _listed(_clock(cron), "et")
    article = "aux minutes" if len(cron.minutes) > 1 else "à la minute"
    minutes = f"{article} {_numbers(cron.minutes, 'et', 'à')}"
    if hour == "*":
        if step := _step(minute, 60):
            return "chaque minute" if step == 1 else f"toutes les {step} minutes"
        return "chaque heure, à l'heure juste" if minute == "0" else f"chaque heure, {minutes}"
    article = "des heures" if len(cron.hours) > 1 else "de l'heure"
    hours = f"{article} {_numbers(cron.hours, 'et', 'à')}"
    if (step := _step(hour, 24)) and len(cron.minutes) == 1:
        return f"toutes les {step} heures à partir de 00:{cron.minutes[0]:02d}"
    if step := _step(minute, 60):
        often = "chaque minute" if step == 1 else f"toutes les {step} minutes"
        return f"{often} {hours}"
    return f"{minutes} {hours}"


def _days_en(cron: Cron) -> str:
    _, _, day, month, weekday = cron.fields
    months = "" if month == "*" else _names(cron.months, _MONTHS_EN, 1, "and", "to")
    kinds = []
    if not _all(day):
        of = months or "each month"
        kinds.append(f"on day{_s(cron.days)} {_numbers(cron.days, 'and', 'to')} of {of}")
    if not _all(weekday):
        often = "from" if _is_run(cron.weekdays) else "every"
        kinds.append(f"{often} {_names(cron.weekdays, _DAYS_EN, 0, 'and', 'to')}")
    if not kinds:
        within = f" in {months}" if months else ""
        return f"every day{within}" if cron.at_fixed_times or months else ""
    in_months = f" in {months}" if months and _all(day) else ""
    return _both(kinds, "and also") + in_months


def _days_fr(cron: Cron) -> str:
    _, _, day, month, weekday = cron.fields
    months = "" if month == "*" else _names(cron.months, _MONTHS_FR, 1, "et", "à")
    kinds = []
    if not _all(day):
        of = f"de {months}" if months else "de chaque mois"
        of = of.replace("de avril", "d'avril").replace("de août", "d'août")
        of = of.replace("de octobre", "d'octobre")
        numbers = _numbers(cron.days, "et", "au" if _is_run(cron.days) else "à")
        article = "du" if _is_run(cron.days) else _article(cron.days)
        kinds.append(f"{article} {_first(numbers)} {of}")
    if not _all(weekday):
        run = _is_run(cron.weekdays)
        names = _names(cron.weekdays, _DAYS_FR, 0, "et le", "au")
        kinds.append(f"{'du' if run else 'le'} {names}")
    if not kinds:
        within = f" en {months}" if months else ""
        return f"chaque jour{within}" if cron.at_fixed_times or months else ""
    in_months = f" en {months}" if months and _all(day) else ""
    return _both(kinds, "et aussi") + in_months


def _clock(cron: Cron) -> list[str]:
    return [f"{hour:02d}:{minute:02d}" for hour in cron.hours for minute in cron.minutes]


def _step(field: str, whole: int) -> int:
    """1 for `*`, n for `*/n` whose last step is as long as the others, else 0."""
    step = 1 if field == "*" else int(field[2:]) if field.startswith("*/") else 0
    return step if step and whole % step == 0 else 0


def _all(field: str) -> bool:
    return field in ("*", "*/1")


def _is_run(numbers: Sequence[int]) -> bool:
    return len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1


def _numbers(numbers: Sequence[int], last: str, to: str) -> str:
    if _is_run(numbers):
        return f"{numbers[0]} {to} {numbers[-1]}"
    return _listed([str(number) for number in numbers], last)


def _names(numbers: Sequence[int], names: Sequence[str], low: int, last: str, to: str) -> str:
    if _is_run(numbers):
        return f"{names[numbers[0] - low]} {to} {names[numbers[-1] - low]}"
    return _listed([names[number - low] for number in numbers], last)


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _both(kinds: Sequence[str], joined: str) -> str:
    return f" {joined} ".join(kinds)


def _s(numbers: Sequence[int]) -> str:
    return "s" if len(numbers) > 1 else ""


def _article(numbers: Sequence[int]) -> str:
    return "les" if len(numbers) > 1 else "le"


def _first(numbers: str) -> str:
    """The first of a month is the only one that French tells as an ordinal."""
    return "1er" + numbers[1:] if numbers == "1" or numbers.startswith(("1,", "1 ")) else numbers


def _some_months_lack(cron: Cron) -> bool:
    return cron.fields[2] != "*" and not _all(cron.fields[2]) and max(cron.days) > 28
