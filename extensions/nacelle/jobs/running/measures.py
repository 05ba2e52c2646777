"""Amounts in words that are the same in both languages: 90 s, 1 h 30 min, 4 GB."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """In days, hours, minutes and seconds, without those that are none."""
    left, parts = round(seconds), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def memory(amount: int) -> str:
    """In GB of 2^30 bytes, as environments state theirs; in MB below one."""
    if amount >= 2**30:
        return f"{amount / 2**30:.1f}".removesuffix(".0") + " GB"
    return f"{amount / 2**20:.0f} MB"
