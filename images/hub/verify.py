"""Whether this is an image of the platform: docker run --rm nacelle/hub python \
/opt/nacelle/share/nacelle/verify/verify.py"""

from __future__ import annotations

import sys
from pathlib import Path

import verify_image as image


def programs() -> None:
    """Proxy, hub and platform are on the path."""
    image.check_programs("traefik", "jupyterhub", "nacelle")
    image.run("traefik", "version")


def modules() -> None:
    """The hub, its spawner and logins, and the parts beside it can be imported."""
    image.check_modules(
        "nacelle.hub.kube_session",
        "nacelle.hub.chart",
        "nacelle.credentials.broker",
        "nacelle.jobs.kubernetes.controller",
        "oauthenticator.generic",
        "jupyterhub_idle_culler",
        # The chart's configuration asks for it by name.
        "pycurl",
    )


def files() -> None:
    """What is no Python is where the platform looks for it."""
    from nacelle.shares import hub_config_folder, share

    wanted = [hub_config_folder() / "jupyterhub_config.py", share("kernels") / "python"]
    wanted.append(Path("/usr/local/etc/jupyterhub/jupyterhub_config.d/nacelle.py"))
    for path in wanted:
        if not path.exists():
            raise image.Wrong(f"{path} is not there")


def manifests() -> None:
    """`nacelle render` prints what a cluster takes."""
    if "kind: Deployment" not in image.run("nacelle", "render", "--image=nacelle/hub"):
        raise image.Wrong("nacelle render prints no Deployment")


if __name__ == "__main__":
    sys.exit(
        image.main(
            image.check_user,
            image.check_closed,
            image.check_authorities,
            programs,
            modules,
            files,
            manifests,
        )
    )
