"""How a service of the platform reaches the store: renewing keys of its own identity."""

from __future__ import annotations

import os

from nacelle.credentials.client import fetch_keys
from nacelle.credentials.provider import start_provider
from nacelle.layout import Layout
from nacelle.secrets import read_secret


def service_storage(layout: Layout, service: str) -> dict[str, str]:
    """The environment names by which SDKs find the store, and keys of `service:<service>`.

    Keys come from a loopback endpoint that lives as long as this process. FileNotFoundError before
    the platform's first start.
    """
    token = read_secret(layout, f"service.{service}.token")
    authorities = layout.store_authorities
    trust = {"AWS_CA_BUNDLE": authorities} if authorities else {}
    return (
        start_provider(lambda: fetch_keys(layout.broker_url, token))
        | trust
        | {
            "AWS_ENDPOINT_URL": layout.store_url,
            "AWS_DEFAULT_REGION": layout.settings.store.region,
            # Keys in the home of whoever started the platform would outrank the renewing ones.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
        }
    )
