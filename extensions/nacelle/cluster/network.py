"""Who may speak to whom on a cluster: NetworkPolicies of the platform, sessions and jobs. Pure.

Pods of people reach DNS, the platform's two doors (its proxy and its store) and, unless the office
closes it, the internet; never one another, the metadata service of a cloud, the cluster's own
addresses or its API server. They hold where the cluster's network enforces policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nacelle.cluster.naming import MANAGED

PLATFORM = {"app.kubernetes.io/name": "nacelle", "app.kubernetes.io/component": "platform"}
# On pods of sessions whose profile grants `cluster_access`.
ACCESS_LABEL = "nacelle.io/cluster-access"
SESSION_PORT = 8888
# Addresses that are not of the internet: an office's own, a cluster's, link-local with the clouds'
# metadata service.
PRIVATE_4 = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    # Azure's own service for its machines has a public address.
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
PRIVATE_6 = ("fc00::/7", "fe80::/10")
# Where a node answers DNS itself (node-local-dns).
_LOCAL_DNS = "169.254.20.10/32"
_INTERNET_PORTS = (22, 80, 443)
_API_PORTS = (443, 6443)


@dataclass(frozen=True)
class Reach:
    """What pods of people may reach beside the platform. Addresses are CIDR blocks."""

    internet: bool = True
    allowed: tuple[str, ...] = ()
    # The API server: for sessions with cluster_access alone, never as a part of the internet.
    api_server: tuple[str, ...] = ()


@dataclass(frozen=True)
class Doors:
    """The platform's namespace, and the ports of its proxy and of its store (None: not there)."""

    namespace: str
    proxy: int = 8000
    store: int | None = 8003

    @property
    def ports(self) -> list[int]:
        return [self.proxy, *([self.store] if self.store else [])]


def make_policies(
    doors: Doors, sessions: str, jobs: str, reach: Reach = Reach()
) -> list[dict[str, Any]]:
    """All policies of an installation with these namespaces of sessions and jobs."""
    made = [
        make_platform_policy(doors, [sessions, jobs]),
        make_sessions_policy(doors, sessions, reach),
        make_jobs_policy(doors, jobs, reach),
    ]
    return [*made, make_access_policy(sessions, reach.api_server)] if reach.api_server else made


def make_platform_policy(doors: Doors, people: Sequence[str]) -> dict[str, Any]:
    """Everybody reaches the proxy, the namespaces `people` the store, and nobody another port.

    What the platform's pod reaches itself is left to the office: the API server, a provider of
    logins, mail.
    """
    ingress: list[dict[str, Any]] = [{"ports": [_tcp(doors.proxy)]}]
    if doors.store:
        spaces = [{"namespaceSelector": _named(one)} for one in dict.fromkeys(people)]
        ingress.append({"from": spaces, "ports": [_tcp(doors.store)]})
    spec = {
        "podSelector": {"matchLabels": dict(PLATFORM)},
        "policyTypes": ["Ingress"],
        "ingress": ingress,
    }
    return _policy("nacelle-platform", doors.namespace, spec)


def make_sessions_policy(doors: Doors, namespace: str, reach: Reach) -> dict[str, Any]:
    """Sessions are reached by the hub and its proxy alone."""
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [_platform(doors)], "ports": [_tcp(SESSION_PORT)]}],
        "egress": _egress(doors, reach),
    }
    return _policy("nacelle-sessions", namespace, spec)


def make_jobs_policy(doors: Doors, namespace: str, reach: Reach) -> dict[str, Any]:
    """Jobs are reached by nobody."""
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": _egress(doors, reach),
    }
    return _policy("nacelle-jobs", namespace, spec)


def make_access_policy(namespace: str, api_server: Sequence[str]) -> dict[str, Any]:
    """Sessions with an account of the cluster reach its API server as well."""
    granted = {"key": ACCESS_LABEL, "operator": "Exists"}
    spec = {
        "podSelector": {"matchExpressions": [granted]},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [{"ipBlock": {"cidr": one}} for one in api_server],
                "ports": [_tcp(port) for port in _API_PORTS],
            }
        ],
    }
    return _policy("nacelle-cluster-access", namespace, spec)


def _egress(doors: Doors, reach: Reach) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        make_dns_rule(),
        {"to": [_platform(doors)], "ports": [_tcp(port) for port in doors.ports]},
    ]
    if reach.internet:
        blocks = [_internet("0.0.0.0/0", PRIVATE_4, reach), _internet("::/0", PRIVATE_6, reach)]
        rules.append({"to": blocks, "ports": [_tcp(port) for port in _INTERNET_PORTS]})
    if reach.allowed:
        rules.append({"to": [{"ipBlock": {"cidr": one}} for one in reach.allowed]})
    return rules


def make_dns_rule() -> dict[str, Any]:
    """The way to the cluster's DNS, for a policy's egress."""
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    to = [{"namespaceSelector": _named("kube-system")}, {"ipBlock": {"cidr": _LOCAL_DNS}}]
    return {"to": to, "ports": ports}


def _internet(whole: str, private: Sequence[str], reach: Reach) -> dict[str, Any]:
    own = [one for one in reach.api_server if (":" in one) == (":" in whole)]
    return {"ipBlock": {"cidr": whole, "except": [*private, *own]}}


def _platform(doors: Doors) -> dict[str, Any]:
    # Both selectors in one peer: these pods, of this namespace.
    return {
        "namespaceSelector": _named(doors.namespace),
        "podSelector": {"matchLabels": dict(PLATFORM)},
    }


def _named(namespace: str) -> dict[str, Any]:
    """The label that each namespace has from the API server itself."""
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}


def _policy(name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED)},
        "spec": spec,
    }
