"""A namespace of one person's own, and an account of the cluster that may act in it alone.

The session's pod stays in the sessions' namespace, where its account has no right at all. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from nacelle.cluster.naming import MANAGED, slug_of
from nacelle.cluster.network import make_dns_rule

Right = Literal["view", "edit"]
OWNER = "nacelle/owner"
RBAC = "rbac.authorization.k8s.io"
# What a person may see, and with `edit` change: what runs, not who may do what, nor the limits.
_SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("pods", "pods/log", "services", "configmaps", "persistentvolumeclaims", "events")),
    ("apps", ("deployments", "replicasets", "statefulsets")),
    ("batch", ("jobs", "cronjobs")),
)
_SEEN = ("get", "list", "watch")
_CHANGED = ("create", "update", "patch", "delete", "deletecollection")
_ONLY_SEEN = {"pods/log", "events", "replicasets"}


def role_name(right: Right) -> str:
    """Name of the ClusterRole with this right; it is bound in one namespace at a time."""
    return f"nacelle-session-{right}"


def account_name(user: str) -> str:
    """Name of a person's ServiceAccount in the sessions' namespace."""
    return f"session-{slug_of(user)}"


def namespace_start(prefix: str) -> str:
    """How the names of people's own namespaces begin."""
    return f"{prefix}-"


def namespace_name(prefix: str, user: str) -> str:
    """Name of a person's own namespace, 63 characters at most for a prefix of 22."""
    return namespace_start(prefix) + slug_of(user)


def make_cluster_role(right: Right) -> dict[str, Any]:
    """The rights of a session in its person's own namespace, once for all people."""
    rules = [_rule(group, names, _SEEN) for group, names in _SHOWN]
    if right == "edit":
        # Without secrets to be read by `view`: who may edit made them.
        rules.append(_rule("", ("secrets",), (*_SEEN, *_CHANGED)))
        rules.append(_rule("", ("pods/exec", "pods/portforward"), ("get", "create")))
        for group, names in _SHOWN:
            changed = tuple(name for name in names if name not in _ONLY_SEEN)
            rules.append(_rule(group, changed, _CHANGED))
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role_name(right), "labels": dict(MANAGED)},
        "rules": rules,
    }


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def make_namespace(prefix: str, user: str) -> dict[str, Any]:
    """A person's own namespace, under the "restricted" Pod Security Standard."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_name(prefix, user),
            "labels": {**MANAGED, **restricted()},
            "annotations": {OWNER: user},
        },
    }


def restricted() -> dict[str, str]:
    """Labels that hold a namespace to the "restricted" Pod Security Standard."""
    return {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


def make_account(namespace: str, user: str) -> dict[str, Any]:
    """A person's account, in the sessions' namespace where the pod is."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": account_name(user),
            "namespace": namespace,
            "labels": dict(MANAGED),
            "annotations": {OWNER: user},
        },
        "automountServiceAccountToken": False,
    }


def make_binding(prefix: str, user: str, right: Right, account_namespace: str) -> dict[str, Any]:
    """A right in the person's own namespace for their account; one binding a right."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": role_name(right),
            "namespace": namespace_name(prefix, user),
            "labels": dict(MANAGED),
        },
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role_name(right)},
        "subjects": [
            {"kind": "ServiceAccount", "name": account_name(user), "namespace": account_namespace}
        ],
    }


def make_quota(prefix: str, user: str, hard: Mapping[str, str]) -> dict[str, Any]:
    """What a person's own namespace may use."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {
            "name": "nacelle",
            "namespace": namespace_name(prefix, user),
            "labels": dict(MANAGED),
        },
        "spec": {"hard": dict(hard)},
    }


def make_isolation(prefix: str, user: str) -> dict[str, Any]:
    """Pods of a person's own namespace reach one another and DNS, and nothing else."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": "nacelle",
            "namespace": namespace_name(prefix, user),
            "labels": dict(MANAGED),
        },
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}]}],
            "egress": [
                {"to": [{"podSelector": {}}]},
                make_dns_rule(),
            ],
        },
    }
