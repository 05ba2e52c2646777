"""Limits of a whole namespace, as an administrator sets them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nacelle.cluster.naming import MANAGED


def make_quota(namespace: str, hard: Mapping[str, str], name: str = "nacelle") -> dict[str, Any]:
    """What all pods and volumes of a namespace may use together."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED)},
        "spec": {"hard": dict(hard)},
    }
