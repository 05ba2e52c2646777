"""What the hub may do on the cluster: in the sessions' namespace, and no more than it does.

It reads no Secret: those that it writes, it knows. Only where profiles give people a namespace of
their own does it have rights beyond: to make namespaces and what is in them at first, held by a
policy of admission (see `admission`) to names that begin as the settings say, and to bind two roles
that exist.
"""

from __future__ import annotations

from typing import Any

from nacelle.cluster.access import RBAC, role_name
from nacelle.cluster.naming import MANAGED

NAME = "nacelle-hub"
_Rules = tuple[tuple[str, str, tuple[str, ...]], ...]
_SESSIONS: _Rules = (
    ("", "pods", ("get", "list", "watch", "create", "delete")),
    ("", "events", ("list", "watch")),
    # No `patch`: its answer holds the whole Secret.
    ("", "secrets", ("create", "delete")),
    ("", "persistentvolumeclaims", ("get", "create")),
    ("", "resourcequotas", ("list",)),
)
_ACCOUNTS: _Rules = (("", "serviceaccounts", ("create",)),)
_NODES: _Rules = (("", "nodes", ("list",)),)
_NAMESPACES: _Rules = (
    ("", "namespaces", ("get", "create")),
    ("", "resourcequotas", ("create",)),
    ("networking.k8s.io", "networkpolicies", ("create",)),
    (RBAC, "rolebindings", ("create", "delete")),
)


def make_service_account(namespace: str) -> dict[str, Any]:
    """The hub's account; its token is mounted into the hub's pod only."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(MANAGED)},
        "automountServiceAccountToken": False,
    }


def make_role(namespace: str, access: bool = False) -> dict[str, Any]:
    """The hub's rights in the sessions' namespace; `access`: profiles give people namespaces."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(MANAGED)},
        "rules": _rules((*_SESSIONS, *(_ACCOUNTS if access else ()))),
    }


def make_role_binding(namespace: str, account_namespace: str) -> dict[str, Any]:
    """Those rights for the hub's account, which may be of another namespace."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(MANAGED)},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME},
        "subjects": [_account(account_namespace)],
    }


def make_cluster_role(name: str, access: bool = False) -> dict[str, Any]:
    """What the hub needs of the whole cluster: which nodes there are; `access` as in make_role.

    `name` tells two installations on one cluster apart.
    """
    rules = _rules((*_NODES, *(_NAMESPACES if access else ())))
    if access:
        bound = {
            "apiGroups": [RBAC],
            "resources": ["clusterroles"],
            "resourceNames": [role_name("view"), role_name("edit")],
            "verbs": ["bind"],
        }
        rules.append(bound)
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": dict(MANAGED)},
        "rules": rules,
    }


def make_cluster_role_binding(name: str, account_namespace: str) -> dict[str, Any]:
    """That for the hub's account."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": dict(MANAGED)},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [_account(account_namespace)],
    }


def _account(namespace: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}


def _rules(rules: _Rules) -> list[dict[str, Any]]:
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        for group, resource, verbs in rules
    ]
