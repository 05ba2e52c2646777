"""Templates and colours without a browser: every page renders, in both languages, readable."""

from __future__ import annotations

import re
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from bs4 import BeautifulSoup
from hubrig import ROOT
from jupyterhub.scopes import describe_raw_scopes
from jupyterhub.spawner import SimpleLocalProcessSpawner
from kubespawner import KubeSpawner

from nacelle.environments.machine import Machine
from nacelle.environments.profiles import load_profiles
from nacelle.hub.forms import make_cards
from nacelle.hub.pages import template_vars
from nacelle.hub.sessions import SessionMixin
from nacelle.language import Said
from nacelle.settings import Settings

PAGES = ROOT / "hub_config"
CATALOGUE = load_profiles(PAGES / "profiles.yaml")
CLUSTER = Machine(frozenset(), 64, 512 * 1024**3, gpus=1, containers=True)
TEMPLATES = sorted(
    file.name
    for file in (PAGES / "templates").glob("*.html")
    if not file.name.endswith("parts.html")
)


class Handler:
    """What templates get from the hub's handlers."""

    def __init__(self, language: str) -> None:
        self.request = SimpleNamespace(headers={"Accept-Language": language})

    def static_url(self, path: str) -> str:
        return f"/hub/static/{path}"


# What another application, or somebody who shares a session, may ask for.
ASKED = frozenset(
    {
        "inherit",
        "access:servers!server=ann/",
        "access:services!group=prix",
        "servers!user",
        "start:servers!user=bob",
        "delete:servers!user",
        "read:servers!user",
        "read:users!user",
        "read:users:name!user",
        "read:users:groups!user",
        "read:users:activity!user",
        "users:activity!user",
    }
)


def token(note: str) -> SimpleNamespace:
    return SimpleNamespace(
        note=note,
        scopes=["self"],
        last_activity=None,
        created=datetime(2026, 1, 2),
        expires_at=None,
        api_id="a1",
    )


def application(description: str) -> SimpleNamespace:
    return SimpleNamespace(
        description=description,
        redirect_uri="/x",
        last_activity=None,
        created=None,
        token_id="a1",
    )


def context(language: str) -> dict[str, Any]:
    made = {
        key: value(None) if callable(value) else value
        for key, value in template_vars(Settings()).items()
    }
    user = SimpleNamespace(name="<b>ann</b>", escaped_name="ann")
    machine = Machine(frozenset({"python"}), 2, 8 * 1024**3)
    spawner = SimpleNamespace(
        user=user,
        cards=lambda: make_cards(CATALOGUE, [], machine, {}),
        title=CATALOGUE[0].title,
        failure=None,
        ready=False,
        active=False,
        pending="stop",
    )
    return {
        **made,
        "static_url": Handler(language).static_url,
        "base_url": "/hub/",
        "user": user,
        "for_user": user,
        "owner": user,
        "spawner": spawner,
        "default_server": spawner,
        "parsed_scopes": {"admin-ui": {}},
        "services": [SimpleNamespace(name="mlflow", href="/services/mlflow/")],
        "status_code": 500,
        "message": "<script>alert(1)</script>",
        "failed": True,
        "failed_message": Said("<i>why</i>", "<i>pourquoi</i>"),
        "error_message": "<script>alert(1)</script>",
        "authenticator": SimpleNamespace(request_otp=False),
        "oauth_client": application("Server at /user/bob/"),
        "scope_descriptions": describe_raw_scopes(ASKED, username="ann"),
        "allowed_scopes": ["read"],
        "api_tokens": [token("Server at /user/ann/"), token("Requested via api"), token("nightly")],
        "oauth_clients": [application("JupyterHub service mlflow")],
        "xsrf": "x",
        "xsrf_token": "x",
    }


def rendered(template: str, language: str, **changed: Any) -> BeautifulSoup:
    loader = jinja2.FileSystemLoader(PAGES / "templates")
    page = jinja2.Environment(loader=loader, autoescape=True).get_template(template)
    return BeautifulSoup(page.render(**context(language) | changed), "html.parser")


def texts(soup: BeautifulSoup) -> set[str]:
    """All that a reader sees or hears, but for what stands as code."""
    for code in soup.find_all(["code", "script", "time", "option"]):
        code.clear()
    said = {text.removesuffix(" · Nacelle").strip(" \n:().") for text in soup.stripped_strings}
    for name in ("aria-label", "data-label", "title", "placeholder", "alt"):
        said |= {str(one[name]) for one in soup.find_all(attrs={name: True})}
    return {text for text in said if re.search("[A-Za-z]{2}", text)}


# Names, what the test itself says, and words that both languages have.
SAME = {
    "<b>ann</b>",
    "<script>alert(1)</script>",
    "/x",
    "nightly",
    "Administration",
    "Application",
    "Actions",
    "Invitation",
    "Nacelle",
    "Nacelle · JupyterHub",
    "Service mlflow",
    "Julia",
    "Python",
    "Secrets",
}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("running", [False, True])
def test_nothing_english_stays_in_french(template: str, running: bool) -> None:
    spawner = context("en")["default_server"]
    spawner.ready = spawner.active = running
    spawner.orm_spawner = SimpleNamespace(started=None, last_activity=None)
    changed = {"default_server": spawner, "failed": not running, "done": True}
    english, french = (texts(rendered(template, one, **changed)) for one in ("en", "fr"))
    assert french & english <= SAME


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_page_renders(template: str, language: str) -> None:
    soup = rendered(template, language)
    assert soup.html is not None and soup.html["lang"] == language
    assert soup.find("main") and soup.find("header") and soup.find("footer")
    assert template == "page.html" or len(soup.find_all("h1")) == 1
    assert soup.title is not None and soup.title.text.endswith("· Nacelle")
    # Nothing that people wrote becomes markup, and no script stands in the page itself.
    assert not soup.find_all(["b", "i"])
    for script in soup.find_all("script"):
        assert script.get("src") or script["type"] == "application/json"
    for field in soup.find_all(["input", "select"]):
        if field.get("type") != "hidden" and not field.has_attr("hidden"):
            assert soup.find("label", attrs={"for": field["id"]}), field
    identifiers = [one["id"] for one in soup.find_all(id=True)]
    assert len(identifiers) == len(set(identifiers))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    ("ink", "paper"),
    ("ink", "panel"),
    ("ink", "sky-wash"),
    ("ink", "amber-wash"),
    ("ink", "bad-wash"),
    ("soft", "paper"),
    ("soft", "panel"),
    ("soft", "sky-wash"),
    ("sky", "paper"),
    ("sky", "panel"),
    ("on-sky", "sky"),
    ("bad", "paper"),
    ("bad", "panel"),
    ("good", "panel"),
    ("good", "paper"),
]
SHAPES = [("edge", "panel"), ("edge", "paper"), ("focus", "paper"), ("focus", "panel")]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(scheme: int) -> None:
    css = (PAGES / "static" / "base.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for one, other in TEXT:
        assert contrast(colours[one], colours[other]) >= 4.5, (one, other)
    for one, other in SHAPES:
        assert contrast(colours[one], colours[other]) >= 3, (one, other)


@pytest.mark.parametrize("spawner", [SimpleLocalProcessSpawner, KubeSpawner])
async def test_the_mixin_goes_before_any_spawner(
    spawner: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no cluster to be configured for.
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **ignored: None)
    made = type("Made", (SessionMixin, spawner), {})
    extra = {"_mock": True} if spawner is KubeSpawner else {}
    session = made(settings=Settings(), profiles=CATALOGUE, **extra)
    session.machine = lambda: CLUSTER
    session.user = SimpleNamespace(name="ann", groups=[])
    session.orm_spawner = SimpleNamespace(user_options={}, server=None)
    assert session.options_form == "nacelle"
    form = {"profile": ["julia"], "profile-option-julia--size": ["medium"]}
    options = session.options_from_form(form)
    assert options == {"profile": "julia", "size": "medium", "image": "standard"}
    session.apply_user_options(session, options)
    assert session.choice.profile == "julia"
    assert session.mem_limit == 8 * 1024**3
