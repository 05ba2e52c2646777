"""A real hub behind its proxy whose people come from a real OpenID Connect provider."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from hubrig import Browser, Platform

from nacelle.hub.oidc import SECRET
from tests.support.officelogin import OfficeLogin, log_in

# Beside the ports of the platform, of which there are ten.
_PROVIDER = 15


class OfficePlatform(Platform):
    """`office` is the provider; it is there before the hub is."""

    def __init__(self, folder: Path, port: int, age: int = 1, **oidc: Any) -> None:
        self.office = OfficeLogin(port + _PROVIDER, f"http://127.0.0.1:{port}/hub/oauth_callback")
        hub = {
            "authenticator": "oidc",
            "oidc": {
                "issuer": self.office.issuer,
                "project_pattern": "projet-(.+)",
                "admin_groups": ["chiefs"],
                **oidc,
            },
            # Otherwise five minutes.
            "authenticator_config": {"OidcAuthenticator": {"auth_refresh_age": age}},
        }
        super().__init__(folder, port, hub=hub)
        self.layout.secrets.mkdir(parents=True, mode=0o700)
        (self.layout.secrets / SECRET).write_text(self.office.secret)
        self.office.start()

    def __exit__(self, *failure: object) -> None:
        super().__exit__(*failure)
        self.office.stop()

    def stop_sessions(self) -> None:
        """Tests stop theirs themselves."""

    def browser(self, name: str | None = None, language: str = "en") -> Browser:
        """A browser, logged in at the provider and here unless `name` is None."""
        browser = Browser(self.url, language)
        if name is not None:
            answer = log_in(browser, name)
            assert answer.status_code == 200, (answer.url, answer.text[-3000:])
            assert answer.url.host == "127.0.0.1", answer.url
        return browser

    def database(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the hub's database, read past the hub."""
        file = self.layout.folder("hub") / "jupyterhub.sqlite"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()

    def stored(self) -> bytes:
        """All that the hub keeps on disk."""
        return b"".join(
            file.read_bytes() for file in self.layout.folder("hub").rglob("*") if file.is_file()
        )
