"""Who may speak to whom: the policies whole. That a network enforces them: test_on_cluster."""

from __future__ import annotations

import ipaddress
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from nacelle.cluster.network import (
    Doors,
    Reach,
    make_access_policy,
    make_jobs_policy,
    make_platform_policy,
    make_policies,
    make_sessions_policy,
)

VERSIONS = ["1.32", "1.33", "1.34", "1.35", "1.36"]
DOORS = Doors("platform")
DNS = {
    "to": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
PLATFORM = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "platform"}},
    "podSelector": {
        "matchLabels": {
            "app.kubernetes.io/name": "nacelle",
            "app.kubernetes.io/component": "platform",
        }
    },
}
TO_PLATFORM = {
    "to": [PLATFORM],
    "ports": [{"protocol": "TCP", "port": 8000}, {"protocol": "TCP", "port": 8003}],
}


def metadata(name: str, namespace: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "nacelle"}
    return {"name": name, "namespace": namespace, "labels": labels}


def test_the_platform_is_reached_at_its_two_doors() -> None:
    assert make_platform_policy(DOORS, ["sessions", "jobs"]) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata("nacelle-platform", "platform"),
        "spec": {
            "podSelector": PLATFORM["podSelector"],
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"protocol": "TCP", "port": 8000}]},
                {
                    "from": [
                        {
                            "namespaceSelector": {
                                "matchLabels": {"kubernetes.io/metadata.name": name}
                            }
                        }
                        for name in ("sessions", "jobs")
                    ],
                    "ports": [{"protocol": "TCP", "port": 8003}],
                },
            ],
        },
    }


def test_a_closed_session_reaches_dns_and_the_platform_alone() -> None:
    assert make_sessions_policy(DOORS, "sessions", Reach(internet=False)) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata("nacelle-sessions", "sessions"),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [PLATFORM], "ports": [{"protocol": "TCP", "port": 8888}]}],
            "egress": [DNS, TO_PLATFORM],
        },
    }


def test_jobs_are_reached_by_nobody_and_reach_what_the_office_says() -> None:
    reach = Reach(allowed=("10.9.0.0/16",), api_server=("192.0.2.1/32", "2001:db8::1/128"))
    assert make_jobs_policy(Doors("platform", store=None), "jobs", reach) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata("nacelle-jobs", "jobs"),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [
                DNS,
                {"to": [PLATFORM], "ports": [{"protocol": "TCP", "port": 8000}]},
                {
                    "to": [
                        {
                            "ipBlock": {
                                "cidr": "0.0.0.0/0",
                                "except": [
                                    "10.0.0.0/8",
                                    "100.64.0.0/10",
                                    "168.63.129.16/32",
                                    "169.254.0.0/16",
                                    "172.16.0.0/12",
                                    "192.168.0.0/16",
                                    "192.0.2.1/32",
                                ],
                            }
                        },
                        {
                            "ipBlock": {
                                "cidr": "::/0",
                                "except": ["fc00::/7", "fe80::/10", "2001:db8::1/128"],
                            }
                        },
                    ],
                    "ports": [{"protocol": "TCP", "port": port} for port in (22, 80, 443)],
                },
                {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]},
            ],
        },
    }


def test_only_sessions_with_cluster_access_reach_the_api_server() -> None:
    assert make_access_policy("sessions", ["192.0.2.1/32"]) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata("nacelle-cluster-access", "sessions"),
        "spec": {
            "podSelector": {
                "matchExpressions": [{"key": "nacelle.io/cluster-access", "operator": "Exists"}]
            },
            "policyTypes": ["Egress"],
            "egress": [
                {
                    "to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}],
                    "ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)],
                }
            ],
        },
    }
    names = [one["metadata"]["name"] for one in make_policies(DOORS, "s", "j")]
    assert names == ["nacelle-platform", "nacelle-sessions", "nacelle-jobs"]


def reaches(policy: dict[str, Any], address: str, port: int) -> bool:
    """Whether the blocks of a policy's egress let a packet to an address out."""
    for rule in policy["spec"]["egress"]:
        ports = [one["port"] for one in rule.get("ports", [])]
        if ports and port not in ports:
            continue
        for peer in rule["to"]:
            block = peer.get("ipBlock")
            if block is None:
                continue
            inside = [
                ipaddress.ip_address(address) in ipaddress.ip_network(one)
                for one in (block["cidr"], *block.get("except", ()))
            ]
            if inside[0] and not any(inside[1:]):
                return True
    return False


@pytest.mark.parametrize(
    ("address", "port", "open_"),
    [
        ("169.254.169.254", 80, False),
        ("10.96.0.1", 443, False),
        ("172.18.0.2", 6443, False),
        ("203.0.113.7", 443, False),
        ("fd00::1", 443, False),
        ("198.51.100.9", 443, True),
        ("198.51.100.9", 25, False),
        ("2001:db8::9", 443, True),
        ("169.254.20.10", 53, True),
    ],
)
def test_what_the_blocks_let_through(address: str, port: int, open_: bool) -> None:
    reach = Reach(api_server=("203.0.113.7/32",))
    assert reaches(make_sessions_policy(DOORS, "sessions", reach), address, port) is open_


@pytest.mark.parametrize("version", VERSIONS)
def test_clusters_of_each_version_take_them(version: str) -> None:
    reach = Reach(allowed=("10.9.0.0/16",), api_server=("192.0.2.1/32",))
    for made in make_policies(DOORS, "sessions", "jobs", reach):
        kubernetes_validate.validate(made, version, strict=True)
