"""What the guides to logins and stores show is what the platform reads."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from nacelle.credentials.issuer import Identity
from nacelle.credentials.policy import make_session_policy
from nacelle.settings import load_settings

FOLDER = Path(__file__).parents[2] / "hub_config"
GUIDES = ("LOGIN.md", "STORES.md")


def blocks(guide: str, language: str) -> list[str]:
    """Fenced blocks of one language, without the indentation of a list."""
    text = (FOLDER / guide).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


SETTINGS = [(guide, body) for guide in GUIDES for body in blocks(guide, "yaml")]
POLICIES = [json.loads(body) for body in blocks("STORES.md", "json")]


@pytest.mark.parametrize(("guide", "body"), SETTINGS)
def test_settings_that_a_guide_shows_can_be_read(guide: str, body: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(body, encoding="utf-8")
    settings = load_settings(file)
    assert settings.hub.oidc.issuer if guide == "LOGIN.md" else settings.store.url
    if settings.store.kind == "external" and settings.store.exchange == "web-identity":
        assert settings.store.issuer_url == f"{settings.public_url}/services/broker"


def test_there_are_as_many_as_there_are_stores() -> None:
    assert len([body for guide, body in SETTINGS if guide == "STORES.md"]) == 4
    assert len(POLICIES) == 2


def test_the_role_may_all_that_a_session_may() -> None:
    """Rights of a session are what both allow."""
    role = POLICIES[0]["Statement"][0]
    person = Identity("user", "ann", ("prix",), admin=True)
    statement = json.loads(make_session_policy(person, "none"))["Statement"][0]
    assert set(statement["Action"]) == set(role["Action"])
    for resource in statement["Resource"]:
        assert any(fnmatchcase(resource, one) for one in role["Resource"]), resource
