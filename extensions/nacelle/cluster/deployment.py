"""The platform in one pod of the hub's image: `nacelle up` behind a Service, its data on a volume.

Sessions and jobs are pods of their own, in namespaces of theirs. Pure.

Cases, each with a test in tests/cluster/test_deployment.py:

1. The pod is as the "restricted" Pod Security Standard demands, on a root that cannot be written;
   each container names its resources, so that a quota admits it.
2. One pod at a time holds the volume: an update ends the old one before it starts the new.
3. Changed settings start a new pod.
4. A first start has minutes; later the pod is ended only when its proxy answers no more, and gets
   no requests while the hub does not answer.
5. No secret stands in these objects: what the office has is in a Secret of its own making.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nacelle.cluster.access import restricted
from nacelle.cluster.naming import MANAGED
from nacelle.cluster.network import PLATFORM
from nacelle.cluster.security import make_container_security, make_pod_security

NAME = "nacelle"
# The user of the hub's image.
_USER, _GROUP = 1000, 1000
VOLUME = "/srv/nacelle"
# Below the mount: what the platform keeps to itself there is not touched when the volume's group
# is set.
DATA = f"{VOLUME}/data"
CONFIG = "/etc/nacelle"
SECRETS = "/etc/nacelle-secrets"
SETTINGS_FILE, PROFILES_FILE = "settings.yaml", "profiles.yaml"
# A Secret of the office's own making, with what no settings file may hold, by file name.
SECRET_NAME = "nacelle-secrets"


@dataclass(frozen=True)
class Pod:
    """The platform's pod: where it is and what it may use."""

    namespace: str
    image: str
    account: str
    proxy: int = 8000
    store: int | None = 8003
    cpu_request: str = "500m"
    cpu_limit: str = "4"
    memory_request: str = "2Gi"
    memory_limit: str = "6Gi"
    volume: str = "20Gi"
    storage_class: str | None = None
    pull_secrets: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Name of its Service as pods of other namespaces have it."""
        return f"{NAME}.{self.namespace}.svc"


def make_namespace(name: str) -> dict[str, Any]:
    """A namespace held to the "restricted" Pod Security Standard."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**MANAGED, **restricted()}},
    }


def make_config_map(pod: Pod, settings: str, profiles: str) -> dict[str, Any]:
    """The settings and the catalogue, as files."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(pod),
        "data": {SETTINGS_FILE: settings, PROFILES_FILE: profiles},
    }


def make_claim(pod: Pod) -> dict[str, Any]:
    """The volume of everything that must survive."""
    chosen = {"storageClassName": pod.storage_class} if pod.storage_class is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _metadata(pod),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": pod.volume}},
            **chosen,
        },
    }


def make_service(pod: Pod) -> dict[str, Any]:
    """The two doors: the proxy for people and pods, the store for pods."""
    ports = {"http": pod.proxy, **({"store": pod.store} if pod.store else {})}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(pod),
        "spec": {
            "selector": dict(PLATFORM),
            "ports": [
                {"name": name, "protocol": "TCP", "port": port, "targetPort": port}
                for name, port in ports.items()
            ],
        },
    }


def make_deployment(pod: Pod, config: Mapping[str, Any]) -> dict[str, Any]:
    """The Deployment of the one pod, with the ConfigMap `config`."""
    text = "\0".join(f"{name}\0{value}" for name, value in sorted(config["data"].items()))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(pod),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": 900,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": dict(PLATFORM)},
            "template": {
                "metadata": {
                    "labels": {**PLATFORM, **MANAGED},
                    "annotations": {"nacelle.io/settings": digest},
                },
                "spec": _pod_spec(pod),
            },
        },
    }


def _pod_spec(pod: Pod) -> dict[str, Any]:
    pulled = [{"name": name} for name in pod.pull_secrets]
    return {
        "serviceAccountName": pod.account,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        # The parts stop one after the other, the store after what writes to it.
        "terminationGracePeriodSeconds": 90,
        "securityContext": make_pod_security(_USER, _GROUP),
        **({"imagePullSecrets": pulled} if pulled else {}),
        **({"nodeSelector": dict(pod.node_selector)} if pod.node_selector else {}),
        "initContainers": [_bring_secrets(pod)],
        "containers": [_platform(pod)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": NAME}},
            {"name": "config", "configMap": {"name": NAME}},
            {"name": "secrets", "secret": {"secretName": SECRET_NAME, "optional": True}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _bring_secrets(pod: Pod) -> dict[str, Any]:
    """Puts the office's secrets where the platform keeps its own."""
    mounted = {"name": "secrets", "mountPath": SECRETS, "readOnly": True}
    return {
        **_container(pod, "secrets"),
        "command": ["python", "-m", "nacelle.local.adopt", SECRETS, f"{CONFIG}/{SETTINGS_FILE}"],
        "resources": _resources("100m", "500m", "256Mi", "256Mi"),
        "volumeMounts": [*_mounts(), mounted],
    }


def _platform(pod: Pod) -> dict[str, Any]:
    ports = {"http": pod.proxy, **({"store": pod.store} if pod.store else {})}
    health = {"httpGet": {"path": "/hub/health", "port": pod.proxy}, "timeoutSeconds": 5}
    return {
        **_container(pod, "platform"),
        # Arguments alone: the image's entry point reaps what is left of processes.
        "args": ["nacelle", "up", f"--settings={CONFIG}/{SETTINGS_FILE}"],
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()
        ],
        "resources": _resources(
            pod.cpu_request, pod.cpu_limit, pod.memory_request, pod.memory_limit
        ),
        "startupProbe": {**health, "periodSeconds": 5, "failureThreshold": 120},
        "readinessProbe": {**health, "periodSeconds": 5, "failureThreshold": 3},
        # A hub that is down is started again inside; only a pod without a proxy is beyond that.
        "livenessProbe": {
            "tcpSocket": {"port": pod.proxy},
            "periodSeconds": 20,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "volumeMounts": _mounts(),
    }


def _container(pod: Pod, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "HOME", "value": "/tmp"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        ],
        "securityContext": make_container_security(),
    }


def _mounts() -> list[dict[str, Any]]:
    return [
        {"name": "data", "mountPath": VOLUME},
        {"name": "config", "mountPath": CONFIG, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]


def _resources(cpu: str, most_cpu: str, memory: str, most_memory: str) -> dict[str, Any]:
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"cpu": most_cpu, "memory": most_memory},
    }


def _metadata(pod: Pod) -> dict[str, Any]:
    return {"name": NAME, "namespace": pod.namespace, "labels": {**PLATFORM, **MANAGED}}
