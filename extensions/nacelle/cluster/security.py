"""What the Pod Security Standard "restricted" demands of a pod, and what we demand beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from typing import Any


def make_pod_security(user: int, group: int) -> dict[str, Any]:
    """securityContext of a pod whose volumes belong to `group`."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        # A large home is not walked through at each start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def make_container_security(writable_root: bool = False) -> dict[str, Any]:
    """securityContext of a container; whoever asks for a writable root has a reason."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": not writable_root,
        "capabilities": {"drop": ["ALL"]},
    }
