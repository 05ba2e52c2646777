"""The proxy's static configuration. traefik runs outside the hub, so that neither takes the other
down; the hub only writes the routes (the dynamic file), which traefik watches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toml  # type: ignore[import-untyped]

from nacelle.layout import Layout
from nacelle.secrets import write_private
from nacelle.settings import Settings, bracketed

ENTRY_POINT = "http"
# The name that jupyterhub-traefik-proxy gives to the entry point of traefik's API.
API_ENTRY_POINT = "auth_api"
API_USER = "nacelle"


def static_file(layout: Layout) -> Path:
    """The file to give to `traefik --configfile`."""
    return layout.folder("proxy") / "traefik.toml"


def routes_file(layout: Layout) -> Path:
    """The routes, written by the hub and watched by traefik."""
    return layout.folder("proxy") / "rules.toml"


def make_traefik_static(settings: Settings) -> dict[str, Any]:
    """traefik's static configuration (https://doc.traefik.io/traefik/reference/install-configuration/)."""
    layout = Layout(settings)
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "format": "json", "noColor": True},
        "api": {},
        "ping": {"entryPoint": API_ENTRY_POINT},
        "entryPoints": {
            ENTRY_POINT: {
                "address": f"{bracketed(settings.host)}:{layout.port('proxy')}",
                # A slow upload of a large file may take longer than traefik's minute.
                "transport": {
                    "respondingTimeouts": {"readTimeout": "3600s"},
                    # Kernels' websockets never end by themselves.
                    "lifeCycle": {"graceTimeOut": "1s"},
                },
                "http": {
                    # X_Forwarded_For must not pass for X-Forwarded-For behind the proxy.
                    "aliasHeadersStrategy": "delete",
                    # File names may hold any character but a null one.
                    "encodedCharacters": {"allowEncodedNullCharacter": False},
                },
            },
            API_ENTRY_POINT: {
                "address": f"127.0.0.1:{layout.port('proxy-api')}",
                "http": {"aliasHeadersStrategy": "delete"},
            },
        },
        "providers": {
            "providersThrottleDuration": "0s",
            "file": {"filename": str(routes_file(layout)), "watch": True},
        },
    }


def write_traefik_files(settings: Settings) -> Path:
    """Write the static file and make sure that the routes file exists; return the static file."""
    layout = Layout(settings)
    folder = layout.folder("proxy")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(static_file(layout), toml.dumps(make_traefik_static(settings)))
    if not routes_file(layout).exists():
        write_private(routes_file(layout), "")
    return static_file(layout)
