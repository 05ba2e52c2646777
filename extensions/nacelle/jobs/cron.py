"""The cron lines that a job may have: five fields that every engine reads in the same way.

Kubernetes reads them with robfig/cron, the local engine with cronsim. Where the two differ the
line is refused with the one to write instead. The cases, a test each in tests/jobs/test_cron.py:

1. Five fields: minute, hour, day of month, month, day of week. Six (with seconds) are refused.
2. A field is `*`, `*/n`, or a list of values, ranges `a-b` and ranges with a step `a-b/n`.
3. Months may be written JAN to DEC, days of the week SUN to SAT; upper and lower case are the same.
4. Sunday is 0 or SUN. 7 is refused: Kubernetes does not know it.
5. `@daily` and its like are refused with the five fields that they mean.
6. `L`, `W`, `#` and `?` are refused: not every engine knows them.
7. When both days are given a day of either kind counts, as in every cron; then neither may start
   with `*`, which engines read differently.
8. A step that leaves the field's range is refused: it would do nothing.
9. A line that never comes, such as 30 February, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nacelle.jobs.refusal import Refused

LONGEST_LINE = 200
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_TERM = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d{1,4}))?", re.ASCII)
# fmt: off
_MONTHS = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)
# fmt: on
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_DAYS = {month: 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)} | {2: 29}


@dataclass(frozen=True)
class _Part:
    """One of the five fields: its names in both languages, its values."""

    en: str
    fr: str
    low: int
    high: int
    names: Sequence[str] = ()


_PARTS = (
    _Part("minute", "minute", 0, 59),
    _Part("hour", "heure", 0, 23),
    _Part("day of month", "jour du mois", 1, 31),
    _Part("month", "mois", 1, 12, _MONTHS),
    _Part("day of week", "jour de la semaine", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """A cron line that was read; `text` is its one way of writing. Sunday is 0."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @property
    def fields(self) -> list[str]:
        return self.text.split()

    @property
    def at_fixed_times(self) -> bool:
        """Named hours, not an interval: such a line follows the clock on the wall (Debian cron)."""
        minute, hour, *_ = self.fields
        return not minute.startswith("*") and not hour.startswith("*")


def read_cron(line: str) -> Cron:
    """Read a cron line. Raises Refused, which names the field and says what to write."""
    words = line.upper().split() if len(line) <= LONGEST_LINE else []
    if macro := _MACROS.get(line.strip().lower()):
        raise _refused(f"Write {macro} instead of {line.strip()}.", f"Écrivez {macro} à la place.")
    if len(words) != len(_PARTS):
        found = len(line.split())
        seconds_en = " Seconds cannot be given." if found == 6 else ""
        seconds_fr = " Les secondes ne peuvent pas être données." if found == 6 else ""
        raise _refused(
            f"A cron line has five fields (minute, hour, day of month, month, day of week), such"
            f" as 0 6 1 * *; this one has {found}.{seconds_en}",
            "Une ligne cron a cinq champs (minute, heure, jour du mois, mois, jour de la semaine),"
            f" comme 0 6 1 * * ; celle-ci en a {found}.{seconds_fr}",
        )
    sets = [_read_field(part, word) for part, word in zip(_PARTS, words, strict=True)]
    _check_days(words[2], words[4])
    _check_comes(words, sets[2], sets[3])
    return Cron(" ".join(words), *sets)


def _read_field(part: _Part, word: str) -> tuple[int, ...]:
    if word == "*":
        return tuple(range(part.low, part.high + 1))
    terms = word.split(",")
    found: set[int] = set()
    for term in terms:
        if term.startswith("*") and len(terms) > 1:
            raise _bad(part, word, "write '*' or a list, not both", "écrivez « * » ou une liste")
        found |= _read_term(part, word, term)
    return tuple(sorted(found))


def _read_term(part: _Part, word: str, term: str) -> set[int]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise _bad(
            part,
            word,
            f"write '*', a value from {part.low} to {part.high}, a list 1,2 or a range 1-5",
            f"écrivez « * », une valeur de {part.low} à {part.high}, une liste 1,2 ou une plage"
            " 1-5",
        )
    if match["low"] == "*":
        if match["high"]:
            raise _bad(part, word, "write '*' alone", "écrivez « * » seul")
        low, high = part.low, part.high
    else:
        low = _value(part, word, match["low"])
        high = _value(part, word, match["high"]) if match["high"] else low
        if match["step"] and not match["high"]:
            # Kubernetes and cronsim disagree on where such a range ends in a week.
            high = part.high
            if part is _PARTS[4]:
                full = f"{low}-{high}/{match['step']}"
                raise _bad(part, word, f"write {full}", f"écrivez {full}")
        if low > high:
            raise _bad(
                part,
                word,
                f"a range goes up: write {low}-{part.high},{part.low}-{high}",
                f"une plage va en montant : écrivez {low}-{part.high},{part.low}-{high}",
            )
    return set(range(low, high + 1, _step(part, word, match["step"])))


def _value(part: _Part, word: str, text: str) -> int:
    if text in part.names:
        return part.names.index(text) + part.low
    if text == "7" and part is _PARTS[4]:
        raise _bad(part, word, "Sunday is 0 or SUN", "dimanche s'écrit 0 ou SUN")
    if not text.isdecimal() or not part.low <= int(text) <= part.high:
        names = f", or {part.names[0]} to {part.names[-1]}" if part.names else ""
        noms = f", ou de {part.names[0]} à {part.names[-1]}" if part.names else ""
        raise _bad(
            part,
            word,
            f"values go from {part.low} to {part.high}{names}",
            f"les valeurs vont de {part.low} à {part.high}{noms}",
        )
    return int(text)


def _step(part: _Part, word: str, text: str | None) -> int:
    step = int(text) if text else 1
    if not 1 <= step <= part.high - part.low:
        raise _bad(
            part,
            word,
            f"a step goes from 1 to {part.high - part.low}",
            f"un pas va de 1 à {part.high - part.low}",
        )
    return step


def _check_days(day: str, weekday: str) -> None:
    for starred, other, part in ((day, weekday, _PARTS[2]), (weekday, day, _PARTS[4])):
        if starred.startswith("*/") and other != "*":
            raise _bad(
                part,
                starred,
                "beside the other kind of day write a range with a step, such as"
                f" {part.low}-{part.high}{starred[1:]}",
                "à côté de l'autre sorte de jour, écrivez une plage avec un pas, comme"
                f" {part.low}-{part.high}{starred[1:]}",
            )


def _check_comes(words: Sequence[str], days: Sequence[int], months: Sequence[int]) -> None:
    if words[4] == "*" and min(days) > max(_LAST_DAYS[month] for month in months):
        raise _bad(
            _PARTS[2],
            words[2],
            "none of these months has such a day",
            "aucun de ces mois n'a un tel jour",
        )


def _bad(part: _Part, word: str, en: str, fr: str) -> Refused:
    return _refused(
        f"The field '{part.en}' of the cron line holds {word!r}: {en}.",
        f"Le champ « {part.fr} » de la ligne cron contient « {word} » : {fr}.",
    )


def _refused(en: str, fr: str) -> Refused:
    return Refused("schedule.cron", en, fr)
