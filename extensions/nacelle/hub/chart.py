"""Configure the hub of the Zero-to-JupyterHub chart, from a file of its jupyterhub_config.d.

The chart has set up its own part before (database, proxy, secrets, culler, network labels), so
lists and dictionaries are added to and never assigned: a spawn would time out without the labels.
Cases, each with a test in tests/hub/kubernetes/test_chart.py:

1. What the chart put into services, roles, labels and the database's address stays.
2. Services of ours that the chart's `hub.services` names get what the hub must know of them; their
   tokens are the chart's. Those it does not name are not there.
3. Flags of the culler that newer versions want with a value get one.
4. The login is the settings'; with authenticator `nacelle`, the chart's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nacelle.hub import refusals
from nacelle.hub.configure import (
    configure_login,
    configure_pages,
    configure_people,
    configure_sessions,
    describe_services,
)
from nacelle.hub.jobs_setup import configure_jobs_pages
from nacelle.hub.nace_setup import configure_nace_pages
from nacelle.hub.roles import add_roles, make_roles
from nacelle.hub.secrets_setup import configure_secrets_pages
from nacelle.layout import Layout
from nacelle.settings import Settings

_CULLER = "jupyterhub-idle-culler"
_BARE_FLAGS = ("--cull-users", "--cull-admin-users", "--remove-named-servers")


def configure_chart(c: Any, settings: Settings, folder: Path) -> None:
    """Set up a hub that the chart has begun to set up. `folder` holds templates/ and static/."""
    c.JupyterHub.logging_config.update(refusals.LOGGING)
    if settings.hub.authenticator != "nacelle":
        configure_login(c, settings)
        configure_people(c, settings)
    services = configure_chart_services(c, settings)
    configure_sessions(c, settings)
    configure_pages(c, settings, folder)
    if "broker" in services:
        configure_secrets_pages(c, settings)
    if "nace" in services:
        configure_nace_pages(c, settings)
    if "jobs" in services:
        configure_jobs_pages(c, settings)
    mend_culler(c.JupyterHub.services)


def configure_chart_services(c: Any, settings: Settings) -> set[str]:
    """Case 2. Returns the names of our services that are there."""
    known = describe_services(Layout(settings))
    named = {service["name"]: service for service in c.JupyterHub.services}
    for name in named.keys() & known.keys():
        named[name].update(known[name])
    present = named.keys() & known.keys()
    add_roles(c, [role for role in make_roles() if _holds(role, present)])
    return present


def _holds(role: dict[str, Any], present: set[str]) -> bool:
    """Whether a role is of people and their servers, or of a service that is there."""
    return not role.get("services") or not present.isdisjoint(role["services"])


def mend_culler(services: list[dict[str, Any]]) -> None:
    """Case 3, in place: the chart's list is the one that counts."""
    for service in services:
        if service.get("name") == _CULLER:
            command = service["command"]
            command[:] = [f"{word}=true" if word in _BARE_FLAGS else word for word in command]
