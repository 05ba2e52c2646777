"""The Jupyter server extension of the platform: what a session has that a bare Lab has not."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "nacelle.lab"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Start the loopback provider; kernels and terminals inherit the names by which to find it."""
    import os
    from pathlib import Path

    from nacelle.credentials.client import fetch_from_environment
    from nacelle.credentials.provider import start_provider
    from nacelle.lab.activity import watch_kernels
    from nacelle.lab.init import start_init
    from nacelle.lab.pages import serve_pages
    from nacelle.lab.secrets import start_secrets

    os.environ.update(start_provider(fetch_from_environment))
    # Before what may fetch from a Git server that wants a token.
    start_secrets(os.environ, Path.home())
    start_init(os.environ, Path.home())
    watch_kernels(app.web_app.settings)
    serve_pages(app.web_app)
    app.log.info("storage keys renew by themselves in this server's kernels and terminals")
