"""How a user's server is set up: the same in a local session and in an image."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nacelle.lab.contents import HomeAndBuckets
from nacelle.lab.lost_home import tell_lost_home
from nacelle.lab.places import HOME
from nacelle.shares import share


def configure(c: Any, environ: Mapping[str, str] = os.environ) -> None:
    """Fill the server's configuration `c` from its environment."""
    home = Path.home()
    root = make_root(home)
    tell_lost_home(environ, home)
    welcome(home, share("notebooks"))
    name_to_git(environ)
    c.ServerApp.jpserver_extensions = {"nacelle.lab": True}
    c.ServerApp.root_dir = str(root)
    c.ServerApp.preferred_dir = str(root / HOME)
    c.ServerApp.contents_manager_class = HomeAndBuckets
    # No login shell: it would replace the PATH on which the environment's programs are.
    c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
    # As in a bucket: Lab asks, then it is gone. A bin would fill the home unseen.
    c.FileContentsManager.delete_to_trash = False
    c.FileContentsManager.always_delete_dir = True
    kernels = environ.get("NACELLE_KERNELS", "")
    if kernels:
        c.KernelSpecManager.allowed_kernelspecs = set(kernels.split(","))
        c.KernelSpecManager.ensure_native_kernel = False


def welcome(home: Path, notebooks: Path) -> None:
    """Copy the platform's notebooks into a new home, once.

    1. A folder that exists is left as it is. 2. What the user deleted does not come back.
    """
    done = home / ".local" / "share" / "nacelle" / "welcomed"
    if done.exists() or not notebooks.is_dir():
        return
    for folder in ("tutorials", "pipelines"):
        if not (home / folder).exists():
            shutil.copytree(notebooks / folder, home / folder)
    done.touch()


def name_to_git(environ: Mapping[str, str]) -> None:
    """Tell git who commits, unless the user has: an environment variable would outrank them."""
    if shutil.which("git") is None:
        return
    for key, name in (("user.name", "GIT_USER_NAME"), ("user.email", "GIT_USER_MAIL")):
        known = subprocess.run(["git", "config", "--global", key], capture_output=True)
        if known.returncode != 0 and environ.get(name):
            subprocess.run(["git", "config", "--global", key, environ[name]], check=True)


def make_root(home: Path) -> Path:
    """The folder whose only entry is a link to the home: the root of the file browser."""
    root = home / ".local" / "share" / "nacelle" / "root"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    link = root / HOME
    if not link.is_symlink() or link.readlink() != home:
        link.unlink(missing_ok=True)
        link.symlink_to(home)
    return root
