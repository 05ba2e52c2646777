"""HTTP Basic authentication, as Insee's clients send it: the password is the API key or token."""

from __future__ import annotations

import base64

from nacelle.nace.serving.problems import Problem


def bearer_of(authorization: str | None) -> str | None:
    """'Basic <user:password>' as 'Bearer <password>', all else as it is.

    Raises Problem (401) for a Basic header without a password.
    """
    if authorization is None or authorization[:6].lower() != "basic ":
        return authorization
    try:
        pair = base64.b64decode(authorization[6:].strip(), validate=True).decode()
    except ValueError:
        pair = ""
    _, colon, password = pair.partition(":")
    if not colon or not password:
        raise Problem(
            401,
            "Send an API key as the password of HTTP Basic, or as 'Authorization: Bearer <key>'.",
            kind="unknown-caller",
            headers={"WWW-Authenticate": 'Bearer realm="nace"'},
        )
    return f"Bearer {password}"
