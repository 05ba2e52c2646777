"""What the engine may do on the cluster: in the jobs' namespace alone, and no more than it does.

It needs to read no Secret: those that it writes, it knows. But whoever may patch one is shown it:
keep no others in that namespace. It neither makes nor runs into pods.
"""

from __future__ import annotations

from typing import Any

NAME = "nacelle-jobs-engine"
_RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("batch", "cronjobs", ("list", "watch", "create", "patch", "delete")),
    ("batch", "jobs", ("list", "watch", "create", "patch", "delete")),
    ("", "secrets", ("create", "patch", "delete")),
    ("", "pods", ("list", "watch")),
    ("", "pods/log", ("get",)),
    ("", "events", ("list", "watch")),
)


def make_service_account(namespace: str) -> dict[str, Any]:
    """The engine's account; its token is mounted into the engine's pod only."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(namespace),
        "automountServiceAccountToken": False,
    }


def make_role(namespace: str) -> dict[str, Any]:
    """The engine's rights in the namespace of the jobs."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _metadata(namespace),
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
            for group, resource, verbs in _RULES
        ],
    }


def make_role_binding(namespace: str, account_namespace: str) -> dict[str, Any]:
    """Those rights for the engine's account, which may be of another namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": account_namespace}],
    }


def _metadata(namespace: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/managed-by": "nacelle",
            "app.kubernetes.io/component": "jobs-engine",
        },
    }
