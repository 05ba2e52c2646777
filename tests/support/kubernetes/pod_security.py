"""The Pod Security Standard "restricted", as a namespace labelled so enforces it on pods.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.kubernetes.kinds import Object

LABEL = "pod-security.kubernetes.io/enforce"
_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
}  # fmt: skip
_PROFILES = ("RuntimeDefault", "Localhost")


def refuse(spec: Object) -> str | None:
    """Why a pod may not be made, in the API's words; None when it may."""
    found = [*_of_pod(spec)]
    for container in _containers(spec):
        found += _of_container(spec, container)
    return f'violates PodSecurity "restricted:latest": {", ".join(found)}' if found else None


def _containers(spec: Object) -> list[Object]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [one for kind in kinds for one in spec.get(kind) or ()]


def _of_pod(spec: Object) -> Iterator[str]:
    for one in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(one):
            yield f"host namespaces ({one}=true)"
    context = spec.get("securityContext") or {}
    if context.get("runAsUser") == 0:
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    for sysctl in context.get("sysctls") or ():
        if sysctl["name"] not in _SYSCTLS:
            yield f"forbidden sysctls ({sysctl['name']})"
    for volume in spec.get("volumes") or ():
        for type_ in volume.keys() - {"name"} - _VOLUMES:
            yield f'restricted volume types (volume "{volume["name"]}" uses type "{type_}")'


def _of_container(spec: Object, container: Object) -> Iterator[str]:
    whole, own = spec.get("securityContext") or {}, container.get("securityContext") or {}
    name = f'container "{container["name"]}" must set securityContext'
    if own.get("privileged"):
        yield f"privileged (container {container['name']!r} must not set privileged=true)"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"allowPrivilegeEscalation != false ({name}.allowPrivilegeEscalation=false)"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()) or set(capabilities.get("add") or ()) - {
        "NET_BIND_SERVICE"
    }:
        yield f'unrestricted capabilities ({name}.capabilities.drop=["ALL"])'
    if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
        yield f"runAsNonRoot != true (pod or {name}.runAsNonRoot=true)"
    if own.get("runAsUser") == 0:
        yield f"runAsUser=0 (container {container['name']!r} must not set runAsUser=0)"
    profile = own.get("seccompProfile") or whole.get("seccompProfile") or {}
    if profile.get("type") not in _PROFILES:
        yield f'seccompProfile (pod or {name}.seccompProfile.type to "RuntimeDefault")'
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield f"hostPort (container {container['name']!r} uses a hostPort)"
    if own.get("procMount") not in (None, "Default"):
        yield f"procMount (container {container['name']!r} must not set procMount)"
