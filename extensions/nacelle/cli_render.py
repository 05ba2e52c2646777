"""`nacelle render`: what an administrator applies to a cluster, as YAML on the output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from nacelle.settings import Settings, SettingsError, change, load_settings
from nacelle.shares import hub_config_folder

if TYPE_CHECKING:
    from nacelle.cluster.deployment import Pod
    from nacelle.cluster.network import Reach

_CANNOT = 2
_PROXY_PORT = 8000


@dataclass(frozen=True)
class Limits:
    """Quotas of the namespaces of sessions and jobs, by the names that Kubernetes uses."""

    sessions: dict[str, str]
    jobs: dict[str, str]


def in_cluster(settings: Settings, namespace: str) -> Settings:
    """The settings of an installation in one pod of `namespace`. Raises SettingsError.

    Addresses that the file leaves as they are become those of the pod's Service.
    """
    from nacelle.cluster import deployment
    from nacelle.layout import PORTS
    from nacelle.settings.cluster import ClusterSettings

    start = f"{settings.cluster.access_prefix}-"
    if namespace.startswith(start):
        raise SettingsError(
            f"--namespace: {namespace!r} begins with {start}, as those of people do; choose another"
        )
    host, plain = f"{deployment.NAME}.{namespace}.svc", ClusterSettings()
    store_port = _PROXY_PORT + PORTS["store"]
    embedded = settings.store.kind == "embedded"
    cluster = settings.cluster.model_dump()
    if settings.cluster.hub_url == plain.hub_url:
        cluster["hub_url"] = f"http://{host}:{_PROXY_PORT}"
    if embedded and settings.cluster.store_url == plain.store_url:
        cluster["store_url"] = f"https://{host}:{store_port}"
    open_store = {"tls": True, "host": "0.0.0.0"} if embedded else {}
    return change(
        settings,
        data_dir=Path(deployment.DATA),
        profiles=Path(deployment.CONFIG) / deployment.PROFILES_FILE,
        host="0.0.0.0",
        port=_PROXY_PORT,
        sessions={**settings.sessions.model_dump(), "engine": "kubernetes"},
        jobs={**settings.jobs.model_dump(), "engine": "kubernetes"},
        store={**settings.store.model_dump(), **open_store},
        cluster=cluster,
    )


def make_objects(
    settings: Settings, profiles: str, access: bool, pod: Pod, reach: Reach, limits: Limits
) -> list[dict[str, Any]]:
    """All objects, in the order in which they can be applied.

    `settings` are those of `in_cluster`, `profiles` the catalogue's text, `access` whether one of
    its profiles grants `cluster_access`.
    """
    from nacelle.cluster import deployment, quotas
    from nacelle.cluster.network import Doors, make_policies

    platform, sessions, jobs = _namespaces(settings, pod.namespace)
    doors = Doors(pod.namespace, pod.proxy, pod.store)
    config = deployment.make_config_map(pod, _written(settings), profiles)
    hard = {sessions: limits.sessions, jobs: limits.jobs}
    return [
        *(deployment.make_namespace(one) for one in dict.fromkeys((platform, sessions, jobs))),
        *(quotas.make_quota(namespace, one) for namespace, one in hard.items() if one),
        *make_policies(doors, sessions, jobs, reach),
        *_rights(settings, pod, access),
        config,
        deployment.make_claim(pod),
        deployment.make_service(pod),
        deployment.make_deployment(pod, config),
    ]


def _namespaces(settings: Settings, platform: str) -> tuple[str, str, str]:
    return platform, settings.cluster.namespace, settings.jobs.kubernetes.namespace


def _rights(settings: Settings, pod: Pod, access: bool) -> list[dict[str, Any]]:
    """One account for the one pod: what the hub may do, and what the engine of jobs may."""
    from nacelle.cluster import admission, rights
    from nacelle.cluster.access import make_cluster_role
    from nacelle.jobs.kubernetes import rights as of_jobs

    platform, sessions, jobs = _namespaces(settings, pod.namespace)
    name, prefix = f"{rights.NAME}-{platform}", settings.cluster.access_prefix
    account = {"kind": "ServiceAccount", "name": pod.account, "namespace": platform}
    made = [
        rights.make_service_account(platform),
        rights.make_role(sessions, access),
        rights.make_role_binding(sessions, platform),
        rights.make_cluster_role(name, access),
        rights.make_cluster_role_binding(name, platform),
        of_jobs.make_role(jobs),
        {**of_jobs.make_role_binding(jobs, platform), "subjects": [account]},
    ]
    if access:
        made += [make_cluster_role("view"), make_cluster_role("edit")]
        made += [
            admission.make_hub_policy(name, platform, prefix),
            admission.make_policy_binding(name),
            admission.make_services_policy(f"{name}-services", prefix),
            admission.make_policy_binding(f"{name}-services"),
        ]
    return made


class _Plain(yaml.SafeDumper):
    """Without anchors, which are hard to read in a review."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _written(settings: Settings) -> str:
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _pairs(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise click.BadParameter(f"write NAME=VALUE, such as limits.memory=64Gi, not {one!r}")
    return dict(one.split("=", 1) for one in given)


@click.command()
@click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings file.")
@click.option("--image", required=True, help="Image of the hub, as the cluster pulls it.")
@click.option(
    "--namespace", default="nacelle-platform", show_default=True, help="Namespace of the platform."
)
@click.option("--volume", default="20Gi", show_default=True, help="Size of the platform's volume.")
@click.option("--storage-class", help="Its storage class; the cluster's default when not given.")
@click.option("--cpu", default="4", show_default=True, help="Most cores of the platform's pod.")
@click.option("--memory", default="6Gi", show_default=True, help="Most memory of that pod.")
@click.option("--no-internet", is_flag=True, help="Sessions and jobs do not reach the internet.")
@click.option(
    "--allow",
    multiple=True,
    metavar="CIDR",
    help="Addresses they reach beside it; repeatable.",
)
@click.option(
    "--api-server",
    multiple=True,
    metavar="CIDR",
    help="Addresses of the API server: only sessions with cluster_access reach them; repeatable.",
)
@click.option(
    "--sessions-quota",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pairs,
    help="Quota of the sessions' namespace, such as limits.memory=64Gi; repeatable.",
)
@click.option(
    "--jobs-quota",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pairs,
    help="Quota of the jobs' namespace; repeatable.",
)
def render(
    file: Path | None,
    image: str,
    namespace: str,
    volume: str,
    storage_class: str | None,
    cpu: str,
    memory: str,
    no_internet: bool,
    allow: tuple[str, ...],
    api_server: tuple[str, ...],
    sessions_quota: dict[str, str],
    jobs_quota: dict[str, str],
) -> None:
    """Print what `kubectl apply -f -` takes: the platform in one pod of a Kubernetes cluster."""
    from nacelle.cluster import rights
    from nacelle.cluster.deployment import Pod
    from nacelle.cluster.network import Reach
    from nacelle.environments.profiles import load_profiles
    from nacelle.layout import PORTS

    try:
        given = load_settings(file or hub_config_folder() / "settings.yaml")
        catalogue = load_profiles(given.profiles)
        settings = in_cluster(given, namespace)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(_CANNOT)
    pod = Pod(
        namespace,
        image,
        rights.NAME,
        proxy=settings.port,
        store=settings.port + PORTS["store"] if settings.store.kind == "embedded" else None,
        cpu_limit=cpu,
        memory_limit=memory,
        volume=volume,
        storage_class=storage_class,
        pull_secrets=settings.cluster.pull_secrets,
    )
    made = make_objects(
        settings,
        given.profiles.read_text(encoding="utf-8"),
        any(one.cluster_access for one in catalogue),
        pod,
        Reach(not no_internet, allow, api_server),
        Limits(sessions_quota, jobs_quota),
    )
    click.echo(
        yaml.dump_all(made, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=1000),
        nl=False,
    )
