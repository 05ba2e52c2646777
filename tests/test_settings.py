from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nacelle.settings import Settings, SettingsError, load_settings


def load(folder: Path, text: str) -> Settings:
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "").port == 8000


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "data_dir: here").data_dir == tmp_path / "here"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot: 9000", ["prot", "did you mean 'port'"]),
        ("store: {key_lif: 60}", ["store.key_lif", "did you mean 'key_life'"]),
        ("users: [{nam: bob}]", ["users.0.nam", "did you mean 'name'"]),
        ("port: 80", ["port", "1024", "80"]),
        ("port: high", ["port", "'high'"]),
        ("users: [{name: Bob}]", ["users.0.name", "lower case"]),
        ("users: [{name: bob}, {name: bob}]", ["bob", "more than once"]),
        ("store: {key_life: 5}", ["store.key_life", "30", "5"]),
        ("[1, 2]", ["name: value"]),
        ("a: b: c", ["YAML"]),
        ("users: [{projects: [prix]}]", ["users.0.name is missing"]),
        (f"users: [{{name: {'a' * 59}}}]", ["users.0.name", "64 characters", "a" * 59]),
        ("users: [{name: ''}]", ["users.0.name", "empty"]),
        (
            "users: [{name: bob, projects: [prix, '']}]",
            ["users.0.projects.1", "empty", "''"],
        ),
        (f"users: [{{name: bob, projects: [{'é' * 10}]}}]", ["users.0.projects.0", "é" * 10]),
        ("users: []", ["users: ", "at least one person"]),
        ("title: ''", ["title: write a name", "''"]),
        ("title: ' '", ["title: write a name", "' '"]),
        ("host: ''", ["host: write an address", "''"]),
        ("host: '[::1]'", ["host: write an address", "'[::1]'"]),
        ("host: 'a:80'", ["host: write an address", "'a:80'"]),
        ("public_url: ''", ["public_url: write http"]),
        ("public_url: x", ["public_url: write http", "'x'"]),
        ("public_url: ftp://x", ["public_url: write http", "'ftp://x'"]),
        ("public_url: 'https://'", ["public_url: write http"]),
        ("public_url: 'https://x:port'", ["public_url: write http", "'https://x:port'"]),
        ("public_url: 'https://x/nacelle'", ["public_url", "under a path", "'https://x/nacelle'"]),
        ("public_url: 'https://x/?a=b'", ["public_url", "nothing after it"]),
        ("public_url: 'https://a@x'", ["public_url: write http"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    for word in [str(tmp_path / "settings.yaml"), *words]:
        assert word in str(caught.value)


def test_the_longest_name_has_a_bucket(tmp_path: Path) -> None:
    assert load(tmp_path, f"users: [{{name: {'a' * 58}}}]").users[0].name == "a" * 58


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:8000/"),
        ("host: 192.0.2.7", "http://192.0.2.7:8000/"),
        ("host: hub.example.org", "http://hub.example.org:8000/"),
        ("host: localhost", "http://localhost:8000/"),
        ("host: 0.0.0.0", "http://127.0.0.1:8000/"),
        ("host: '::'", "http://[::1]:8000/"),
        ("host: '::1'", "http://[::1]:8000/"),
        ("host: '2001:db8::7'", "http://[2001:db8::7]:8000/"),
        ("{host: 0.0.0.0, public_url: 'https://hub.example.org'}", "https://hub.example.org/"),
        ("public_url: 'https://hub.example.org:8443/'", "https://hub.example.org:8443/"),
        ("public_url: 'http://[2001:db8::7]'", "http://[2001:db8::7]/"),
    ],
)
def test_the_address_can_be_typed(tmp_path: Path, text: str, url: str) -> None:
    assert load(tmp_path, text).url == url


def test_a_public_address_does_not_change_the_way_of_this_machine(tmp_path: Path) -> None:
    text = "{host: '::', public_url: 'https://hub.example.org'}"
    assert load(tmp_path, text).local_url == "http://[::1]:8000/"


def test_each_problem_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "prot: 1\nhots: x\n")
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_frozen_settings_are_read_back_the_same(tmp_path: Path) -> None:
    settings = load(tmp_path, "users: [{name: bob, projects: [prix]}]\nport: 9000")
    again = load(tmp_path, settings.model_dump_json())
    assert again == settings
