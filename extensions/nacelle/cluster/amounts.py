"""Amounts as Kubernetes writes them ("500m", "4Gi", "1e3"), and how people read them: pure."""

from __future__ import annotations

import re
from decimal import Decimal

from nacelle.language import Said

_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)"
)
_BINARY = {name + "i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", start=1)}
_DECIMAL = {name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", start=1)}
_SMALL = {"m": Decimal("1e-3"), "u": Decimal("1e-6"), "n": Decimal("1e-9")}
_UNITS = {**_BINARY, **_DECIMAL, **_SMALL}


def read_quantity(written: str | float) -> Decimal:
    """A quantity of the API (apimachinery's `resource.Quantity`) as a number of its base unit:
    cores, bytes, pieces. Raises ValueError.
    """
    match = _QUANTITY.fullmatch(str(written).strip())
    if match is None:
        raise ValueError(f"{str(written)[:40]!r} is not a quantity of Kubernetes")
    number, exponent, unit = match.groups()
    if exponent:
        return Decimal(number) * Decimal(10) ** int(exponent)
    return Decimal(number) * _UNITS.get(unit or "", Decimal(1))


def in_cores(amount: Decimal | float) -> Said:
    """Cores, to a tenth."""
    shown = _short(Decimal(amount), 1)
    several = "s" if Decimal(shown) > 1 else ""
    return Said(f"{shown} core{'' if shown == '1' else 's'}", f"{shown} cœur{several}")


def in_memory(amount: Decimal | int) -> Said:
    """Bytes in GB of 2^30, as environments state theirs; in MB below one."""
    size = Decimal(amount)
    if abs(size) >= 2**30 or size == 0:
        shown = _short(size / 2**30, 1)
        return Said(f"{shown} GB", f"{shown} Go")
    shown = _short(size / 2**20, 0)
    return Said(f"{shown} MB", f"{shown} Mo")


def in_pieces(amount: Decimal | int) -> str:
    """Whole things, the same in both languages."""
    return _short(Decimal(amount), 0)


def _short(amount: Decimal, places: int) -> str:
    """Without needless zeros. Rounded down: what is left must not be told larger than it is."""
    step = Decimal(1).scaleb(-places)
    cut = (amount // step) * step
    text = f"{cut:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
