"""Puts the page of secrets beside the hub's own, where a vault is set, and gives sessions the right
to open their person's secrets: jobs and services do not have it."""

from __future__ import annotations

from typing import Any

from nacelle.credentials.secret_wire import SCOPE
from nacelle.hub.roles import add_roles
from nacelle.hub.secrets_pages import SecretsHandler
from nacelle.settings import Settings


def configure_secrets_pages(c: Any, settings: Settings) -> None:
    """Add /hub/secrets, its entry in the navigation, and the scope by which secrets are opened."""
    if settings.vault.url is None:
        return
    c.JupyterHub.extra_handlers.append((r"/secrets", SecretsHandler, {"platform": settings}))
    c.JupyterHub.template_vars.update({"secrets_pages": True})
    c.JupyterHub.custom_scopes.update(
        {SCOPE: {"description": "Open one's own secrets, and change them"}}
    )
    add_roles(c, [{"name": "user", "scopes": [SCOPE]}, {"name": "server", "scopes": [SCOPE]}])
