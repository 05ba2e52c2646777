"""Roles of people, of their servers and of services, and how they are added to the hub's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What a session may do beyond its own server: get keys, write to MLflow, classify, promote.
SESSION_SERVICES = ("broker", "mlflow", "nace", "jobs")
_ACCESS = [f"access:services!service={name}" for name in SESSION_SERVICES]


def make_roles() -> list[dict[str, Any]]:
    """Roles of people, of their servers, and of the services: each the least that works."""
    return [
        {"name": "user", "scopes": ["self", *_ACCESS]},
        {"name": "server", "scopes": ["users:activity!user", "access:servers!server", *_ACCESS]},
        {
            "name": "nacelle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["culler"],
        },
        {
            "name": "nacelle-broker",
            "scopes": ["read:users:name", "read:users:groups"],
            "services": ["broker"],
        },
        {
            "name": "nacelle-mlflow",
            # Its own storage keys come from the broker, as everybody's.
            "scopes": ["read:users:name", "read:users:groups", "access:services!service=broker"],
            "services": ["mlflow"],
        },
        {
            "name": "nacelle-nace",
            # Its model comes through the door of MLflow, its records go to the project's bucket.
            "scopes": [
                "read:users:name",
                "read:users:groups",
                "read:roles:users",
                "access:services!service=mlflow",
                "access:services!service=broker",
            ],
            "services": ["nace"],
        },
        {
            "name": "nacelle-jobs",
            "scopes": ["read:users:name", "read:users:groups", "read:roles:users"],
            "services": ["jobs"],
        },
        {
            "name": "nacelle-jobs-engine",
            # A run gets a token of its owner, with fewer rights than a session's, and loses it.
            # Apart from the service: who reaches that over the network reaches no tokens.
            "scopes": ["read:users:name", "read:users:groups", "read:roles:users", "tokens"],
            "services": ["jobs-engine"],
        },
    ]


def add_roles(c: Any, roles: Sequence[Mapping[str, Any]]) -> None:
    """Add roles to the hub's; one that is there already gains the scopes and members it lacks."""
    present = c.JupyterHub.load_roles
    # Before anybody assigned it, traitlets gives a lazy value that can only be added to.
    known = present if isinstance(present, list) else present.to_dict().get("extend", [])
    new = []
    for role in roles:
        same = next((one for one in known if one["name"] == role["name"]), None)
        if same is None:
            new.append(dict(role))
            continue
        for key in ("scopes", "users", "services"):
            if key in role:
                same[key] = [
                    *same.get(key, []),
                    *(x for x in role[key] if x not in same.get(key, [])),
                ]
    present.extend(new)
