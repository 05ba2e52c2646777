"""Refusals of a user's server in the form of the jobs service's own (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus

from nacelle.language import Said


def problem(status: int, said: Said) -> str:
    """A problem as JSON, with its sentence in both languages."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": str(said),
            "said": {"en": said.en, "fr": said.fr},
        },
        ensure_ascii=False,
    )
