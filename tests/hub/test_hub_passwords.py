"""Passwords: made once, kept as hashes, changed by their owners, slow to guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nacelle.hub.passwords import (
    PasswordError,
    ensure_passwords,
    make_password,
    set_password,
    verify_password,
)
from nacelle.hub.throttle import Throttle
from nacelle.layout import Layout
from nacelle.settings import Settings, User


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, users=(User(name="ann"), User(name="jean paul")))


def clear(settings: Settings) -> dict[str, str]:
    text = (Layout(settings).secrets / "passwords.txt").read_text(encoding="utf-8")
    return dict(line.rsplit(" ", 1) for line in text.splitlines())


def test_each_person_gets_a_password_once(settings: Settings) -> None:
    layout = Layout(settings)
    assert ensure_passwords(layout, settings) == ["ann", "jean paul"]
    first = clear(settings)
    assert ensure_passwords(layout, settings) == []
    assert clear(settings) == first
    assert verify_password(layout, "jean paul", first["jean paul"])
    assert not verify_password(layout, "ann", first["jean paul"])
    assert not verify_password(layout, "nobody", first["ann"])
    assert not verify_password(layout, "ann", "")
    assert not verify_password(layout, "ann", "x" * 100_000)


def test_files_are_private_and_hold_no_clear_text_but_one(settings: Settings) -> None:
    layout = Layout(settings)
    ensure_passwords(layout, settings)
    assert layout.secrets.stat().st_mode & 0o777 == 0o700
    for name in ("passwords.json", "passwords.txt"):
        assert (layout.secrets / name).stat().st_mode & 0o777 == 0o600
    hashes = (layout.secrets / "passwords.json").read_text()
    assert all(value.startswith("$argon2id$") for value in json.loads(hashes).values())
    assert not any(word in hashes for word in clear(settings).values())


def test_a_changed_password_leaves_the_clear_file(settings: Settings) -> None:
    layout = Layout(settings)
    ensure_passwords(layout, settings)
    old = clear(settings)["ann"]
    set_password(layout, "ann", "correct horse battery")
    assert verify_password(layout, "ann", "correct horse battery")
    assert not verify_password(layout, "ann", old)
    assert "ann" not in clear(settings)
    assert ensure_passwords(layout, settings) == []


def test_people_who_leave_lose_their_password(settings: Settings) -> None:
    layout = Layout(settings)
    ensure_passwords(layout, settings)
    old = clear(settings)["jean paul"]
    fewer = settings.model_copy(update={"users": settings.users[:1]})
    ensure_passwords(layout, fewer)
    assert not verify_password(layout, "jean paul", old)
    assert "jean paul" not in clear(settings)


@pytest.mark.parametrize("weak", ["", "short", "ann-123456", "x" * 257])
def test_weak_passwords_are_refused_with_advice(settings: Settings, weak: str) -> None:
    with pytest.raises(PasswordError, match="Choose"):
        set_password(Layout(settings), "ann", weak)


def test_made_passwords_differ_and_can_be_read_aloud() -> None:
    made = {make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(word.replace("-", "").isalpha() and len(word) == 24 for word in made)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_guessing_gets_slower_and_the_wait_ends() -> None:
    clock = Clock()
    throttle = Throttle(free=2, longest=8, clock=clock)
    key = ("ann", "10.0.0.1")
    waits = []
    for _ in range(8):
        throttle.failed(key)
        waits.append(throttle.wait(key))
        clock.now += throttle.wait(key)
    assert waits == [0, 0, 1, 2, 4, 8, 8, 8]
    assert throttle.wait(key) == 0
    assert throttle.wait(("ann", "10.0.0.2")) == 0


def test_success_and_time_forget_failures() -> None:
    clock = Clock()
    throttle = Throttle(free=0, forget_after=60, clock=clock)
    throttle.failed(("ann", "a"))
    throttle.succeeded(("ann", "a"))
    assert throttle.wait(("ann", "a")) == 0
    throttle.failed(("ann", "a"))
    clock.now = 61
    assert throttle.wait(("ann", "a")) == 0


def test_the_number_of_remembered_names_is_bounded() -> None:
    throttle = Throttle(free=0, keys=10)
    for number in range(1000):
        throttle.failed((f"name{number}", "a"))
    assert throttle.wait(("name0", "a")) == 0
    assert throttle.wait(("name999", "a")) > 0
