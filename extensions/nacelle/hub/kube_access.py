"""Give a session its account of the cluster, where its profile grants one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes_asyncio.client import ApiException

from nacelle.cluster import access
from nacelle.cluster.access import Right
from nacelle.language import Said
from nacelle.settings.cluster import ClusterSettings


class NotTheirs(Exception):
    """A namespace of that name is there and is not this person's; `said` is for them."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.said = Said(
            f"The namespace {name} is there and is not yours, so this environment cannot start."
            " Choose another, and tell an administrator.",
            f"L'espace de noms {name} existe et n'est pas à vous : cet environnement ne peut pas"
            " démarrer. Choisissez-en un autre, et prévenez un administrateur.",
        )


async def ensure_access(
    core: Any, rbac: Any, network: Any, settings: ClusterSettings, user: str, right: Right
) -> str:
    """Make what is missing for `user` to have `right` in their own namespace; return its name.

    Objects that exist are left as they are. Raises ApiException, NotTheirs.
    """
    prefix, sessions = settings.access_prefix, settings.namespace
    name = access.namespace_name(prefix, user)
    await _create(core.create_namespace, access.make_namespace(prefix, user))
    found = await core.read_namespace(name)
    if (found.metadata.annotations or {}).get(access.OWNER) != user:
        raise NotTheirs(name)
    # Its walls stand before somebody may act in it.
    await _create(
        network.create_namespaced_network_policy, name, access.make_isolation(prefix, user)
    )
    await _create(
        core.create_namespaced_resource_quota,
        name,
        access.make_quota(prefix, user, settings.access_quota),
    )
    await _create(
        core.create_namespaced_service_account, sessions, access.make_account(sessions, user)
    )
    other: Right = "view" if right == "edit" else "edit"
    with passing_over(404):
        await rbac.delete_namespaced_role_binding(access.role_name(other), name)
    await _create(
        rbac.create_namespaced_role_binding,
        name,
        access.make_binding(prefix, user, right, sessions),
    )
    return name


@contextmanager
def passing_over(status: int) -> Iterator[None]:
    """What is there already (409), or gone already (404), is as it should be."""
    try:
        yield
    except ApiException as error:
        if error.status != status:
            raise


async def _create(create: Callable[..., Awaitable[Any]], *what: Any) -> None:
    with passing_over(409):
        await create(*what)
