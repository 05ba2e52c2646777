"""The kinds of objects that the emulator serves, and where an API server has them."""

from __future__ import annotations

from typing import Any, NamedTuple

Object = dict[str, Any]

BATCH, CORE, APPS = "batch/v1", "v1", "apps/v1"
RBAC, NETWORKING = "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"

CRON_JOBS, JOBS = f"{BATCH}/cronjobs", f"{BATCH}/jobs"
PODS, EVENTS, SECRETS = f"{CORE}/pods", f"{CORE}/events", f"{CORE}/secrets"
CONFIG_MAPS, SERVICES = f"{CORE}/configmaps", f"{CORE}/services"
CLAIMS, ACCOUNTS = f"{CORE}/persistentvolumeclaims", f"{CORE}/serviceaccounts"
NAMESPACES, NODES = f"{CORE}/namespaces", f"{CORE}/nodes"
QUOTAS, LIMIT_RANGES = f"{CORE}/resourcequotas", f"{CORE}/limitranges"
ROLES, ROLE_BINDINGS = f"{RBAC}/roles", f"{RBAC}/rolebindings"
CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
NETWORK_POLICIES = f"{NETWORKING}/networkpolicies"
DEPLOYMENTS = f"{APPS}/deployments"
ENDPOINT_SLICES = "discovery.k8s.io/v1/endpointslices"
ADMISSION = "admissionregistration.k8s.io/v1"
ADMISSION_POLICIES = f"{ADMISSION}/validatingadmissionpolicies"
ADMISSION_BINDINGS = f"{ADMISSION}/validatingadmissionpolicybindings"

KINDS = {
    CRON_JOBS: "CronJob",
    JOBS: "Job",
    PODS: "Pod",
    EVENTS: "Event",
    SECRETS: "Secret",
    CONFIG_MAPS: "ConfigMap",
    SERVICES: "Service",
    CLAIMS: "PersistentVolumeClaim",
    ACCOUNTS: "ServiceAccount",
    NAMESPACES: "Namespace",
    NODES: "Node",
    QUOTAS: "ResourceQuota",
    LIMIT_RANGES: "LimitRange",
    ROLES: "Role",
    ROLE_BINDINGS: "RoleBinding",
    CLUSTER_ROLES: "ClusterRole",
    CLUSTER_ROLE_BINDINGS: "ClusterRoleBinding",
    NETWORK_POLICIES: "NetworkPolicy",
    DEPLOYMENTS: "Deployment",
    ENDPOINT_SLICES: "EndpointSlice",
    ADMISSION_POLICIES: "ValidatingAdmissionPolicy",
    ADMISSION_BINDINGS: "ValidatingAdmissionPolicyBinding",
}
# Those of the cluster as a whole, which have no namespace.
UNSPACED = {
    NAMESPACES, NODES, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ADMISSION_POLICIES, ADMISSION_BINDINGS,
}  # fmt: skip


class Address(NamedTuple):
    """What a path of the API names."""

    kind: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def read_path(path: str) -> Address | None:
    """The objects that a path is about; None when the API has no such path."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, rest = CORE, parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = "/".join(parts[1:3]), parts[3:]
    else:
        return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3 or f"{group}/{rest[0]}" not in KINDS:
        return None
    return Address(f"{group}/{rest[0]}", namespace, *rest[1:])


def group_of(kind: str) -> tuple[str, str]:
    """The API group and the plural, as RBAC writes them."""
    *group, _, plural = kind.split("/")
    return (group[0] if group else ""), plural


def api_version(kind: str) -> str:
    return kind.rsplit("/", 1)[0]
