"""What the hub may do on the cluster: in the sessions' namespace, and no more than it does.

It reads no Secret: those that it writes, it knows. Only where profiles give people a namespace of
their own does it have rights beyond: to make namespaces and what is in them at first, held by an
admission policy to names that begin as the settings say, and to bind two roles that exist.
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
    ("", "secrets", ("create", "patch", "delete")),
    ("", "persistentvolumeclaims", ("get", "create")),
    ("", "resourcequotas", ("list",)),
)
_ACCOUNTS: _Rules = (("", "serviceaccounts", ("create",)),)
_NODES: _Rules = (("", "nodes", ("list",)),)
_NAMESPACES: _Rules = (
    ("", "namespaces", ("create",)),
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


def make_admission_policy(name: str, account_namespace: str, prefix: str) -> dict[str, Any]:
    """Holds the hub to namespaces of people: whatever it makes outside them, and outside the
    sessions' namespace where its Role says what it may, is refused.

    https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """
    user = f"system:serviceaccount:{account_namespace}:{NAME}"
    start = f"{prefix[:22].rstrip('-')}-"
    resources = [
        ("", "namespaces", ["CREATE"]),
        ("", "resourcequotas", ["CREATE"]),
        ("networking.k8s.io", "networkpolicies", ["CREATE"]),
        (RBAC, "rolebindings", ["CREATE", "DELETE"]),
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": dict(MANAGED)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [group],
                        "apiVersions": ["*"],
                        "operations": operations,
                        "resources": [resource],
                    }
                    for group, resource, operations in resources
                ]
            },
            "matchConditions": [
                {"name": "the-hub", "expression": f"request.userInfo.username == '{user}'"}
            ],
            "validations": [
                {
                    "expression": (
                        "(request.kind.kind == 'Namespace' ? request.name : request.namespace)"
                        f".startsWith('{start}')"
                    ),
                    "message": f"the hub acts in namespaces whose names begin with {start} only",
                }
            ],
        },
    }


def make_admission_binding(name: str) -> dict[str, Any]:
    """Puts that policy into force."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": dict(MANAGED)},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }


def _account(namespace: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}


def _rules(rules: _Rules) -> list[dict[str, Any]]:
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        for group, resource, verbs in rules
    ]
