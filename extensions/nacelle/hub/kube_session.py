"""A session as a pod of a Kubernetes cluster: KubeSpawner with our profiles, checks and words.

Cases, each with a test in tests/hub/kubernetes/test_kube_session.py:

 1. Whatever side a choice comes from, it is checked as on one machine; image, sizes, GPUs, node
    selector and tolerations are those of the checked choice and of nothing else.
 2. The pod is as the "restricted" Pod Security Standard demands; its root cannot be written to
    unless its profile says so.
 3. No token of the cluster is in it, unless its profile grants `cluster_access`: then that of an
    account which may act in the person's own namespace alone.
 4. The hub's tokens come in a Secret that goes with the pod: none is in the pod's description.
 5. No text of a person or profile is expanded, by kubespawner or by Kubernetes.
 6. A home whose claim is gone is made again, and the person is told.
 7. What goes wrong is told in words, with what to do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.clients import shared_client

from nacelle.cluster.access import account_name
from nacelle.cluster.naming import MANAGED
from nacelle.cluster.network import ACCESS_LABEL
from nacelle.cluster.security import make_container_security
from nacelle.environments import variables
from nacelle.environments.machine import A_CLUSTER, Machine
from nacelle.environments.profile import Choice
from nacelle.environments.profiles import check
from nacelle.hub.kube_access import ensure_access
from nacelle.hub.kube_telling import TellingMixin
from nacelle.hub.kube_traits import HOME, TOKENS, make_choice_traits
from nacelle.hub.refusals import StartFailed
from nacelle.hub.sessions import SessionMixin
from nacelle.language import Said

_OVER = ("Failed", "Succeeded")
# What people ask for, which tells its own reasons; a restarted hub has "check" pending.
_ASKED_FOR = ("spawn", "stop")
_FILE = "session.json"
SECRET_NAMES = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "MLFLOW_TRACKING_TOKEN")
HOME_WAS_LOST = Said(
    "Your home volume was gone from the cluster. A new, empty one has been made; files in buckets"
    " are untouched. Ask an administrator whether the old volume can be had back.",
    "Votre volume personnel avait disparu du cluster. Un nouveau, vide, a été créé ; les fichiers"
    " des buckets sont intacts. Demandez à un administrateur si l'ancien peut être récupéré.",
)


class KubeSession(TellingMixin, SessionMixin, KubeSpawner):  # type: ignore[misc]
    """A session in a pod."""

    # Kubespawner's: whether its claim has been seen.
    _pvc_exists: bool
    _own_namespace: str | None = None
    _home_was_lost = False
    _last_pod: Mapping[str, Any] | None = None

    def machine(self) -> Machine:
        return A_CLUSTER

    def addresses(self) -> variables.Addresses:
        return variables.cluster_addresses(self.settings)

    def take(self, options: Mapping[str, Any]) -> None:
        """Case 1. Raises a 400 with a sentence when the choice cannot be served."""
        super().take(options)
        assert self.choice is not None, "take checks a choice or raises"
        self._be(self.choice)

    async def load_user_options(self) -> None:
        """Kubespawner would read the stored options again: they are checked again, by our rules."""
        choice = self.choice or check(self.profiles, self.user_options, self.projects)
        self._be(choice)

    def _be(self, choice: Choice) -> None:
        self.choice = choice
        granted = choice.cluster_access is not None
        traits = {
            **make_choice_traits(choice, self.settings.cluster.gpu_resource),
            "container_security_context": make_container_security(choice.writable_root),
            "service_account": account_name(self.user.name) if granted else None,
            "automount_service_account_token": granted,
            "extra_labels": self._labels(choice),
            # Ours goes in by get_env, which is not expanded.
            "environment": {},
        }
        for name, value in traits.items():
            self.set_trait(name, value)

    def _labels(self, choice: Choice) -> dict[str, str]:
        """Those of the installation, and one by which a policy opens the way to the API server."""
        given = {key: text for key, text in self.extra_labels.items() if key != ACCESS_LABEL}
        return given | ({ACCESS_LABEL: choice.cluster_access} if choice.cluster_access else {})

    # The environment: what is secret goes another way than the rest.

    def _variables(self) -> dict[str, str]:
        env = {**super().get_env(), **self.session_environment(), "HOME": HOME}
        env["NACELLE_SESSION_FILE"] = f"{TOKENS}/{_FILE}"
        if self._own_namespace:
            env["KUBERNETES_NAMESPACE"] = self._own_namespace
        if self._home_was_lost:
            env["NACELLE_HOME_WAS_LOST"] = "1"
        return {name: str(value) for name, value in env.items()}

    def get_env(self) -> dict[str, str]:
        """What stands in the pod's description (cases 4, 5)."""
        return {
            # Kubernetes puts values of other variables where it reads $(NAME).
            name: value.replace("$(", "$$(")
            for name, value in self._variables().items()
            if name not in SECRET_NAMES
        }

    def make_tokens(self) -> dict[str, Any]:
        """The Secret that brings the rest to the pod."""
        env = self._variables()
        tokens = {name: env[name] for name in SECRET_NAMES if name in env}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.pod_name,
                "namespace": self.namespace,
                "labels": dict(MANAGED),
            },
            "type": "Opaque",
            "immutable": True,
            "stringData": {_FILE: json.dumps(tokens)},
        }

    # The start.

    async def _start(self) -> Any:
        try:
            # A little before the hub gives up with words of its own.
            return await asyncio.wait_for(self._begin(), self.start_timeout * 0.95)
        except StartFailed:
            await self._abandon()
            raise
        except Exception as error:
            # While the pod is there to be asked why.
            failed = self.explain_start(error)
            await self._abandon()
            raise failed from error
        except asyncio.CancelledError:
            # The person gave up: a pod that was just being made must not stay.
            await self._abandon()
            raise

    async def _begin(self) -> Any:
        await self.before_start()
        await self._ensure_home()
        await self._ensure_access()
        await self._put_tokens()
        return await super()._start()

    async def _abandon(self) -> None:
        """Leave nothing of a start that came to nothing."""
        try:
            await super().stop(now=True)
            await self._drop_tokens()
        except (ApiException, TimeoutError) as error:
            self.log.warning("Something is left of a start: %s", type(error).__name__)

    async def _ensure_home(self) -> None:
        """Case 6. Kubespawner does not look again for a claim that it has once made."""
        if not self._pvc_exists:
            return
        self._pvc_exists = await self._check_pvc_exists(self.pvc_name, self.namespace)
        self._home_was_lost = not self._pvc_exists
        if self._home_was_lost:
            self.log.warning(
                "The claim %s of %s is gone: made again", self.pvc_name, self.user.name
            )

    async def _ensure_access(self) -> None:
        assert self.choice is not None, "a session starts after its choice is taken"
        self._own_namespace = None
        if self.choice.cluster_access:
            self._own_namespace = await ensure_access(
                self.api,
                shared_client("RbacAuthorizationV1Api"),
                shared_client("NetworkingV1Api"),
                self.settings.cluster,
                self.user.name,
                self.choice.cluster_access,
            )

    async def _put_tokens(self) -> None:
        """Before the pod, which would wait for it. One left by a start that failed is replaced."""
        await self._drop_tokens()
        await self.api.create_namespaced_secret(self.namespace, self.make_tokens())

    async def _drop_tokens(self) -> None:
        try:
            await self.api.delete_namespaced_secret(self.pod_name, self.namespace)
        except ApiException as error:
            if error.status != 404:
                raise

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The pod's events in words; first what the person must know."""
        told = False
        async for event in super().progress():
            if self._home_was_lost and not told:
                told = True
                yield {"message": HOME_WAS_LOST.en, "fr": HOME_WAS_LOST.fr}
            yield event

    # The end.

    async def poll(self) -> int | None:
        """None while the pod is there and has not ended. Why it ended is remembered."""
        await self._start_watching_pods()
        pod = self._pod_now()
        if pod and pod["status"].get("phase") in _OVER:
            if self.pending not in _ASKED_FOR:
                self.remember_end(pod)
            # Evicted pods have no container left by which kubespawner would see the end.
            await super().stop(now=True)
            return _exit_code(pod)
        status: int | None = await super().poll()
        # A start that failed and a stop that was asked for tell their own reasons.
        if status is not None and self.pending not in _ASKED_FOR:
            self.remember_end(self._last_pod)
        self._last_pod = pod
        return status

    async def stop(self, now: bool = False) -> None:
        """Delete the pod and its Secret."""
        await super().stop(now=now)
        await self._drop_tokens()


def _exit_code(pod: Mapping[str, Any]) -> int:
    """That of the one container, or 1 where it has left none."""
    for status in pod["status"].get("containerStatuses") or ():
        ended = (status.get("state") or {}).get("terminated")
        if ended:
            return int(ended.get("exitCode", 1))
    return 1
