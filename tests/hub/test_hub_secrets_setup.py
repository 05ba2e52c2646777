"""What the hub's configuration becomes where a vault is set."""

from __future__ import annotations

from typing import Any

from traitlets.config import Config

from nacelle.credentials.secret_wire import SCOPE
from nacelle.hub.roles import add_roles, make_roles
from nacelle.hub.secrets_setup import configure_secrets_pages
from nacelle.jobs.engine.hub import SERVICES
from nacelle.settings import Settings

VAULT = Settings.model_validate({"vault": {"url": "https://vault.example.org"}})


def configured(settings: Settings) -> Any:
    c = Config()
    add_roles(c, make_roles())
    configure_secrets_pages(c, settings)
    return c


def test_people_and_their_servers_alone_have_the_right() -> None:
    roles = configured(VAULT).JupyterHub.load_roles.to_dict()["extend"]
    assert [role["name"] for role in roles if SCOPE in role["scopes"]] == ["user", "server"]
    names = [role["name"] for role in roles]
    assert len(names) == len(set(names))
    # Runs get scopes of services alone.
    assert not any("custom" in name for name in SERVICES)


def test_without_a_vault_nothing_changes() -> None:
    c = configured(Settings())
    assert set(c) == {"JupyterHub"} and set(c.JupyterHub) == {"load_roles"}
    roles = c.JupyterHub.load_roles.to_dict()["extend"]
    assert not any(SCOPE in role["scopes"] for role in roles)
