"""Puts the classifier's pages beside the hub's own."""

from __future__ import annotations

from typing import Any

from nacelle.hub.api_keys import ApiKeysHandler
from nacelle.hub.try_it import TryItHandler
from nacelle.settings import Settings


def configure_nace_pages(c: Any, settings: Settings) -> None:
    """Add /hub/api-keys and /hub/classify, and their entries in the navigation."""
    common = {"platform": settings}
    # JupyterHub would rather have services; but these pages need its login, its protection of forms
    # and its look, and whatever login is chosen must not lose them.
    c.JupyterHub.extra_handlers.extend(
        [(r"/api-keys", ApiKeysHandler, common), (r"/classify", TryItHandler, common)]
    )
    c.JupyterHub.template_vars.update({"nace_pages": True})
