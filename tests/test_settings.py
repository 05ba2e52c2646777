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
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    for word in [str(tmp_path / "settings.yaml"), *words]:
        assert word in str(caught.value)


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
