"""Settings, commands, addresses and files appear in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from nacelle.cli import main
from nacelle.jobs.commands import jobs
from nacelle.jobs.exits import SAYINGS
from nacelle.jobs.findings import KINDS
from nacelle.layout import PORTS
from nacelle.nace.commands import nace
from nacelle.prefixes import JOBS_PREFIX
from nacelle.settings import Settings, load_settings
from tests.jobs.serving import serve

ROOT = Path(__file__).parents[1]
ADMINISTRATOR = (ROOT / "hub_config" / "README.md").read_text(encoding="utf-8")
STATISTICIAN = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
PIPELINES = ROOT / "notebooks" / "pipelines"
SERVICE = PIPELINES / "nace" / "SERVICE.md"
CLASSIFIER = "".join(
    path.read_text(encoding="utf-8") for path in (PIPELINES / "nace" / "README.md", SERVICE)
)
JOBS_GUIDE = ROOT / "notebooks" / "JOBS.md"
JOBS = JOBS_GUIDE.read_text(encoding="utf-8")
GUIDES = [
    JOBS_GUIDE,
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted({*ROOT.glob("*/README.md"), *ROOT.glob("hub_config/*.md")}),
    *PIPELINES.glob("*/README.md"),
    SERVICE,
]
SETTINGS_FILE = ROOT / "hub_config" / "settings.yaml"


def fields(model: type[BaseModel]) -> list[str]:
    """Names of all fields, those of inner models included."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        found.append(name)
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in inner:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += fields(kind)
    return found


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys(inner)}
    if isinstance(value, list):
        return {key for inner in value for key in keys(inner)}
    return set()


@pytest.mark.parametrize("name", fields(Settings))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in ADMINISTRATOR
    assert name in keys(yaml.safe_load(SETTINGS_FILE.read_text(encoding="utf-8")))


def test_every_setting_has_a_help_text() -> None:
    for model in (Settings, *(type(getattr(Settings(), n)) for n in ("hub", "sessions", "store"))):
        assert all(field.description for field in model.model_fields.values())


def test_the_settings_file_loads() -> None:
    assert load_settings(SETTINGS_FILE).port == 8000


@pytest.mark.parametrize("name", sorted(set(main.commands) - {"nace"}))
def test_every_command_is_documented(name: str) -> None:
    assert f"`nacelle {name}" in ADMINISTRATOR
    assert main.commands[name].help


def test_every_option_is_documented() -> None:
    options = {
        option
        for command in main.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert all(f"`{option}" in ADMINISTRATOR for option in options)


@pytest.mark.parametrize("name", sorted(nace.commands))
def test_every_command_of_the_classifier_is_documented(name: str) -> None:
    assert f"`nacelle nace {name}" in STATISTICIAN + CLASSIFIER
    assert nace.commands[name].help


@pytest.mark.parametrize("name", sorted(nace.commands))
def test_every_option_of_the_classifier_is_documented(name: str) -> None:
    options = {
        option
        for parameter in nace.commands[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    missing = {option for option in options if f"`{option}" not in STATISTICIAN + CLASSIFIER}
    assert not missing


@pytest.mark.parametrize("name", sorted(jobs.commands))
def test_every_command_and_option_of_jobs_is_documented(name: str) -> None:
    assert f"`nacelle jobs {name}" in JOBS
    assert jobs.commands[name].help
    options = {
        option
        for parameter in jobs.commands[name].params
        for option in parameter.opts
        if option.startswith("--")
    }
    missing = {option for option in options if option not in JOBS}
    assert not missing


@pytest.mark.parametrize("word", [*SAYINGS, *KINDS])
def test_every_end_of_a_run_and_every_detector_is_documented(word: str) -> None:
    assert f"`{word}`" in JOBS


def test_every_route_of_jobs_is_documented(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        paths = served.client.get(f"{JOBS_PREFIX}/openapi.json").json()["paths"]
    routes = {
        f"{method.upper()} {path.removeprefix(JOBS_PREFIX)}"
        for path, methods in paths.items()
        for method in methods
    }
    assert not {route for route in routes if f"`{route}`" not in JOBS}


@pytest.mark.parametrize("part", [part for part in PORTS if "-api" not in part])
def test_every_part_is_documented(part: str) -> None:
    assert f"| {part} |" in ADMINISTRATOR


def test_every_route_of_the_broker_is_documented() -> None:
    from nacelle.credentials.broker import PREFIX, make_app

    mounted = make_app(None, None, None).routes[0]  # type: ignore[arg-type]
    for route in mounted.routes:
        assert f"`{PREFIX}{route.path}`" in ADMINISTRATOR


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", guide.read_text(encoding="utf-8")):
        assert (guide.parent / target).exists(), target


def test_every_make_target_that_the_guides_name_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z -]+):", makefile, flags=re.MULTILINE))
    known = {word for line in targets for word in line.split()}
    named = {
        name
        for guide in GUIDES
        for name in re.findall(r"(?:^|`)make ([a-z]+)", guide.read_text(encoding="utf-8"), re.M)
    }
    assert named <= known


def test_every_notebook_is_in_the_list() -> None:
    for notebook in (ROOT / "notebooks").rglob("*.ipynb"):
        assert f"`{notebook.relative_to(ROOT / 'notebooks')}`" in STATISTICIAN
