"""Sessions to look at: a KubeSession of a person, without a hub around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from traitlets.config import Config

from nacelle.environments.profile import Profile
from nacelle.environments.profiles import load_profiles
from nacelle.hub.kube_session import KubeSession
from nacelle.hub.kube_traits import make_traits
from nacelle.settings import Settings
from nacelle.settings.cluster import ClusterSettings, HomeSettings

ROOT = Path(__file__).parents[3]
PROFILES = load_profiles(ROOT / "hub_config" / "profiles.yaml")
TOKEN = "0123456789abcdef0123456789abcdef"
CLUSTER = ClusterSettings(
    namespace="sessions",
    hub_url="http://proxy-public",
    store_url="https://store.example",
    home=HomeSettings(capacity="5Gi", storage_class="fast"),
    pull_secrets=("registry",),
)


def make_settings(**changes: Any) -> Settings:
    """Settings of an installation on a cluster."""
    cluster = CLUSTER.model_copy(update=changes)
    return Settings(cluster=cluster, profiles=ROOT / "hub_config" / "profiles.yaml")


def make_session(
    user: str = "ada",
    *,
    options: Mapping[str, Any] | None = None,
    profiles: tuple[Profile, ...] = PROFILES,
    settings: Settings | None = None,
    groups: tuple[str, ...] = (),
) -> KubeSession:
    """A session of `user` that took `options`. Raises ChoiceRefused."""
    chosen = settings or make_settings()
    config = Config()
    config.KubeSession.update(make_traits(chosen, profiles))
    session = KubeSession(
        _mock=True,
        config=config,
        settings=chosen,
        profiles=profiles,
        user=make_user(user, groups),
        hub=SimpleNamespace(
            api_url="http://127.0.0.1:8001/hub/api", base_url="/hub/", public_host=""
        ),
        orm_spawner=SimpleNamespace(user_options={}, state=None, server=None, name=""),
        api_token=TOKEN,
        oauth_client_id="jupyterhub-user-ada",
    )
    session.take(options or {})
    return session


def make_user(name: str, groups: tuple[str, ...]) -> Any:
    return SimpleNamespace(
        name=name,
        escaped_name=name,
        id=7,
        url=f"/user/{name}/",
        groups=[SimpleNamespace(name=group) for group in groups],
        settings={},
        orm_user=SimpleNamespace(user_info=None),
    )
