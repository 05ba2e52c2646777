"""Configure JupyterHub from the settings: one function a concern, all called by `configure`.

Lists and dictionaries of the hub's configuration are added to, never replaced: under the
Zero-to-JupyterHub chart they already hold what the chart needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bcrypt

from nacelle.environments.profiles import load_profiles
from nacelle.hub import pages, refusals
from nacelle.hub.jobs_setup import configure_jobs_pages
from nacelle.hub.kube_traits import make_traits
from nacelle.hub.nace_setup import configure_nace_pages
from nacelle.hub.oidc import configure_oidc
from nacelle.hub.passwords import ensure_passwords
from nacelle.hub.proxy import API_USER, ENTRY_POINT, routes_file
from nacelle.hub.roles import SESSION_SERVICES, add_roles, make_roles
from nacelle.hub.secrets_setup import configure_secrets_pages
from nacelle.layout import Layout
from nacelle.secrets import SERVICES, ensure_secrets, read_secret
from nacelle.settings import Settings, bracketed

# The hub waits for each service in turn before it opens its own door, 30 s unless told otherwise: a
# service that is down must not keep everybody out. It is routed to all the same.
_SERVICE_TIMEOUT = 1


def configure(c: Any, settings: Settings, folder: Path) -> None:
    """Set up the hub of a local installation. `folder` holds templates/ and static/."""
    layout = Layout(settings)
    ensure_secrets(layout)
    configure_hub(c, settings)
    configure_proxy(c, settings)
    configure_login(c, settings)
    configure_people(c, settings)
    configure_services(c, settings)
    configure_sessions(c, settings)
    configure_pages(c, settings, folder)
    configure_nace_pages(c, settings)
    configure_jobs_pages(c, settings)
    configure_secrets_pages(c, settings)


def configure_hub(c: Any, settings: Settings) -> None:
    """Where the hub listens and keeps its state."""
    layout = Layout(settings)
    layout.folder("hub").mkdir(parents=True, exist_ok=True, mode=0o700)
    c.JupyterHub.db_url = f"sqlite:///{layout.folder('hub') / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex(read_secret(layout, "hub.cookie"))
    c.CryptKeeper.keys = [bytes.fromhex(read_secret(layout, "hub.crypt"))]
    c.JupyterHub.bind_url = f"http://{bracketed(settings.host)}:{settings.port}/"
    c.JupyterHub.hub_bind_url = layout.address("hub")
    if settings.public_url:
        c.JupyterHub.public_url = settings.url
    c.JupyterHub.logging_config.update(refusals.LOGGING)
    # Servers and proxy live on when the hub stops or dies.
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False


def configure_proxy(c: Any, settings: Settings) -> None:
    """traefik, supervised outside the hub (see nacelle.hub.proxy)."""
    layout = Layout(settings)
    layout.folder("proxy").mkdir(parents=True, exist_ok=True, mode=0o700)
    c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
    proxy = c.TraefikFileProviderProxy
    proxy.should_start = False
    proxy.dynamic_config_file = str(routes_file(layout))
    proxy.traefik_entrypoint = ENTRY_POINT
    proxy.traefik_api_url = layout.address("proxy-api")
    proxy.traefik_api_username = API_USER
    password = read_secret(layout, "proxy.token")
    proxy.traefik_api_password = password
    # traefik checks it at each call, some for each start of a session: a slow hash protects weak
    # passwords and costs 0.25 s; this one has 256 random bits.
    proxy.traefik_api_hashed_password = bcrypt.hashpw(
        password.encode(), bcrypt.gensalt(rounds=4)
    ).decode()


def configure_login(c: Any, settings: Settings) -> None:
    """Who is asked for a password, and by whom."""
    cookies: dict[str, Any] = {"SameSite": "Lax"}
    if settings.url.startswith("https:"):
        cookies["secure"] = True
    _setting(c, "cookie_options", cookies)
    for section, options in settings.hub.authenticator_config.items():
        c[section].update(options)
    if settings.hub.authenticator == "oidc":
        configure_oidc(c, settings)
        return
    if settings.hub.authenticator != "nacelle":
        c.JupyterHub.authenticator_class = settings.hub.authenticator
        return
    ensure_passwords(Layout(settings), settings)
    c.JupyterHub.authenticator_class = "nacelle.hub.login.NacelleAuthenticator"
    c.NacelleAuthenticator.settings = settings


def configure_people(c: Any, settings: Settings) -> None:
    """Groups and administrators that the settings name; NacelleAuthenticator removes the others."""
    if settings.hub.authenticator == "oidc":
        # A name in a file gives no rights to whoever has that name at the provider.
        return
    admins = sorted(user.name for user in settings.users if user.admin)
    if settings.hub.authenticator == "nacelle":
        c.JupyterHub.load_groups.update(make_groups(settings))
        add_roles(c, [{"name": "admin", "users": admins}])
    else:
        c.Authenticator.admin_users.update(admins)


def make_groups(settings: Settings) -> dict[str, dict[str, list[str]]]:
    """The hub's groups: one a project, with its members."""
    projects = sorted({project for user in settings.users for project in user.projects})
    return {
        project: {"users": [user.name for user in settings.users if project in user.projects]}
        for project in projects
    }


def configure_services(c: Any, settings: Settings) -> None:
    """The services beside the hub, all supervised outside it, and what each may ask the hub."""
    layout = Layout(settings)
    c.JupyterHub.services.extend(make_services(layout))
    add_roles(c, make_roles())


def make_services(layout: Layout) -> list[dict[str, Any]]:
    """The hub's `services`."""
    known = describe_services(layout)
    made = [{"name": name, **known.get(name, {})} for name in SERVICES]
    return [
        {**one, "api_token": read_secret(layout, f"service.{one['name']}.token")} for one in made
    ]


def describe_services(layout: Layout) -> dict[str, dict[str, Any]]:
    """What the hub must know of services that people reach, by name."""
    parts = {name: name for name in SESSION_SERVICES} | {"mlflow": "mlflow-door"}
    reached: dict[str, dict[str, Any]] = {
        name: {"url": layout.seen_by_hub(part), "timeout": _SERVICE_TIMEOUT, "display": False}
        for name, part in parts.items()
    }
    reached["mlflow"] |= {
        "display": True,
        "oauth_client_id": "service-mlflow",
        # Part of the platform: asking each person for consent would teach them to click.
        "oauth_no_confirm": True,
    }
    return reached


def configure_sessions(c: Any, settings: Settings) -> None:
    """What people may start, and by which spawner."""
    limits = settings.sessions
    c.SessionMixin.settings = settings
    c.SessionMixin.profiles = load_profiles(settings.profiles)
    if settings.sessions.engine == "kubernetes":
        configure_cluster(c, settings)
    else:
        c.JupyterHub.spawner_class = "nacelle.hub.sessions.LocalSession"
    c.Spawner.start_timeout = limits.start_timeout
    c.Spawner.http_timeout = limits.start_timeout
    # The chart and JupyterHub stop a hub after some failed starts; one person must not stop all.
    c.Spawner.consecutive_failure_limit = 0
    c.Spawner.default_url = "/lab/tree/home"
    c.JupyterHub.active_server_limit = limits.active_limit
    c.JupyterHub.concurrent_spawn_limit = limits.start_limit


def configure_cluster(c: Any, settings: Settings) -> None:
    """Sessions are pods of a cluster. What a chart says of pods holds where we say nothing."""
    c.JupyterHub.spawner_class = "nacelle.hub.kube_session.KubeSession"
    c.KubeSession.update(make_traits(settings, load_profiles(settings.profiles)))


def configure_pages(c: Any, settings: Settings, folder: Path) -> None:
    """The platform's own look, in the reader's language."""
    c.JupyterHub.template_paths.insert(0, str(folder / "templates"))
    c.JupyterHub.logo_file = str(folder / "static" / "mark.svg")
    c.JupyterHub.template_vars.update(pages.template_vars(settings))
    c.JupyterHub.default_url = pages.landing
    c.JupyterHub.redirect_to_server = False
    _setting(c, "static_handler_class", pages.static_handler(folder / "static"))
    _setting(c, "headers", pages.HEADERS)


def _setting(c: Any, name: str, value: Any) -> None:
    c.JupyterHub.tornado_settings.update({name: value})
