"""A session as a pod of a Kubernetes cluster: KubeSpawner with our profiles, checks and words.

Cases, each with a test in tests/hub/kubernetes/test_kube_session.py:

 1. Whatever side a choice comes from, it is checked as on one machine; image, sizes, GPUs, node
    selector and tolerations are those of the checked choice and of nothing else.
 2. The pod is as the "restricted" Pod Security Standard demands; its root cannot be written to
    unless its profile says so.
 3. No token of the cluster is in it, unless its profile grants `cluster_access`: then that of an
    account which may act in the person's own namespace alone.
 4. The hub's tokens come in a Secret that goes with the pod, however it ends: none is in the pod's
    description.
 5. No text of a person or profile is expanded, by kubespawner or by Kubernetes.
 6. A home whose claim is gone is made again, and the person is told.
 7. What goes wrong is told in words, with what to do.
 8. An API server that was away for minutes costs nothing but those minutes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.clients import shared_client

from nacelle.cluster.access import account_name
from nacelle.cluster.naming import MANAGED
from nacelle.cluster.network import ACCESS_LABEL
from nacelle.cluster.pods import container_state
from nacelle.cluster.security import make_container_security
from nacelle.environments import variables
from nacelle.environments.machine import A_CLUSTER, Machine
from nacelle.environments.profile import Choice
from nacelle.environments.profiles import check
from nacelle.hub.kube_access import NotTheirs, ensure_access, passing_over
from nacelle.hub.kube_telling import TellingMixin
from nacelle.hub.kube_traits import HOME, TOKENS, make_choice_traits
from nacelle.hub.refusals import StartFailed
from nacelle.hub.sessions import SessionMixin
from nacelle.language import Said

_OVER = ("Failed", "Succeeded")
# What people ask for, which tells its own reasons; a restarted hub has "check" pending.
_ASKED_FOR = ("spawn", "stop")
_FILE = "session.json"
# What comes of a cluster that refuses or does not answer.
_NO_ANSWER = (ApiException, ClientError, OSError, TimeoutError)
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
    # Lost, and no session has come up since to tell it.
    _loss_is_new = False
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
        }
        for name, value in traits.items():
            self.set_trait(name, value)

    def _labels(self, choice: Choice) -> dict[str, str]:
        """Those of the installation, and one by which a policy opens the way to the API server."""
        given = {key: text for key, text in self.extra_labels.items() if key != ACCESS_LABEL}
        return given | ({ACCESS_LABEL: choice.cluster_access} if choice.cluster_access else {})

    # The environment: what is secret goes another way than the rest.

    def _variables(self) -> dict[str, Any]:
        env = {**super().get_env(), **self.session_environment(), "HOME": HOME}
        env["NACELLE_SESSION_FILE"] = f"{TOKENS}/{_FILE}"
        if self._own_namespace:
            env["KUBERNETES_NAMESPACE"] = self._own_namespace
        if self._home_was_lost:
            env["NACELLE_HOME_WAS_LOST"] = "1"
        return env

    def get_env(self) -> dict[str, Any]:
        """What stands in the pod's description (cases 4, 5)."""
        return {
            # What the office gives all pods is as it wrote it. Else Kubernetes puts values of other
            # variables where it reads $(NAME), and reads $$ as $.
            name: value if name in self.environment else str(value).replace("$", "$$")
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
        address = await super()._start()
        self._loss_is_new = False
        return address

    async def _abandon(self) -> None:
        """Leave nothing of a start that came to nothing."""
        try:
            await self.stop(now=True)
        except _NO_ANSWER as error:
            self.log.warning("Something is left of a start: %s", type(error).__name__)

    async def _ensure_home(self) -> None:
        """Case 6. Kubespawner does not look again for a claim that it has once made."""
        if self._pvc_exists:
            self._pvc_exists = await self._check_pvc_exists(self.pvc_name, self.namespace)
            if not self._pvc_exists:
                self._loss_is_new = True
                self.log.warning(
                    "The claim %s of %s is gone: made again", self.pvc_name, self.user.name
                )
        self._home_was_lost = self._loss_is_new

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return {**state, "home_was_lost": True} if self._loss_is_new else state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._loss_is_new = bool(state.get("home_was_lost"))

    async def _ensure_access(self) -> None:
        assert self.choice is not None, "a session starts after its choice is taken"
        self._own_namespace = None
        if self.choice.cluster_access:
            try:
                self._own_namespace = await ensure_access(
                    self.api,
                    shared_client("RbacAuthorizationV1Api"),
                    shared_client("NetworkingV1Api"),
                    self.settings.cluster,
                    self.user.name,
                    self.choice.cluster_access,
                )
            except NotTheirs as error:
                raise StartFailed(error.said, self.language, "namespace", 409) from None

    async def _put_tokens(self) -> None:
        """Before the pod, which would wait for it. One left by a start that failed is replaced."""
        await self._drop_tokens()
        await self.api.create_namespaced_secret(self.namespace, self.make_tokens())

    async def _make_create_pod_request(self, pod: Any, request_timeout: float) -> bool:
        """Kubespawner's. When it has to stop a pod of that name first, the Secret went with it."""
        made: bool = await super()._make_create_pod_request(pod, request_timeout)
        if not made:
            await self._put_tokens()
        return made

    async def _drop_tokens(self) -> None:
        with passing_over(404):
            await self.api.delete_namespaced_secret(self.pod_name, self.namespace)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The pod's events in words; first what the person must know."""
        told = False
        async for event in super().progress():
            if self._home_was_lost and not told:
                told = True
                yield {"message": HOME_WAS_LOST.en, "fr": HOME_WAS_LOST.fr}
            yield event

    # What is seen of the cluster.

    async def _start_reflector(
        self, kind: str, reflector_class: Any, replace: bool = False, **more: Any
    ) -> Any:
        """Kubespawner's, for all sessions. One that could not begin, or gave up after a minute
        without the API, is replaced: it would show what was then until the hub starts again."""
        known = self.reflectors.get(self._get_reflector_key(kind))
        anew = replace or (known is not None and _has_given_up(known))
        return await super()._start_reflector(kind, reflector_class, anew, **more)

    # The end.

    async def poll(self) -> int | None:
        """None while the pod is there and has not ended. Why it ended is remembered."""
        try:
            await self._start_watching_pods()
        except _NO_ANSWER as error:
            # Whoever cannot look knows of no end.
            self.log.warning("The pods cannot be seen: %s", type(error).__name__)
            return None
        pod = self._pod_now()
        if pod and pod["status"].get("phase") in _OVER:
            if self.pending not in _ASKED_FOR:
                self.remember_end(pod)
            # Evicted pods have no container left by which kubespawner would see the end.
            await self.stop(now=True)
            return _exit_code(pod)
        status: int | None = await super().poll()
        # A start that failed and a stop that was asked for tell their own reasons.
        if status is not None and self.pending not in _ASKED_FOR:
            self.remember_end(self._last_pod)
        if status is not None and self.pending != "spawn":
            with suppress(*_NO_ANSWER):
                await self._drop_tokens()
        self._last_pod = pod
        return status

    async def stop(self, now: bool = False) -> None:
        """Delete the pod and its Secret."""
        await super().stop(now=now)
        await self._drop_tokens()


def _has_given_up(reflector: Any) -> bool:
    """Whether a reflector of kubespawner follows the cluster no more; not while it begins."""
    task = reflector.watch_task
    return reflector.first_load_future.done() and (task is None or task.done())


def _exit_code(pod: Mapping[str, Any]) -> int:
    """That of the one container, or 1 where it has left none."""
    ended = container_state(pod).get("terminated") or {}
    return int(ended.get("exitCode", 1))
