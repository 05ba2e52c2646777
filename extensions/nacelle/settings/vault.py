"""Settings of the store of people's secrets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from nacelle.settings.base import Frozen, Seconds, http_url


class VaultSettings(Frozen):
    """A Vault or OpenBao with a KV engine of version 2."""

    url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None,
        description="Address of the Vault or OpenBao; without it people keep no secrets here.",
    )
    mount: str = Field(default="kv", description="Where its KV engine (version 2) is mounted.")
    top_dir: str = Field(
        default="nacelle", description="Folder of the engine below which each person has theirs."
    )
    auth_path: str = Field(
        default="jwt", description="Where its JWT login is mounted; it trusts the broker's tokens."
    )
    role: str = Field(default="nacelle", description="Role of that login for people.")
    ca_file: str | None = Field(
        default=None, description="File with its certificate authority; null: a public one."
    )
    token_life: Seconds = Field(
        default=3600, description="Life of the tokens that sessions get, in seconds; they renew."
    )
