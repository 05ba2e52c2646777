"""The catalogue: its file, the check of a choice, what a machine can serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nacelle.environments.machine import Machine, probe_machine
from nacelle.environments.profile import Profile
from nacelle.environments.profiles import (
    ProfileError,
    check,
    lacking,
    load_profiles,
    unavailable,
    unavailable_choice,
)
from nacelle.hub.forms import make_cards, read_form, remembered_options, to_profile_list
from nacelle.settings import SettingsError
from tests.support.installation import ROOT

CATALOGUE = load_profiles(ROOT / "hub_config" / "profiles.yaml")
ALL = frozenset({"python", "r", "julia"})
SMALL = Machine(kernels=frozenset({"python"}), cores=2, memory=8 * 1024**3)
CLUSTER = Machine(kernels=frozenset(), cores=64, memory=512 * 1024**3, gpus=8, containers=True)

PLAIN: dict[str, Any] = {
    "name": "plain",
    "title": "Plain",
    "description": {"en": "One", "fr": "Un"},
    "image": "nacelle/lab:latest",
    "kernels": ["python"],
    "cpu": {"guarantee": 0.5, "limit": 2},
    "memory": {"guarantee": "1G", "limit": "2G"},
}


def catalogue(tmp_path: Path, *profiles: dict[str, Any]) -> Path:
    file = tmp_path / "profiles.yaml"
    file.write_text(yaml.safe_dump(list(profiles)), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"desciption": "x"}, "desciption is not a known name; did you mean 'description'?"),
        (
            {"cpu": {"guarantee": 3, "limit": 2}},
            "cpu: the guarantee is above the limit: lower it or raise the limit",
        ),
        (
            {"memory": {"guarantee": "1GB", "limit": "2G"}},
            "memory.guarantee: write an amount of memory such as 512M or 2G (found '1GB')",
        ),
        (
            {"options": {"size": {"title": "Size", "choices": {"s": {"titel": "S"}}}}},
            "options.size.choices.s.titel is not a known name; did you mean 'title'?",
        ),
        (
            {
                "options": {
                    "size": {"title": "Size", "default": "m", "choices": {"s": {"title": "S"}}}
                }
            },
            "options.size: default 'm' is not a choice; write one of s",
        ),
        (
            {"name": "Plain One"},
            "use lower-case letters, digits and hyphens, 63 at most (found 'Plain One')",
        ),
        ({"kernels": None}, "kernels"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    file = catalogue(tmp_path, {**PLAIN, **change})
    with pytest.raises(SettingsError) as caught:
        load_profiles(file)
    assert str(caught.value).startswith(f"{file}: profile ")
    assert sentence in str(caught.value)


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'plain' is listed more than once"):
        load_profiles(catalogue(tmp_path, PLAIN, PLAIN))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {**PLAIN, "gpu": -1}, {**PLAIN, "image": 3})
    with pytest.raises(SettingsError) as caught:
        load_profiles(file)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("content", ["", "a: 1", "- : : :"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError):
        load_profiles(file)


def test_no_options_are_the_defaults() -> None:
    choice = check(CATALOGUE, {}, [])
    assert choice.user_options == {"profile": "python", "size": "small", "image": "standard"}
    assert choice.memory.limit == 4 * 1024**3


def test_a_size_replaces_the_profile_s_amounts() -> None:
    choice = check(CATALOGUE, {"profile": "python", "size": "medium"}, [])
    assert (choice.cpu.limit, choice.memory.guarantee) == (4, 4 * 1024**3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"profile": "pythn"}, "There is no environment 'pythn'; did you mean 'python'?"),
        ({"profile": ["python"]}, "There is no environment"),
        ({"profile": None, "size": 3}, "takes a text, not 3"),
        ({"profile": "python", "sise": "small"}, "has no option 'sise'; did you mean 'size'?"),
        ({"profile": "python", "size": "huge"}, "'huge' is not a choice of 'size'"),
        ({"profile": "python", "size": {"a": 1}}, "takes a text"),
        ({"profile": "python", "size--unlisted-choice": "x"}, "has no option"),
        ({"profile": "python-gpu", "size": "small"}, "it has none."),
        ({"profile": "python", "image--unlisted-choice": "evil/x"}, "is not allowed here"),
        (
            {"profile": "python", "image--unlisted-choice": "nacelle/lab:1 --privileged"},
            "is not allowed here",
        ),
        (
            {"profile": "python", "image--unlisted-choice": "nacelle/lab:1\n"},
            "is not allowed here",
        ),
        ({"profile": "python", "mem_limit": "1T"}, "has no option 'mem_limit'"),
        ({"x" * 5000: "1"}, "has no option"),
    ],
)
def test_a_bad_choice_is_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        check(CATALOGUE, options, [])
    assert sentence in caught.value.said.en
    assert caught.value.said.fr != caught.value.said.en
    assert len(caught.value.said.en) < 400


def test_a_profile_for_some_groups() -> None:
    closed = Profile.model_validate({**PLAIN, "groups": ["prix", "enquete"]})
    assert check([closed], {"profile": "plain"}, ["prix"]).profile == "plain"
    with pytest.raises(ProfileError, match="for members of prix, enquete"):
        check([closed], {"profile": "plain"}, ["autre"])
    with pytest.raises(ProfileError, match="for members"):
        check([closed], {}, [])


def test_the_default_is_the_first_that_one_may_use() -> None:
    closed = Profile.model_validate({**PLAIN, "name": "closed", "groups": ["prix"]})
    assert check([closed, *CATALOGUE], {}, []).profile == "python"


def test_an_allowed_image_is_taken_as_it_is_typed() -> None:
    options = {"profile": "python", "image--unlisted-choice": "nacelle/lab:2026.11"}
    choice = check(CATALOGUE, options, [])
    assert choice.image == "nacelle/lab:2026.11"
    assert choice.user_options["image--unlisted-choice"] == "nacelle/lab:2026.11"
    assert lacking(choice, CLUSTER) is None
    reason = lacking(choice, SMALL)
    assert reason is not None and "needs Kubernetes" in reason


@pytest.mark.parametrize(
    ("name", "machine", "reason"),
    [
        ("python", SMALL, None),
        ("r", SMALL, "R with its Jupyter kernel is not installed on this machine."),
        ("julia", SMALL, "Julia with its Jupyter kernel is not installed on this machine."),
        ("r", Machine(ALL, 2, 8 * 1024**3), None),
        ("python-gpu", SMALL, "This needs 1 GPU; this machine has none."),
        ("python-gpu", Machine(ALL, 2, 8 * 1024**3, gpus=1), None),
        (
            "python",
            Machine(ALL, 2, 512 * 1024**2),
            "This needs 1.0 GB of memory; this machine has 0.5.",
        ),
        ("julia", CLUSTER, None),
    ],
)
def test_what_a_machine_cannot_serve(name: str, machine: Machine, reason: str | None) -> None:
    profile = next(one for one in CATALOGUE if one.name == name)
    assert unavailable(profile, machine) == reason


def test_a_size_that_a_machine_cannot_serve() -> None:
    reason = unavailable_choice(CATALOGUE[0], "size", "large", SMALL)
    assert reason == "This needs 4 cores; this machine has 2."
    assert reason is not None and reason.fr == "Il faut 4 cœurs ; cette machine en a 2."
    assert unavailable_choice(CATALOGUE[0], "size", "small", SMALL) is None


def test_the_probe_sees_this_machine() -> None:
    machine = probe_machine()
    assert "python" in machine.kernels
    assert machine.cores >= 1 and machine.memory > 0


def test_a_posted_form_is_read() -> None:
    form = {
        "_xsrf": ["secret"],
        "profile": ["r"],
        "profile-option-r--size": ["medium"],
        "profile-option-python--size": ["small"],
        "profile-option-r--image--unlisted-choice": [""],
    }
    assert read_form(CATALOGUE, form) == {"profile": "r", "size": "medium"}


def test_a_link_is_read() -> None:
    assert read_form(CATALOGUE, {"profile": ["r"], "size": ["small"]}) == {
        "profile": "r",
        "size": "small",
    }


@pytest.mark.parametrize(
    "form",
    [
        {"profile": ["python", "r"]},
        {"profile": ["python"], "profile-option-python--sise": ["x"]},
        {"profile": ["python"], "profile-option-nobody--size": ["x"]},
        {"profile": ["python"], "extra": ["x"]},
        {"profile": ["python"], "upload_file": [{"body": b""}]},
    ],
)
def test_unknown_fields_are_refused(form: dict[str, Any]) -> None:
    with pytest.raises(ProfileError):
        check(CATALOGUE, read_form(CATALOGUE, form), [])


def test_cards_show_reasons_and_the_last_choice() -> None:
    machine = Machine(frozenset({"python", "r"}), 2, 8 * 1024**3)
    cards = make_cards(CATALOGUE, [], machine, {"profile": "r", "size": "medium"})
    assert [card["name"] for card in cards if card["checked"]] == ["r"]
    assert [card["name"] for card in cards if card["reason"]] == ["julia", "python-gpu"]
    size = cards[1]["options"][0]
    assert [choice["key"] for choice in size["choices"] if choice["selected"]] == ["medium"]
    assert [choice["key"] for choice in size["choices"] if choice["reason"]] == ["large"]


def test_a_last_choice_that_is_gone_is_forgotten() -> None:
    assert remembered_options(CATALOGUE, {"profile": "gone"}, []) == {}
    assert remembered_options(CATALOGUE, {}, []) == {}


def test_kubespawner_s_profile_list() -> None:
    made = to_profile_list(CATALOGUE)
    assert [one["slug"] for one in made] == [profile.name for profile in CATALOGUE]
    gpu = next(one for one in made if one["slug"] == "python-gpu")
    assert gpu == {
        "slug": "python-gpu",
        "display_name": "Python with a GPU",
        "description": (
            "For training neural models. A GPU is scarce; stop the session when you are done."
        ),
        "default": False,
        "kubespawner_override": {
            "image": "nacelle/lab:latest",
            "cpu_guarantee": 1.0,
            "cpu_limit": 4.0,
            "mem_guarantee": 4 * 1024**3,
            "mem_limit": 16 * 1024**3,
            "extra_resource_limits": {"nvidia.com/gpu": "1"},
        },
        "profile_options": {},
    }
    image = made[0]["profile_options"]["image"]["unlisted_choice"]
    assert image["enabled"] and image["validation_regex"].startswith("^(?:")
    assert made[0]["default"] and not made[1]["default"]
