"""What rights alone cannot say: policies of admission for the namespaces of people. Pure.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

from typing import Any

from nacelle.cluster.access import RBAC, namespace_start
from nacelle.cluster.naming import MANAGED
from nacelle.cluster.rights import NAME

_Rule = tuple[str, str, tuple[str, ...]]
# All that the hub may do beyond the sessions' namespace.
_OF_THE_HUB: tuple[_Rule, ...] = (
    ("", "namespaces", ("CREATE",)),
    ("", "resourcequotas", ("CREATE",)),
    ("networking.k8s.io", "networkpolicies", ("CREATE",)),
    (RBAC, "rolebindings", ("CREATE", "DELETE")),
)
_SERVICES: tuple[_Rule, ...] = (("", "services", ("CREATE", "UPDATE")),)


def make_hub_policy(name: str, account_namespace: str, prefix: str) -> dict[str, Any]:
    """Holds the hub to namespaces of people: what it makes elsewhere is refused, whatever its
    ClusterRole says."""
    user = f"system:serviceaccount:{account_namespace}:{NAME}"
    start = namespace_start(prefix)
    return _policy(
        name,
        _OF_THE_HUB,
        ("the-hub", f"request.userInfo.username == '{user}'"),
        "(request.kind.kind == 'Namespace' ? request.name : request.namespace)"
        f".startsWith('{start}')",
        f"the hub acts in namespaces whose names begin with {start} only",
    )


def make_services_policy(name: str, prefix: str) -> dict[str, Any]:
    """Keeps people's Services from taking addresses of others (CVE-2020-8554)."""
    return _policy(
        name,
        _SERVICES,
        ("people", f"request.namespace.startsWith('{namespace_start(prefix)}')"),
        "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0",
        "a Service of a person's namespace has no externalIPs",
    )


def make_policy_binding(name: str) -> dict[str, Any]:
    """Puts a policy into force."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": dict(MANAGED)},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }


def _policy(
    name: str, rules: tuple[_Rule, ...], condition: tuple[str, str], demand: str, message: str
) -> dict[str, Any]:
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
                        "operations": list(operations),
                        "resources": [resource],
                    }
                    for group, resource, operations in rules
                ]
            },
            "matchConditions": [{"name": condition[0], "expression": condition[1]}],
            "validations": [{"expression": demand, "message": message}],
        },
    }
