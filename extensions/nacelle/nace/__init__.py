"""The classifier of business activities: trained, registered and served on the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nacelle.nace.client import AsyncClient, Client, ClientError, Refusal, ServiceAway, TextItem

__all__ = ["AsyncClient", "Client", "ClientError", "Refusal", "ServiceAway", "TextItem"]


def __getattr__(name: str) -> Any:
    # Late: most modules of this package need no client.
    if name in __all__:
        from nacelle.nace import client

        return getattr(client, name)
    raise AttributeError(f"module 'nacelle.nace' has no attribute {name!r}")
