"""An office's OpenID Connect provider: Canaille, real, over real HTTP, with a browser's way in."""

from __future__ import annotations

import datetime
import os
import secrets
import threading
from typing import Any
from wsgiref.simple_server import make_server

import httpx
from bs4 import BeautifulSoup, Tag
from canaille import create_app
from canaille.backends import Backend
from joserfc.jwk import JWKRegistry
from pytest_iam import Server

PASSWORD = "a long way to the harbour"
SCOPES = ["openid", "profile", "email", "groups"]


class OfficeLogin:
    """The provider with its people and groups; stops and comes back on the same port."""

    def __init__(self, port: int, callback: str) -> None:
        # It is plain HTTP on loopback, which the library behind it takes only when told so.
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
        self.port = port
        self.issuer = f"http://localhost:{port}"
        self.secret = secrets.token_hex(16)
        self.asked: list[str] = []
        self._server = Server(create_app(config=_configuration(port)), port, Backend.instance)
        self._thread: threading.Thread | None = None
        self.models = self._server.models
        with self._server.app.app_context():
            self.client = self.models.Client(
                client_id="nacelle",
                client_name="Nacelle",
                client_secret=self.secret,
                client_id_issued_at=datetime.datetime.now(datetime.UTC),
                redirect_uris=[callback],
                grant_types=["authorization_code", "refresh_token"],
                response_types=["code"],
                scope=SCOPES,
                token_endpoint_auth_method="client_secret_basic",
            )
            self._server.backend.save(self.client)
            self.client.audience = [self.client]
            self._server.backend.save(self.client)

        @self._server.app.before_request
        def remember() -> None:
            from flask import request

            self.asked.append(request.path)

    def start(self) -> None:
        """Answer from now on, with no login half done: Canaille's memory mixes up open codes."""
        app = self._server.app
        with app.app_context():
            for code in self._server.backend.query(self.models.AuthorizationCode):
                self._server.backend.delete(code)
        handler = self._server._make_request_handler()
        self._server.httpd.server_close()
        self._server.httpd = make_server("localhost", self.port, app, handler_class=handler)
        self._thread = threading.Thread(target=self._server.httpd.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody: connections are refused."""
        self._server.httpd.shutdown()
        self._server.httpd.server_close()
        assert self._thread is not None
        self._thread.join()

    def add_person(self, name: str, *groups: str, **more: Any) -> Any:
        """Somebody with PASSWORD, whose login name at the hub is `name`."""
        with self._server.app.app_context():
            person = self.models.User(
                user_name=more.pop("user_name", name),
                password=PASSWORD,
                display_name=name,
                formatted_name=f"{name.capitalize()} Example",
                family_name="Example",
                emails=[f"{name}@office.example"],
            )
            self._server.backend.save(person)
        self.put(person, *groups)
        return person

    def change(self, person: Any, **values: Any) -> None:
        """Change what the provider knows of somebody."""
        with self._server.app.app_context():
            person = self._server.backend.get(self.models.User, person.id)
            self._server.backend.update(person, **values)
            self._server.backend.save(person)

    def put(self, person: Any, *groups: str) -> None:
        """Make somebody a member of these groups and of no others."""
        backend = self._server.backend
        with self._server.app.app_context():
            person = backend.get(self.models.User, person.id)
            known = {group.display_name: group for group in backend.query(self.models.Group)}
            for name in groups:
                if name not in known:
                    known[name] = self.models.Group(display_name=name, members=[person])
                    backend.save(known[name])
            for name, group in known.items():
                others = [member for member in group.members if member.id != person.id]
                group.members = [*others, person] if name in groups else others
                backend.save(group)
            person = backend.get(self.models.User, person.id)
            person.groups = [known[name] for name in groups]
            backend.save(person)

    def lock(self, person: Any, when: datetime.datetime | None = None) -> None:
        """Somebody who left the office."""
        self.change(person, lock_date=when or datetime.datetime.now(datetime.UTC))

    def end_logins(self) -> None:
        """Revoke every token that was given."""
        backend = self._server.backend
        with self._server.app.app_context():
            for token in backend.query(self.models.Token):
                token.revokation_date = datetime.datetime.now(datetime.UTC)
                backend.save(token)

    def tokens(self) -> list[str]:
        """All tokens that were ever given."""
        with self._server.app.app_context():
            found = self._server.backend.query(self.models.Token)
            return [text for one in found for text in (one.access_token, one.refresh_token) if text]


def log_in(browser: httpx.Client, name: str, start: str = "/hub/login") -> httpx.Response:
    """From the hub's login page through the provider's forms, as a person would click and write."""
    page = browser.get(start)
    links = BeautifulSoup(page.text, "html.parser").select("a.button[href*=oauth_login]")
    assert links, page.text[:3000]
    page = browser.get(str(links[0]["href"]))
    for _ in range(4):
        form = BeautifulSoup(page.text, "html.parser").select_one("main form, form")
        if page.url.port == browser.base_url.port or form is None:
            break
        page = _submit(browser, page, form, name)
    return page


def _submit(browser: httpx.Client, page: httpx.Response, form: Tag, name: str) -> httpx.Response:
    fields = {
        str(one["name"]): str(one.get("value", "")) for one in form.select("input[type=hidden]")
    }
    known = {"login": name, "password": PASSWORD}
    for field in form.select("input[name]"):
        if str(field["name"]) in known:
            fields[str(field["name"])] = known[str(field["name"])]
    if form.select("button[name=answer][value=accept]"):
        fields["answer"] = "accept"
    address = page.url.join(str(form.get("action") or page.url))
    return browser.post(address, data=fields)


def _configuration(port: int) -> dict[str, Any]:
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": secrets.token_hex(16),
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc", "edit_self"]}},
            "LOGGING": {"version": 1, "disable_existing_loggers": False},
        },
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
    }
