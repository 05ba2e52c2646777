"""What `configure` makes of the settings, and the pure pieces beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import toml  # type: ignore[import-untyped]
from hubrig import ROOT
from traitlets.config import Config

from nacelle.environments.profiles import check, load_profiles
from nacelle.environments.variables import local_addresses, make_environment
from nacelle.hub import processes
from nacelle.hub.configure import configure, make_groups
from nacelle.hub.french import FRENCH, SCRIPTS
from nacelle.hub.proxy import make_traefik_static, write_traefik_files
from nacelle.hub.roles import add_roles, make_roles
from nacelle.hub.words import translate, translate_note
from nacelle.language import Said, choose_language
from nacelle.layout import Layout
from nacelle.settings import Settings, StoreSettings, User, load_settings

USERS = (
    User(name="root", admin=True),
    User(name="ann", projects=("prix", "emploi"), mail="ann@example.org"),
    User(name="bo", projects=("prix",)),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    profiles = ROOT / "hub_config" / "profiles.yaml"
    return Settings(data_dir=tmp_path, profiles=profiles, users=USERS)


def test_the_settings_file_names_every_setting() -> None:
    text = (ROOT / "hub_config" / "settings.yaml").read_text(encoding="utf-8")
    settings = load_settings(ROOT / "hub_config" / "settings.yaml")
    assert settings.host == "127.0.0.1"

    def walk(model: type, place: str) -> None:
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            assert f"{name}:" in text, f"{place}{name} is not in settings.yaml"
            if hasattr(field.annotation, "model_fields"):
                walk(field.annotation, f"{place}{name}.")

    walk(Settings, "")
    walk(User, "users.")


def test_groups_follow_the_settings(settings: Settings) -> None:
    assert make_groups(settings) == {
        "emploi": {"users": ["ann"]},
        "prix": {"users": ["ann", "bo"]},
    }


def test_configure_adds_to_what_is_there(settings: Settings) -> None:
    c = Config()
    c.JupyterHub.services = [{"name": "theirs"}]
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user"]}]
    c.JupyterHub.template_paths = ["/theirs"]
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    configure(c, settings, ROOT / "hub_config")
    assert [service["name"] for service in c.JupyterHub.services] == [
        "theirs",
        "broker",
        "mlflow",
        "nace",
        "jobs",
        "jobs-engine",
        "culler",
    ]
    user = next(role for role in c.JupyterHub.load_roles if role["name"] == "user")
    assert user["scopes"][:2] == ["self", "shares!user"]
    assert "access:services!service=mlflow" in user["scopes"]
    assert c.JupyterHub.template_paths == [str(ROOT / "hub_config" / "templates"), "/theirs"]
    assert c.JupyterHub.tornado_settings["slow_spawn_timeout"] == 0
    assert c.JupyterHub.bind_url == "http://127.0.0.1:8000/"
    assert c.JupyterHub.hub_bind_url == "http://127.0.0.1:8001"
    assert not c.JupyterHub.cleanup_servers and not c.JupyterHub.cleanup_proxy


def test_roles_are_not_doubled() -> None:
    c = Config()
    c.JupyterHub.load_roles = []
    add_roles(c, make_roles())
    once = [dict(role) for role in c.JupyterHub.load_roles]
    add_roles(c, make_roles())
    assert c.JupyterHub.load_roles == once


def test_roles_are_not_doubled_before_any_assignment() -> None:
    c = Config()
    add_roles(c, [{"name": "user", "scopes": ["self"]}])
    add_roles(c, [{"name": "user", "scopes": ["self", "shares!user"]}])
    merged = c.JupyterHub.load_roles.get_value([])
    assert merged == [{"name": "user", "scopes": ["self", "shares!user"]}]


def test_another_authenticator_is_passed_through(settings: Settings) -> None:
    hub = settings.hub.model_copy(
        update={
            "authenticator": "pam",
            "authenticator_config": {"PAMAuthenticator": {"open_sessions": False}},
        }
    )
    c = Config()
    configure(c, settings.model_copy(update={"hub": hub}), ROOT / "hub_config")
    assert c.JupyterHub.authenticator_class == "pam"
    assert c.PAMAuthenticator.open_sessions is False
    assert not (Layout(settings).secrets / "passwords.json").exists()


def test_secure_cookies_behind_https(settings: Settings) -> None:
    c = Config()
    public = settings.model_copy(update={"public_url": "https://nacelle.example.org"})
    configure(c, public, ROOT / "hub_config")
    options = c.JupyterHub.tornado_settings.to_dict()["update"]["cookie_options"]
    assert options == {"SameSite": "Lax", "secure": True}


def test_the_environment_of_a_session(settings: Settings, tmp_path: Path) -> None:
    choice = check(load_profiles(settings.profiles), {"profile": "python-static-keys"}, [])
    made = make_environment(
        USERS[1], ["emploi", "prix"], choice, local_addresses(Layout(settings)), "a-token"
    )
    assert made == {
        "AWS_S3_ENDPOINT": "127.0.0.1:8003",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8003",
        "S3_ENDPOINT": "http://127.0.0.1:8003",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PATH_STYLE_ACCESS": "true",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:8000/services/mlflow",
        "MLFLOW_TRACKING_TOKEN": "a-token",
        "GIT_USER_NAME": "ann",
        "GIT_USER_MAIL": "ann@example.org",
        "PROJECT_USER": "ann",
        "PROJECT_GROUP": "emploi,prix",
        "NACELLE_BROKER_URL": "http://127.0.0.1:8005/services/broker",
        "NACELLE_NACE_URL": "http://127.0.0.1:8000/services/nace",
        "NACELLE_JOBS_URL": "http://127.0.0.1:8000/services/jobs",
        "NACELLE_PROFILE": "python-static-keys",
        "NACELLE_PART": "session",
        "NACELLE_KERNELS": "python3",
        "NACELLE_STATIC_KEYS": "1",
    }
    tls = settings.model_copy(update={"store": StoreSettings(tls=True), "host": "192.0.2.7"})
    addresses = local_addresses(Layout(tls))
    assert addresses.store == "https://127.0.0.1:8003"
    assert addresses.tracking == "http://192.0.2.7:8000/services/mlflow"
    assert addresses.ca_bundle == str(tmp_path / "secrets" / "tls" / "bundle.pem")


@pytest.mark.parametrize(
    ("host", "tracking"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000/services/mlflow"),
        ("::", "http://[::1]:8000/services/mlflow"),
        # What listens there alone is found nowhere else.
        ("::1", "http://[::1]:8000/services/mlflow"),
        ("localhost", "http://localhost:8000/services/mlflow"),
    ],
)
def test_a_session_reaches_the_platform_where_it_listens(
    settings: Settings, host: str, tracking: str
) -> None:
    public = {"host": host, "public_url": "https://nacelle.example.org"}
    addresses = local_addresses(Layout(settings.model_copy(update=public)))
    assert addresses.tracking == tracking
    address = make_traefik_static(settings.model_copy(update=public))["entryPoints"]["http"]
    assert address["address"] == (f"[{host}]:8000" if ":" in host else f"{host}:8000")


def test_traefik_s_static_file(settings: Settings, tmp_path: Path) -> None:
    file = write_traefik_files(settings)
    assert toml.loads(file.read_text()) == make_traefik_static(settings)
    assert file.stat().st_mode & 0o777 == 0o600
    made = make_traefik_static(settings)
    assert made["entryPoints"]["http"]["address"] == "127.0.0.1:8000"
    assert made["entryPoints"]["auth_api"]["address"] == "127.0.0.1:8002"
    assert made["providers"]["file"]["filename"] == str(tmp_path / "proxy" / "rules.toml")
    (tmp_path / "proxy" / "rules.toml").write_text("kept = 1")
    write_traefik_files(settings)
    assert (tmp_path / "proxy" / "rules.toml").read_text() == "kept = 1"


@pytest.mark.parametrize(
    ("accepted", "forced", "language"),
    [
        (None, "auto", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "auto", "fr"),
        ("de,en;q=0.7,fr;q=0.3", "auto", "en"),
        ("en;q=0.2,fr;q=0.9", "auto", "fr"),
        ("fr;q=0", "auto", "en"),
        ("fr;q=zz", "auto", "en"),
        ("en", "fr", "fr"),
        ("fr", "en", "en"),
    ],
)
def test_the_reader_s_language(accepted: str | None, forced: str, language: str) -> None:
    assert choose_language(accepted, forced) == language


def test_texts_in_both_languages() -> None:
    assert translate("Tokens", "fr") == "Jetons"
    assert translate("Error {code}", "fr", code=404) == "Erreur 404"
    assert translate(Said("yes", "oui"), "fr") == "oui"
    assert translate("not known", "fr") == "not known"
    busy = "Too many users trying to log in right now. Try again in 30 seconds."
    assert translate(busy, "en").startswith("Many sessions are starting right now.")
    assert translate(busy, "fr").endswith("dans 30 secondes.")
    assert str(Said("yes", "oui").in_language("fr")) == "oui"


def test_notes_of_the_hub_are_translated_and_those_of_people_are_not() -> None:
    server = "Server at /user/camille/"
    assert translate_note(server, "fr") == "Session à l'adresse /user/camille/"
    assert translate_note(server, "en") == "Session at /user/camille/"
    assert translate_note("Requested via api", "fr") == "Demandé par l'API"
    for own in ("Home", "only you", "Server at home", "{0}", ""):
        assert translate_note(own, "fr") == own


def test_every_text_of_the_pages_is_in_french() -> None:
    import re

    known = set(FRENCH)
    for template in (ROOT / "hub_config" / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        used = set(re.findall(r"""\bt\((?:"([^"]+)"|'([^']+)')""", text))
        missing = {a or b for a, b in used} - known
        assert not missing, f"{template.name}: {missing}"
    for script in (ROOT / "hub_config" / "static").glob("*.js"):
        said = set(re.findall(r'hub\.say\("([^"]+)"\)', script.read_text(encoding="utf-8")))
        assert said <= set(SCRIPTS), f"{script.name}: {said - set(SCRIPTS)}"


def test_pages_name_no_other_site() -> None:
    for folder in ("templates", "static"):
        for file in (ROOT / "hub_config" / folder).iterdir():
            text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text and "https://" not in text, file.name
            assert len(text.splitlines()) < 400


def test_tokens_do_not_reach_a_shown_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    secret = "0123456789abcdef" * 2
    log.write_text(
        f"one\nGET /api?token={secret}\nAuthorization: Bearer abc.def\n"
        f"MLFLOW_TRACKING_TOKEN={secret}\nplain {secret} end\nlast words\n"
    )
    shown = processes.last_lines(log, 5)
    assert secret not in shown and "abc.def" not in shown
    assert shown.endswith("last words")
    assert processes.last_lines(tmp_path / "none") == ""


def test_a_log_is_bounded_while_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "x.log"
    processes.open_log(file)
    with file.open("ab") as writer:
        writer.write(b"a" * 2000)
        writer.flush()
        processes.bound_log(file, limit=1000)
        writer.write(b"b")
    assert file.read_bytes() == b"b"
    assert file.with_name("x.log.1").stat().st_size == 2000
    processes.open_log(file)
    assert file.read_bytes() == b""


def test_a_process_is_known_by_its_birth() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.born(process.pid) == processes.born(process.pid) is not None
    process.kill()
    while processes.born(process.pid) is not None:
        os.sched_yield()
    # Killed and not yet waited for: a zombie, which still has a pid.
    os.kill(process.pid, 0)
    process.wait()
    process.stdin.close()  # type: ignore[union-attr]
    assert processes.born(process.pid) is None


def test_a_wish_leads_home_or_to_the_catalogue() -> None:
    from nacelle.hub.pages import landing

    hub = SimpleNamespace(base_url="/hub/")
    spawner = SimpleNamespace(active=False, failure=None)
    handler = SimpleNamespace(hub=hub, current_user=SimpleNamespace(spawner=spawner))
    assert landing(handler) == "/hub/spawn"
    spawner.active = True
    assert landing(handler) == "/hub/home"
    handler.current_user = None
    assert landing(handler) == ""
