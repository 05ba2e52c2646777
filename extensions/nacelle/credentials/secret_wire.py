"""What a session gets of its person's secrets: one type for the broker and the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Scope of the hub without which a token opens no secrets: sessions have it, jobs have not.
SCOPE = "custom:nacelle:secrets"
# Variable that tells a session to ask for secrets.
ASK = "NACELLE_SECRETS"


@dataclass(frozen=True)
class VaultAccess:
    """How programs of the session reach the person's folder of the vault themselves."""

    address: str
    mount: str
    top_dir: str
    ca_file: str | None
    token: str = field(repr=False)
    seconds: int

    def to_env(self) -> dict[str, str]:
        """The names that code written for the SSP Cloud reads."""
        return {
            "VAULT_ADDR": self.address,
            "VAULT_TOKEN": self.token,
            "VAULT_MOUNT": self.mount,
            "VAULT_TOP_DIR": self.top_dir,
        }


@dataclass(frozen=True)
class GitLogin:
    """What Git sends to a host."""

    username: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class SessionSecrets:
    """Variables for kernels and terminals, who commits, and the access to the vault."""

    environment: Mapping[str, str] = field(repr=False)
    git_name: str
    git_mail: str
    vault: VaultAccess

    def to_wire(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "environment": dict(self.environment),
            "git": {"name": self.git_name, "mail": self.git_mail},
            "vault": dict(vars(self.vault)),
        }

    @classmethod
    def from_wire(cls, body: dict[str, Any]) -> SessionSecrets:
        """Inverse of `to_wire`. Raises KeyError or TypeError on anything else."""
        return cls(
            environment={str(name): str(value) for name, value in body["environment"].items()},
            git_name=str(body["git"]["name"]),
            git_mail=str(body["git"]["mail"]),
            vault=VaultAccess(**body["vault"]),
        )
