"""A person as the provider's claims describe them: pure functions of claims and settings.

Cases, each with a test of the same number in tests/hub/test_hub_oidc.py:

1. The login name is the claim `username_claim`, in lower case; it must be able to name a bucket.
2. Groups that match `project_pattern` as a whole are projects, named by what is in parentheses;
   those that can name no bucket are left out.
3. A provider that writes one group as a text means a list of one.
4. Members of `allowed_groups` may log in, and administrators; when it is empty, everybody.
5. Members of `admin_groups` administer, and nobody else does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nacelle.settings.oidc import OidcSettings
from nacelle.storage.slug import SlugError, project_bucket, user_bucket


class UnusableName(Exception):
    """The provider's name for somebody cannot be one here; the message says why."""


@dataclass(frozen=True)
class Account:
    """A person at the provider. `subject` is theirs for ever; the name may be given again."""

    subject: str
    name: str
    full_name: str | None
    mail: str | None
    projects: tuple[str, ...]
    admin: bool
    allowed: bool


def read_account(claims: Mapping[str, Any], settings: OidcSettings) -> Account:
    """The person whom `claims` describe. Raises UnusableName (case 1)."""
    groups = frozenset(_groups(claims.get(settings.groups_claim)))
    admin = not groups.isdisjoint(settings.admin_groups)
    return Account(
        subject=str(claims["sub"]),
        name=_name(claims.get(settings.username_claim), settings.username_claim),
        full_name=_text(claims.get("name")),
        mail=_text(claims.get("email")),
        projects=_projects(groups, settings.project_pattern),
        admin=admin,
        allowed=admin
        or not settings.allowed_groups
        or not groups.isdisjoint(settings.allowed_groups),
    )


def _name(value: Any, claim: str) -> str:
    if not isinstance(value, str) or not value:
        raise UnusableName(f"The login provider says no name (claim {claim}).")
    name = value.lower()
    if name != name.strip() or "/" in name or not name.isprintable():
        raise UnusableName(f"{name!r} holds a slash, or a sign that cannot be seen.")
    try:
        user_bucket(name)
    except (SlugError, UnicodeEncodeError) as error:
        raise UnusableName(str(error)) from None
    return name


def _groups(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(one for one in value if isinstance(one, str))
    return ()


def _projects(groups: frozenset[str], pattern: str) -> tuple[str, ...]:
    found = set()
    for group in groups:
        match = re.fullmatch(pattern, group)
        project = match[1] if match else None
        if project and _nameable(project):
            found.add(project)
    return tuple(sorted(found))


def _nameable(project: str) -> bool:
    try:
        project_bucket(project)
    except (SlugError, UnicodeEncodeError):
        return False
    return True


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
