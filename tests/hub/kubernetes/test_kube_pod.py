"""The pod of a session, whole. Tier: none; held against the schemas of Kubernetes 1.32 to 1.36."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kube_sessions import PROFILES, TOKEN, make_session, make_settings
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner

from nacelle.cluster.network import ACCESS_LABEL
from nacelle.environments.profile import Profile
from nacelle.environments.profiles import check
from nacelle.hub.forms import to_profile_list
from nacelle.hub.kube_session import SECRET_NAMES, KubeSession
from nacelle.hub.kube_traits import make_choice_traits
from nacelle.hub.refusals import ChoiceRefused
from nacelle.settings.vault import VaultSettings

pytestmark = pytest.mark.usefixtures("nowhere")
VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36")


async def pod_of(session: KubeSession) -> dict[str, Any]:
    async with ApiClient() as client:
        made = client.sanitize_for_serialization(await session.get_pod_manifest())
    await session.api.api_client.close()
    return dict(made)


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def variables(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(pod)["env"]}


GPU = {
    "name": "gpu",
    "title": "GPU",
    "description": "GPU",
    "image": "nacelle/lab-gpu:1",
    "kernels": ["python"],
    "cpu": {"guarantee": 1, "limit": 4},
    "memory": {"guarantee": "4G", "limit": "16G"},
    "gpu": 2,
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "env": {"GREETING": "{unescaped_username} $(PATH) {ghost"},
}


def profile(**changes: Any) -> Profile:
    return Profile.model_validate({**GPU, **changes})


async def test_the_pod_of_a_gpu_profile_whole() -> None:
    session = make_session(profiles=(profile(),))
    pod = await pod_of(session)
    metadata, spec = pod["metadata"], pod["spec"]
    assert metadata["name"] == "session-ada"
    assert metadata["labels"] == {
        "hub.jupyter.org/username": "ada",
        "hub.jupyter.org/servername": "",
        "app.kubernetes.io/name": "jupyterhub",
        "app.kubernetes.io/managed-by": "kubespawner",
        "app.kubernetes.io/component": "singleuser-server",
        "app": "jupyterhub",
        "heritage": "jupyterhub",
        "component": "singleuser-server",
    }
    env = container(pod).pop("env")
    assert spec == {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "notebook",
                "image": "nacelle/lab-gpu:1",
                "imagePullPolicy": "IfNotPresent",
                "args": ["python", "-I", "-m", "nacelle.lab.start"],
                "workingDir": "/home/jovyan",
                "env": env,
                "lifecycle": {},
                "ports": [{"containerPort": 8888, "name": "notebook-port"}],
                "resources": {
                    "requests": {"cpu": 1.0, "memory": 4 * 1024**3, "nvidia.com/gpu": "2"},
                    "limits": {"cpu": 4.0, "memory": 16 * 1024**3, "nvidia.com/gpu": "2"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "home", "mountPath": "/home/jovyan"},
                    {"name": "tmp", "mountPath": "/tmp"},
                    {
                        "name": "tokens",
                        "mountPath": "/var/run/secrets/nacelle",
                        "readOnly": True,
                    },
                ],
            }
        ],
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "gpu"},
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 100,
            "fsGroup": 100,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [
            {"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "tokens", "secret": {"secretName": "session-ada", "defaultMode": 0o440}},
        ],
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("one", [*PROFILES, profile()], ids=lambda one: one.name)
async def test_every_profile_makes_a_valid_pod(one: Profile, version: str) -> None:
    pod = await pod_of(make_session(profiles=(one,)))
    kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize("size", ["small", "medium", "large"])
async def test_sizes_are_requests_and_limits(size: str) -> None:
    pod = await pod_of(make_session(options={"profile": "python", "size": size}))
    cpu = {"small": (0.5, 2.0), "medium": (1.0, 4.0), "large": (4.0, 8.0)}[size]
    memory = {"small": (1, 4), "medium": (4, 8), "large": (16, 32)}[size]
    assert container(pod)["resources"] == {
        "requests": {"cpu": cpu[0], "memory": memory[0] * 1024**3},
        "limits": {"cpu": cpu[1], "memory": memory[1] * 1024**3},
    }


async def test_an_image_within_the_pattern_is_taken_and_another_refused() -> None:
    wanted = {"profile": "python", "image--unlisted-choice": "nacelle/lab-geo:2026.11"}
    assert container(await pod_of(make_session(options=wanted)))["image"] == (
        "nacelle/lab-geo:2026.11"
    )


ATTACKS = [
    {"profile": "python", "image--unlisted-choice": "evil.example/miner:latest"},
    {"profile": "python", "image--unlisted-choice": "nacelle/lab:1\nevil.example/x"},
    {"profile": "python", "image--unlisted-choice": "nacelle/lab@evil"},
    {"profile": "python", "image": "evil.example/miner"},
    {"profile": "python", "size": "huge"},
    {"profile": "python", "cpu_limit": "64"},
    {"profile": "python", "mem_limit": "1T"},
    {"profile": "python", "node_selector": {"pool": "gpu"}},
    {"profile": "python", "tolerations": [{"operator": "Exists"}]},
    {"profile": "python", "volumes": [{"name": "x", "hostPath": {"path": "/"}}]},
    {"profile": "python", "privileged": True},
    {"profile": "python", "uid": 0},
    {"profile": "python", "service_account": "nacelle-hub"},
    {"profile": "python", "extra_pod_config": {"hostNetwork": True}},
    {"profile": "python", "pvc_name": "home-root"},
    {"profile": "python", "namespace": "kube-system"},
    {"profile": "python", "cluster_access": "edit"},
    {"profile": "python", "environment": {"LD_PRELOAD": "/tmp/x.so"}},
    {"profile": "nobody-has-this"},
    {"profile": ["python"]},
    {"kubespawner_override": {"privileged": True}},
]


@pytest.mark.parametrize("options", ATTACKS, ids=lambda one: str(list(one)[-1]))
async def test_no_request_chooses_beyond_its_profile(options: dict[str, Any]) -> None:
    """Case 1: what the REST API sends is refused before anything is made."""
    with pytest.raises(ChoiceRefused) as refused:
        make_session(options=options)
    assert refused.value.status_code == 400


async def test_a_profile_of_a_group_is_for_its_members() -> None:
    mine = (*PROFILES, profile(groups=["prix"]))
    with pytest.raises(ChoiceRefused):
        make_session(options={"profile": "gpu"}, profiles=mine)
    session = make_session(options={"profile": "gpu"}, profiles=mine, groups=("prix",))
    assert container(await pod_of(session))["image"] == "nacelle/lab-gpu:1"


async def test_a_root_that_can_be_written_to_is_the_profile_s_choice() -> None:
    """Case 2."""
    pod = await pod_of(make_session(profiles=(profile(writable_root=True),)))
    assert container(pod)["securityContext"]["readOnlyRootFilesystem"] is False


async def test_a_token_of_the_cluster_is_the_profile_s_choice() -> None:
    """Case 3."""
    pod = await pod_of(make_session(profiles=(profile(cluster_access="view"),)))
    assert pod["spec"]["serviceAccountName"] == "session-ada"
    assert pod["spec"]["automountServiceAccountToken"] is True
    assert pod["metadata"]["labels"][ACCESS_LABEL] == "view"
    plain = await pod_of(make_session(profiles=(profile(),)))
    assert "serviceAccountName" not in plain["spec"]
    assert plain["spec"]["automountServiceAccountToken"] is False
    assert ACCESS_LABEL not in plain["metadata"]["labels"]


async def test_no_token_is_in_the_pod() -> None:
    """Case 4: not as a variable, nor anywhere else; the Secret has them all."""
    session = make_session()
    pod = await pod_of(session)
    assert TOKEN not in json.dumps(pod)
    assert variables(pod).keys().isdisjoint(SECRET_NAMES)
    told = json.loads(session.make_tokens()["stringData"]["session.json"])
    assert told == dict.fromkeys(SECRET_NAMES, TOKEN)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_secret_is_valid(version: str) -> None:
    kubernetes_validate.validate(make_session().make_tokens(), version, strict=True)


NAMES = [
    "{hubnamespace}",
    "{user.__class__}",
    "$(JUPYTERHUB_API_TOKEN)",
    "$$(JUPYTERHUB_USER)",
    "$$$(JUPYTERHUB_USER)",
    "a$$b$",
    "a{0}b",
    "ghost}",
    "../../etc",
    "a\nb",
]


def as_in_the_container(value: str) -> str:
    """What Kubernetes makes of a variable's value when no reference in it may be resolved.

    https://github.com/kubernetes/kubernetes/blob/master/third_party/forked/golang/expansion/expand.go
    """
    made, place = "", 0
    while place < len(value):
        two = value[place : place + 2]
        assert not (two == "$(" and ")" in value[place:]), "a reference"
        made += "$" if two == "$$" else value[place]
        place += 2 if two == "$$" else 1
    return made


@pytest.mark.parametrize("name", NAMES)
async def test_a_person_s_name_is_never_expanded(name: str) -> None:
    """Case 5."""
    pod = await pod_of(make_session(name))
    env = variables(pod)
    assert as_in_the_container(env["GIT_USER_NAME"]) == name
    kubernetes_validate.validate(pod, "1.36", strict=True)
    claim = pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim.startswith("home-") and set(claim) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


async def test_a_profile_s_value_is_never_expanded() -> None:
    """Case 5."""
    env = variables(await pod_of(make_session(profiles=(profile(),))))
    assert env["GREETING"] == "{unescaped_username} $$(PATH) {ghost"


async def test_what_the_office_gives_all_pods_stays_as_it_wrote_it() -> None:
    session = make_session()
    session.environment = {
        "PROXY": "http://proxy.office/$(HOSTNAME)",
        "NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    }
    pod = await pod_of(session)
    given = {one["name"]: one for one in container(pod)["env"]}
    assert given["PROXY"]["value"] == "http://proxy.office/$(HOSTNAME)"
    assert given["NODE"]["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    kubernetes_validate.validate(pod, "1.36", strict=True)


async def test_people_whose_names_look_alike_share_nothing() -> None:
    names = ["ada", "Ada", "a-da", "ada-", "ada--", "àda"]
    pods = [await pod_of(make_session(name)) for name in names]
    claims = {pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] for pod in pods}
    secrets = {pod["spec"]["volumes"][2]["secret"]["secretName"] for pod in pods}
    assert len(claims) == len(names) == len(secrets)
    assert len({pod["metadata"]["name"] for pod in pods}) == len(names)


async def test_the_pod_finds_everything_through_the_proxy() -> None:
    env = variables(await pod_of(make_session()))
    assert env["JUPYTERHUB_API_URL"] == "http://proxy-public/hub/api"
    assert env["NACELLE_BROKER_URL"] == "http://proxy-public/services/broker"
    assert env["AWS_ENDPOINT_URL"] == "https://store.example"
    assert "127.0.0.1" not in json.dumps(env)


async def test_a_session_asks_for_secrets_where_there_is_a_vault() -> None:
    assert "NACELLE_SECRETS" not in variables(await pod_of(make_session()))
    vault = VaultSettings(url="https://vault.example")
    settings = make_settings().model_copy(update={"vault": vault})
    assert variables(await pod_of(make_session(settings=settings)))["NACELLE_SECRETS"] == "1"


async def test_sessions_are_spread_when_the_settings_say_so() -> None:
    pod = await pod_of(make_session(settings=make_settings(spread=True)))
    assert pod["spec"]["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"component": "singleuser-server"}},
        }
    ]
    kubernetes_validate.validate(pod, "1.36", strict=True)


async def test_the_home_s_claim() -> None:
    async with ApiClient() as client:
        session = make_session()
        claim = client.sanitize_for_serialization(session.get_pvc_manifest())
    await session.api.api_client.close()
    assert claim["metadata"]["name"] == "home-ada"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
    }
    kubernetes_validate.validate(claim, "1.36", strict=True)


@pytest.mark.parametrize("one", PROFILES, ids=lambda one: one.name)
async def test_kubespawner_s_own_list_of_profiles_says_the_same(one: Profile) -> None:
    """Whoever reads profile_list, as other forms do, gets what we would start."""
    session = make_session(profiles=PROFILES)
    plain = KubeSpawner(_mock=True)
    plain.user_options = {"profile": one.name}
    listed = plain._get_initialized_profile_list(to_profile_list(PROFILES))
    plain._validate_user_options(listed)
    plain._load_profile(one.name, listed)
    ours = make_choice_traits(check(PROFILES, {"profile": one.name}, ()), "nvidia.com/gpu")
    for name in ("image", "cpu_limit", "cpu_guarantee", "mem_limit", "extra_resource_limits"):
        assert getattr(plain, name) == ours[name]
    assert [each["slug"] for each in session.profile_list] == [each.name for each in PROFILES]
    await session.api.api_client.close()
