"""Errors meant for people."""

from __future__ import annotations


class NaceError(Exception):
    """Something the user can mend; the message says what, where and how."""
