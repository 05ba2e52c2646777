"""What the keeper publishes and workers read: whole at any moment, damaged or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nacelle.nace.model_folder import MODEL
from nacelle.nace.serving.champion import (
    CURRENT,
    PREVIOUS,
    STATE,
    Current,
    KeeperState,
    Watch,
    candidates,
    previous,
    publish,
    read_current,
    read_state,
    stated,
    write_state,
)
from nacelle.nace.threshold import choose_threshold
from nacelle.nace.threshold_file import ThresholdFile


def model(models: Path, number: str, **more: object) -> Current:
    """A model that is there."""
    current = Current(
        folder=f"{number}-abc",
        uri="models:/nace@champion",
        registry_version=number,
        model_version="abc",
        taken="2026-11-21T12:00:00+00:00",
        **more,  # type: ignore[arg-type]
    )
    (models / current.folder).mkdir(exist_ok=True)
    (models / current.folder / MODEL).write_text("{}")
    return current


def threshold() -> ThresholdFile:
    result = choose_threshold([0.9] * 100, [True] * 100, 0.9, 0.05)
    return ThresholdFile("abc", "NACE Rev. 2", "gold", "2026-11-21T12:00:00+00:00", result)


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    assert read_current(tmp_path) is None
    assert read_current(tmp_path / "nowhere") is None
    assert read_state(tmp_path) == KeeperState()
    assert Watch(tmp_path, None).changed() is None


def test_what_is_published_is_read_back(tmp_path: Path) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2", threshold=threshold())
    publish(tmp_path, first)
    assert (read_current(tmp_path), previous(tmp_path)) == (first, None)
    publish(tmp_path, second)
    assert list(candidates(tmp_path)) == [second, first]
    assert (tmp_path / CURRENT).stat().st_mode & 0o777 == 0o600
    state = KeeperState("2026-11-21T12:00:00+00:00", "away", "no good", "unbound")
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


def test_another_threshold_is_not_another_model(tmp_path: Path) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2")
    publish(tmp_path, first)
    publish(tmp_path, second)
    publish(tmp_path, model(tmp_path, "2", threshold=threshold()))
    assert previous(tmp_path) == first


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"folder": 3}', b"\0" * 100])
def test_the_one_before_stands_in_for_a_damaged_one(tmp_path: Path, content: bytes) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2")
    publish(tmp_path, first)
    publish(tmp_path, second)
    watch = Watch(tmp_path, second)
    (tmp_path / CURRENT).write_bytes(content)
    assert read_current(tmp_path) == first
    # Whoever serves the second has no reason to go back.
    assert watch.changed() is None
    (tmp_path / PREVIOUS).write_bytes(content)
    (tmp_path / STATE).write_bytes(content)
    assert read_current(tmp_path) is None
    assert read_state(tmp_path) == KeeperState()


def test_the_one_before_stands_in_where_the_folder_is_gone(tmp_path: Path) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2")
    publish(tmp_path, first)
    publish(tmp_path, second)
    (tmp_path / second.folder / MODEL).unlink()
    assert read_current(tmp_path) == first


@pytest.mark.parametrize("folder", ["../1-abc", "/etc", ".", "..", "", "a\0b"])
def test_a_model_lies_nowhere_else(tmp_path: Path, folder: str) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for place in (tmp_path, models):
        (place / MODEL).write_text("{}")
    there = model(tmp_path, "1")
    publish(models, Current(folder, there.uri, "1", "abc", there.taken))
    assert read_current(models) is None


def test_what_cannot_be_read_now_is_told_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2")
    publish(tmp_path, first)
    watch = Watch(tmp_path, first)
    (tmp_path / second.folder / MODEL).unlink()
    publish(tmp_path, second)
    assert watch.changed() is None
    (tmp_path / second.folder / MODEL).write_text("{}")
    assert watch.changed() == second
    (tmp_path / CURRENT).write_bytes(b"{")
    assert [watch.changed() for _ in range(3)] == [None] * 3
    assert caplog.text.count("cannot be read") == 1


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("checked", "words"),
    [
        (None, "was never asked"),
        ("yesterday", "was never asked"),
        ("2026-11-21T11:00:00", "was never asked"),
        ("2026-11-21T11:59:40+00:00", None),
        ("2026-11-21T11:58:46+00:00", None),
        ("2026-11-21T11:58:44+00:00", "was last asked 2026-11-21T11:58:44"),
        ("2026-11-14T12:00:00+00:00", "was last asked 2026-11-14"),
        # The clock was set back.
        ("2026-11-21T14:00:00+00:00", "was last asked 2026-11-21T14"),
    ],
)
def test_an_old_state_is_no_good_news(
    tmp_path: Path, checked: str | None, words: str | None
) -> None:
    write_state(tmp_path, KeeperState(checked, refused="no good"))
    state = stated(tmp_path, 15, NOW)
    assert (state.checked, state.refused) == (checked, "no good")
    assert state.problem is None if words is None else words in str(state.problem)


def test_what_the_keeper_says_itself_comes_first(tmp_path: Path) -> None:
    write_state(tmp_path, KeeperState("2026-11-14T12:00:00+00:00", problem="MLflow is away."))
    assert stated(tmp_path, 15, NOW).problem == "MLflow is away."


def test_each_change_is_told_once(tmp_path: Path) -> None:
    first, second = model(tmp_path, "1"), model(tmp_path, "2")
    publish(tmp_path, first)
    watch = Watch(tmp_path, first)
    assert watch.changed() is None
    publish(tmp_path, second)
    assert watch.changed() == second
    assert watch.changed() is None
    publish(tmp_path, second)
    assert watch.changed() is None
    publish(tmp_path, first)
    assert watch.changed() == first
