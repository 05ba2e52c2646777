"""The platform in one pod: its objects whole, by the cases of nacelle.cluster.deployment."""

from __future__ import annotations

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from nacelle.cluster.deployment import (
    Pod,
    make_claim,
    make_config_map,
    make_deployment,
    make_namespace,
    make_service,
)
from nacelle.cluster.quotas import make_quota
from tests.support.kubernetes import pod_security

VERSIONS = ["1.32", "1.33", "1.34", "1.35", "1.36"]
POD = Pod("platform", "registry.example/nacelle/hub:1", "nacelle-hub", storage_class="fast")
CONFIG = make_config_map(POD, "title: Office\n", "[]\n")
OURS = {
    "app.kubernetes.io/name": "nacelle",
    "app.kubernetes.io/component": "platform",
}
LABELS = {**OURS, "app.kubernetes.io/managed-by": "nacelle"}
METADATA = {"name": "nacelle", "namespace": "platform", "labels": LABELS}
SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
ENV = [{"name": "HOME", "value": "/tmp"}, {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}]
MOUNTS = [
    {"name": "data", "mountPath": "/srv/nacelle"},
    {"name": "config", "mountPath": "/etc/nacelle", "readOnly": True},
    {"name": "tmp", "mountPath": "/tmp"},
]
HEALTH = {"httpGet": {"path": "/hub/health", "port": 8000}, "timeoutSeconds": 5}


def spec_of(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["spec"]["template"]["spec"]
    return found


def test_the_deployment_whole() -> None:
    made = make_deployment(POD, CONFIG)
    annotations = made["spec"]["template"]["metadata"].pop("annotations")
    assert set(annotations) == {"nacelle.io/settings"}
    assert made == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": METADATA,
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": 900,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": OURS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "serviceAccountName": "nacelle-hub",
                    "automountServiceAccountToken": True,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 90,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 1000,
                        "runAsGroup": 1000,
                        "fsGroup": 1000,
                        "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "initContainers": [
                        {
                            "name": "secrets",
                            "image": "registry.example/nacelle/hub:1",
                            "imagePullPolicy": "IfNotPresent",
                            "env": ENV,
                            "securityContext": SECURITY,
                            "command": [
                                "python",
                                "-m",
                                "nacelle.local.adopt",
                                "/etc/nacelle-secrets",
                                "/etc/nacelle/settings.yaml",
                            ],
                            "resources": {
                                "requests": {"cpu": "100m", "memory": "256Mi"},
                                "limits": {"cpu": "500m", "memory": "256Mi"},
                            },
                            "volumeMounts": [
                                *MOUNTS,
                                {
                                    "name": "secrets",
                                    "mountPath": "/etc/nacelle-secrets",
                                    "readOnly": True,
                                },
                            ],
                        }
                    ],
                    "containers": [
                        {
                            "name": "platform",
                            "image": "registry.example/nacelle/hub:1",
                            "imagePullPolicy": "IfNotPresent",
                            "env": ENV,
                            "securityContext": SECURITY,
                            "args": ["nacelle", "up", "--settings=/etc/nacelle/settings.yaml"],
                            "ports": [
                                {"name": "http", "containerPort": 8000, "protocol": "TCP"},
                                {"name": "store", "containerPort": 8003, "protocol": "TCP"},
                            ],
                            "resources": {
                                "requests": {"cpu": "500m", "memory": "2Gi"},
                                "limits": {"cpu": "4", "memory": "6Gi"},
                            },
                            "startupProbe": {**HEALTH, "periodSeconds": 5, "failureThreshold": 120},
                            "readinessProbe": {**HEALTH, "periodSeconds": 5, "failureThreshold": 3},
                            "livenessProbe": {
                                "tcpSocket": {"port": 8000},
                                "periodSeconds": 20,
                                "timeoutSeconds": 5,
                                "failureThreshold": 6,
                            },
                            "volumeMounts": MOUNTS,
                        }
                    ],
                    "volumes": [
                        {"name": "data", "persistentVolumeClaim": {"claimName": "nacelle"}},
                        {"name": "config", "configMap": {"name": "nacelle"}},
                        {
                            "name": "secrets",
                            "secret": {"secretName": "nacelle-secrets", "optional": True},
                        },
                        {"name": "tmp", "emptyDir": {}},
                    ],
                },
            },
        },
    }


def test_case_1_a_restricted_namespace_takes_it_and_each_container_names_its_resources() -> None:
    spec = spec_of(make_deployment(POD, CONFIG))
    assert pod_security.refuse(spec) is None
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_case_3_changed_settings_start_a_new_pod() -> None:
    other = make_config_map(POD, "title: Other\n", "[]\n")
    before, after = (
        make_deployment(POD, one)["spec"]["template"]["metadata"]["annotations"]
        for one in (CONFIG, other)
    )
    assert before != after
    moved = make_config_map(POD, "", "title: Office\n[]\n")
    assert make_deployment(POD, moved)["spec"]["template"]["metadata"]["annotations"] != before


def test_the_other_objects_whole() -> None:
    assert make_namespace("platform") == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "platform",
            "labels": {
                "app.kubernetes.io/managed-by": "nacelle",
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            },
        },
    }
    assert CONFIG == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": METADATA,
        "data": {"settings.yaml": "title: Office\n", "profiles.yaml": "[]\n"},
    }
    assert make_claim(POD) == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": METADATA,
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "20Gi"}},
            "storageClassName": "fast",
        },
    }
    assert make_service(POD) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA,
        "spec": {
            "selector": OURS,
            "ports": [
                {"name": "http", "protocol": "TCP", "port": 8000, "targetPort": 8000},
                {"name": "store", "protocol": "TCP", "port": 8003, "targetPort": 8003},
            ],
        },
    }
    assert make_quota("sessions", {"limits.memory": "64Gi"}) == {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {
            "name": "nacelle",
            "namespace": "sessions",
            "labels": {"app.kubernetes.io/managed-by": "nacelle"},
        },
        "spec": {"hard": {"limits.memory": "64Gi"}},
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_clusters_of_each_version_take_them(version: str) -> None:
    plain = Pod("platform", "hub:1", "nacelle-hub", store=None, pull_secrets=("registry",))
    for pod in (POD, plain):
        for made in (
            make_namespace("platform"),
            make_config_map(pod, "", ""),
            make_claim(pod),
            make_service(pod),
            make_deployment(pod, CONFIG),
            make_quota("sessions", {"pods": "1"}),
        ):
            kubernetes_validate.validate(made, version, strict=True)
