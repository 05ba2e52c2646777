"""Git in a session: who commits, and the logins that the person keeps for Git servers.

Who commits, numbered cases, each with a test:

1. What the person gave on the page of secrets replaces what the platform told Git earlier, from the
   login or from that page.
2. What the person told Git themselves stays.
3. What the person took off the page is again what the login says.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import MutableMapping
from pathlib import Path

_NAMES = {"user.name": "GIT_USER_NAME", "user.email": "GIT_USER_MAIL"}


class GitIdentity:
    """Name and mail in the person's own configuration of Git."""

    def __init__(self, environ: MutableMapping[str, str], home: Path) -> None:
        self._environ = environ
        self._of_the_login = {name: environ.get(name, "") for name in _NAMES.values()}
        self._given = home / ".local" / "share" / "nacelle" / "git-identity.json"

    def take(self, name: str, mail: str) -> None:
        """Tell Git and the variables of the SSP Cloud what the page says; empty: nothing."""
        wanted = dict(zip(_NAMES, (name, mail), strict=True))
        before = self._before()
        for key, variable in _NAMES.items():
            login = self._of_the_login[variable]
            value = wanted[key] or login
            if not value:
                continue
            self._environ[variable] = value
            self._tell_git(key, value, {login, before.get(key, "")})
        self._given.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._given.write_text(json.dumps(wanted), encoding="utf-8")

    def _tell_git(self, key: str, value: str, ours: set[str]) -> None:
        if shutil.which("git") is None:
            return
        known = subprocess.run(["git", "config", "--global", key], capture_output=True, text=True)
        if known.returncode != 0 or known.stdout.strip() in ours:
            subprocess.run(["git", "config", "--global", key, value], check=False)

    def _before(self) -> dict[str, str]:
        try:
            found = json.loads(self._given.read_text(encoding="utf-8"))
            return {key: str(found[key]) for key in _NAMES}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def add_helper(environ: MutableMapping[str, str]) -> None:
    """Have Git ask for logins here after the person's own helpers; nothing is written to files."""
    try:
        number = int(environ.get("GIT_CONFIG_COUNT", "0"))
    except ValueError:
        # Git itself would refuse to run with it.
        return
    # Isolated: Git calls it inside of repositories, which must not be where Python imports from.
    helper = f"!{shlex.quote(sys.executable)} -I -m nacelle.lab.secrets_helper"
    environ[f"GIT_CONFIG_KEY_{number}"] = "credential.helper"
    environ[f"GIT_CONFIG_VALUE_{number}"] = helper
    environ["GIT_CONFIG_COUNT"] = str(number + 1)
