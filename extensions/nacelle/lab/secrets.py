"""The secrets of a session's person: variables of its kernels and terminals, who commits, and a
token of the vault that lives as long as the session.

Numbered cases, each with a test:

1. Where the platform keeps no secrets, nothing is asked and nothing changes.
2. Secrets are variables before the first kernel starts. Names that steer the platform, the system
   or a language are passed over, whatever the vault holds.
3. The token renews at half of its life; kernels that run keep theirs, which is the same one as long
   as the vault can renew it.
4. A vault or broker that does not answer leaves the session usable: `secrets-failed.txt` in the
   home says so, later kernels have the secrets once they come, and the file goes.
5. What is refused is not asked again.
6. A home that is full costs what would stand in it, and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import MutableMapping
from pathlib import Path

from nacelle.credentials.secret_client import (
    SecretsRefused,
    SecretsUnavailable,
    fetch_secrets,
    renew_token,
)
from nacelle.credentials.secret_names import BadSecret, check_name, check_value
from nacelle.credentials.secret_wire import ASK, SessionSecrets, VaultAccess
from nacelle.lab.secrets_git import GitIdentity, add_helper

REPORT = "secrets-failed.txt"
# The pause before asking again for what did not come, and the shortest one between renewals.
PAUSE_SECONDS = 15.0
SHORTEST_SECONDS = 1.0

log = logging.getLogger(__name__)


def start_secrets(environ: MutableMapping[str, str], home: Path) -> Keeper | None:
    """Put the secrets into `environ` (cases 1 and 2) and keep them good; never raises."""
    if environ.get(ASK) != "1":
        return None
    keeper = Keeper(environ, home)
    add_helper(environ)
    # The first time here, so that the first kernel has them.
    pause = keeper.step()
    threading.Thread(target=keeper.run, args=(pause,), name="secrets", daemon=True).start()
    return keeper


class Keeper:
    """Fetches once, then renews."""

    def __init__(self, environ: MutableMapping[str, str], home: Path) -> None:
        self._environ = environ
        self._identity = GitIdentity(environ, home)
        self._report = home / REPORT
        self._stopped = threading.Event()
        self._token: str | None = None
        # Seconds that the token had when it was new.
        self._life = 0

    def run(self, pause: float | None) -> None:
        """Go on after `pause` seconds, until it is None or somebody stops it."""
        while pause is not None and not self._stopped.wait(pause):
            pause = self.step()

    def stop(self) -> None:
        self._stopped.set()

    def step(self) -> float | None:
        """Fetch or renew; seconds until the next time, None when there is none."""
        try:
            seconds = self._fetch() if self._token is None else self._renew(self._token)
        except SecretsUnavailable as error:
            log.warning("secrets: %s", error)
            if self._token is None:
                self._tell(f"Your secrets are not here yet: {error}\n")
            return None if isinstance(error, SecretsRefused) else PAUSE_SECONDS
        return max(seconds / 2, SHORTEST_SECONDS)

    def _fetch(self) -> int:
        found = fetch_secrets(self._environ)
        self._environ.update(variables(found))
        self._token, self._life = found.vault.token, found.vault.seconds
        try:
            self._identity.take(found.git_name, found.git_mail)
            self._report.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the home cannot be written: %s", error.strerror)
        return found.vault.seconds

    def _renew(self, token: str) -> int:
        renewed, seconds = renew_token(self._environ, token)
        if renewed == token and seconds < self._life / 2:
            # Its role sets an end to all renewing, which is near.
            renewed, seconds = renew_token(self._environ)
        if renewed != token:
            self._life = seconds
        self._token = self._environ["VAULT_TOKEN"] = renewed
        return seconds

    def _tell(self, text: str) -> None:
        try:
            self._report.write_text(text, encoding="utf-8")
        except OSError as error:
            log.warning("%s cannot be written: %s", self._report, error.strerror)


def variables(found: SessionSecrets) -> dict[str, str]:
    """What kernels and terminals get; passes over what breaks the rules (case 2)."""
    made = {}
    for name, value in found.environment.items():
        try:
            made[check_name(name)] = check_value(value)
        except BadSecret:
            log.warning("a secret was passed over: its name or value breaks the rules")
    return made | found.vault.to_env() | _trust(found.vault)


def _trust(vault: VaultAccess) -> dict[str, str]:
    """The vault's certificate authority, where its file is here too."""
    here = vault.ca_file and Path(vault.ca_file).is_file()
    return {"VAULT_CACERT": str(vault.ca_file)} if here else {}
