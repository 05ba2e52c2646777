"""Settings of KubeSpawner that hold for every session of an installation: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nacelle.cluster.naming import SESSION
from nacelle.cluster.security import make_pod_security
from nacelle.environments.profile import Choice, Profile
from nacelle.hub.forms import to_profile_list
from nacelle.settings import Settings
from nacelle.settings.cluster import ClusterSettings

HOME = "/home/jovyan"
TOKENS = "/var/run/secrets/nacelle"
# Labels of kubespawner's; the expressions in braces are its own.
_POD_NAME = "session-{user_server}"
_CLAIM_NAME = "home-{username}"


def make_traits(settings: Settings, profiles: Sequence[Profile]) -> dict[str, Any]:
    """Values of KubeSpawner's traits, by name. No text of a person is in them: it expands some."""
    cluster = settings.cluster
    return {
        "namespace": cluster.namespace,
        "pod_name_template": _POD_NAME,
        "slug_scheme": "safe",
        "profile_list": to_profile_list(profiles),
        "hub_connect_url": cluster.hub_url.rstrip("/"),
        # The image's entry point stays; this module finds the server and its configuration.
        # Isolated: it starts in the home, where a person's random.py would be taken for Python's.
        "cmd": ["python", "-I", "-m", "nacelle.lab.start"],
        "working_dir": HOME,
        "image_pull_policy": cluster.pull_policy,
        "image_pull_secrets": list(cluster.pull_secrets),
        "pod_security_context": make_pod_security(cluster.user_id, cluster.group_id),
        # Nothing but these contexts says what a pod may do.
        "privileged": False,
        "allow_privilege_escalation": False,
        "automount_service_account_token": False,
        "enable_user_namespaces": False,
        "events_enabled": True,
        # A look into what was watched anyway: a death is told soon.
        "poll_interval": 10,
        "delete_grace_period": 10,
        "storage_pvc_ensure": True,
        # As on one machine: whoever removes somebody from the hub does not remove their files.
        "delete_pvc": False,
        "pvc_name_template": _CLAIM_NAME,
        "storage_capacity": cluster.home.capacity,
        "storage_class": cluster.home.storage_class,
        "storage_access_modes": [cluster.home.access_mode],
        "volumes": _volumes(),
        "volume_mounts": _mounts(),
        "extra_pod_config": _pod_config(cluster),
        # Its clock: the hub's own limit ends a slow start, and says so in words.
        "k8s_api_request_retry_timeout": 60,
    }


def _volumes() -> dict[str, Any]:
    return {
        "home": {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
        "tmp": {"name": "tmp", "emptyDir": {}},
        "tokens": {"name": "tokens", "secret": {"secretName": "{pod_name}", "defaultMode": 0o440}},
    }


def _mounts() -> dict[str, Any]:
    return {
        "home": {"name": "home", "mountPath": HOME},
        "tmp": {"name": "tmp", "mountPath": "/tmp"},
        "tokens": {"name": "tokens", "mountPath": TOKENS, "readOnly": True},
    }


def _pod_config(cluster: ClusterSettings) -> dict[str, Any]:
    # A server that dies stays dead, and the hub tells why: started again it would have lost its
    # kernels in silence.
    made: dict[str, Any] = {"restartPolicy": "Never", "enableServiceLinks": False}
    if cluster.spread:
        made["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(SESSION)},
            }
        ]
    return made


def make_choice_traits(choice: Choice, gpu_resource: str) -> dict[str, Any]:
    """Values of the traits that a checked choice decides, by name."""
    gpus = {gpu_resource: str(choice.gpu)} if choice.gpu else {}
    return {
        "image": choice.image,
        "cpu_guarantee": choice.cpu.guarantee,
        "cpu_limit": choice.cpu.limit,
        "mem_guarantee": choice.memory.guarantee,
        "mem_limit": choice.memory.limit,
        # Nodes do not share out their GPUs: what is asked for is what is granted.
        "extra_resource_guarantees": dict(gpus),
        "extra_resource_limits": dict(gpus),
        "node_selector": dict(choice.node_selector),
        "tolerations": [dict(one) for one in choice.tolerations],
    }
