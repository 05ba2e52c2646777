"""/nacelle/session: what this session has that a job made in it would want along."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path, PurePosixPath

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from nacelle.environments.git import Git, git_of
from nacelle.environments.packages import Beyond, beyond, interpreter_of, list_packages
from nacelle.lab.jobs_handlers import RESOURCE
from nacelle.lab.jobs_problems import problem
from nacelle.lab.places import HOME
from nacelle.language import Said


class OutsideHome(ValueError):
    """A path that leaves the folders of the file browser."""


class SessionHandler(APIHandler):  # type: ignore[misc]
    """Packages, Git and profile, for the form that makes a job."""

    auth_resource = RESOURCE
    _track_activity = False

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """`path`: of a notebook, as the file browser names it; `kernel`: name of its kernel."""
        try:
            # Jupyter writes it with a ~.
            root = Path(self.settings["server_root_dir"]).expanduser()
            file = file_of(self.get_query_argument("path", ""), root)
        except OutsideHome as error:
            self.set_status(400)
            said = Said(
                f"The path {error} leaves your folders; give it as Lab shows it.",
                f"Le chemin {error} sort de vos dossiers ; donnez-le comme Lab le montre.",
            )
            self.finish(problem(400, said), set_content_type="application/problem+json")
            return
        found = await self._beyond(self.get_query_argument("kernel", ""))
        git: Git | None = await asyncio.to_thread(git_of, file) if file else None
        self.finish(
            json.dumps(
                {
                    "packages": found.packages,
                    "unfrozen": found.unfrozen,
                    "git": git,
                    "profile": os.environ.get("NACELLE_PROFILE"),
                }
            )
        )

    async def _beyond(self, kernel: str) -> Beyond:
        try:
            spec = await ensure_async(self.kernel_spec_manager.get_kernel_spec(kernel))
            interpreter = interpreter_of(spec)
            if interpreter is None:
                return Beyond([], [])
            baseline = await self.settings["nacelle_baseline"].packages()
            session = await asyncio.to_thread(list_packages, [interpreter], Path.home())
            return beyond(session, baseline)
        except (NoSuchKernel, OSError) as error:
            self.log.warning("packages of the kernel are not known: %s", type(error).__name__)
            return Beyond([], [])


def file_of(path: str, root: Path) -> Path | None:
    """The file on disk that the file browser calls `path`; None for what lies in a bucket.

    Raises OutsideHome for a path that leaves the root, by itself or by a link.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or "\\" in path:
        raise OutsideHome(repr(path[:100]))
    linked = (root / HOME).is_symlink()
    if linked and parts[0] != HOME:
        return None
    within = (root / HOME if linked else root).resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(within):
        raise OutsideHome(repr(path[:100]))
    return file
