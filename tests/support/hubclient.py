"""What a browser keeps and sends to the hub: cookies, redirects, the token against forged calls."""

from __future__ import annotations

from typing import Any

import httpx


class HubClient(httpx.Client):
    """Not logged in until somebody posts the form."""

    def __init__(self, url: str, language: str = "en") -> None:
        headers = {"Accept-Language": language, "Sec-Fetch-Mode": "navigate"}
        super().__init__(base_url=url, follow_redirects=True, timeout=90, headers=headers)

    @property
    def xsrf(self) -> str:
        return next(
            c.value or "" for c in self.cookies.jar if c.name == "_xsrf" and c.path == "/hub/"
        )

    def call(self, method: str, path: str, **extra: Any) -> httpx.Response:
        """A call of the hub's REST API with the cookies of this browser."""
        headers = {"X-XSRFToken": self.xsrf, "Sec-Fetch-Mode": "cors"}
        return self.request(method, f"/hub/api/{path}", headers=headers, **extra)
