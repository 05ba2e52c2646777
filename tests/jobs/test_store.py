"""The store: what is kept is there again, for those who may see it and for them alone."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

import pytest

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Progress, Run, Suspension
from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.parts import Sentence
from nacelle.jobs.store import JobFilter, RunFilter, Store
from nacelle.jobs.store.schema import StoreTooNew
from tests.jobs import samples
from tests.jobs.stored import EACH_MINUTE, MINUTE, NOW, add, ask, runs_of, store, under_way

__all__ = ["store"]
SAID = Sentence(en="One", fr="Une")


def test_a_notebook_is_kept_once_and_only_for_those_who_brought_it(store: Store) -> None:
    content = samples.content("1 + 1")
    file = read_notebook(content)
    assert store.keep_notebook("ada", content) == file.sha256
    store.keep_notebook("ada", content)
    path = store.notebook_path(file.sha256)
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o400
    assert store.notebook_of(file.sha256, "ada")
    assert not store.notebook_of(file.sha256, "bob")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_job_comes_back_as_it_was(store: Store) -> None:
    made = add(store, project="prices", name="Ménage")
    assert store.job(made.id) == made
    assert store.job("f" * 32) is None
    with pytest.raises(ValueError):
        store.add_job(made, NOW)


def test_files_are_private(store: Store, tmp_path: Path) -> None:
    add(store)
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_change_that_fails_writes_nothing(store: Store) -> None:
    made = add(store)

    def fail(job: object) -> object:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.change_job(made.id, fail, NOW)  # type: ignore[arg-type]
    assert store.job(made.id) == made
    changed = store.change_job(made.id, lambda job: job.model_copy(update={"name": "B"}), NOW)
    assert (changed.name, changed.changed) == ("B", NOW)
    with pytest.raises(LookupError):
        store.change_job("f" * 32, lambda job: job, NOW)


def test_two_writers_lose_no_change(store: Store, tmp_path: Path) -> None:
    made = add(store, name="x")
    other = Store(tmp_path / "jobs.sqlite")

    def longer(one: Store) -> None:
        for _ in range(25):
            one.change_job(
                made.id, lambda job: job.model_copy(update={"name": job.name + "x"}), NOW
            )

    threads = [threading.Thread(target=longer, args=(one,)) for one in (store, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    found = store.job(made.id)
    assert found and found.name == "x" * 76


def test_jobs_are_seen_by_their_owner_and_their_project(store: Store) -> None:
    own = add(store, owner="ada", name="own")
    shared = add(store, owner="bob", project="prices", name="shared")
    add(store, owner="bob", name="secret")
    seen = store.jobs(JobFilter(owner="ada", projects=("prices", "wages")))
    assert [job.id for job in seen] == [own.id, shared.id]
    assert [job.id for job in store.jobs(JobFilter(owner="ada"))] == [own.id]
    assert store.jobs(JobFilter(projects=())).total == 0
    assert store.jobs(JobFilter()).total == 3


def test_jobs_are_found_by_words_state_and_page(store: Store) -> None:
    add(store, name="Étude des ménages")
    add(store, name="b", state="draft")
    assert store.jobs(JobFilter(search="ETUDE DES MENAG")).total == 1
    assert store.jobs(JobFilter(search="100%_")).total == 0
    assert [job.name for job in store.jobs(JobFilter(state="draft"))] == ["b"]
    page = store.jobs(JobFilter(limit=1, offset=1))
    assert (len(page), page.total, page.items[0].name) == (1, 2, "Étude des ménages")


def test_active_are_all_but_suspended_and_deleted_ones(store: Store) -> None:
    add(store, owner="ada")
    add(store, owner="ada", state="draft")
    add(store, owner="ada", state="draft", schedule=None)
    suspension = Suspension(by="ada", at=NOW, why=SAID)
    add(store, owner="ada", state="suspended", suspension=suspension)
    add(store, owner="ada", project="prices")
    assert store.count_active("ada") == 3
    assert store.count_active_of_project("prices") == 1
    gone = add(store, owner="ada")
    store.delete_job(gone.id, "ada", NOW, keep_runs=True)
    assert store.count_active("ada") == 3


def test_runs_are_seen_as_their_jobs_are_and_newest_first(store: Store) -> None:
    mine = add(store, owner="ada", name="Étude")
    other = add(store, owner="bob", project="prices")
    asked = [ask(store, mine) for _ in range(3)]
    hidden = ask(store, other)
    seen = store.runs(RunFilter(owner="ada"))
    assert [run.id for run in seen] == [run.id for run in reversed(asked)]
    assert hidden.id in [run.id for run in store.runs(RunFilter(projects=("prices",)))]
    later = store.runs(RunFilter(owner="ada", before=asked[2].id, limit=1))
    assert [run.id for run in later] == [asked[1].id] and later.total == 3
    assert store.runs(RunFilter(search="etude")).total == 3
    assert store.runs(RunFilter(state="running")).total == 0


def test_runs_as_json_are_the_runs_and_what_a_list_shows(store: Store) -> None:
    made = add(store, name='He said "é" {', project="prices")
    run = ask(store, made)
    (view,) = store.run_views(RunFilter())
    assert (view.owner, view.project, bool(view.over)) == (made.owner, "prices", False)
    plain = json.loads(view.open_json + "}")
    extra = {name: plain.pop(name) for name in ("job_name", "owner", "project", "profile")}
    assert Run.model_validate(plain) == run
    assert extra == {
        "job_name": made.name,
        "owner": made.owner,
        "project": "prices",
        "profile": "python",
    }


def test_a_tick_is_asked_once(store: Store) -> None:
    made = add(store)
    first = ask(store, made, cause="schedule", asked_by=None)
    again = ask(store, made, cause="schedule", asked_by=None)
    assert again == first
    assert len(runs_of(store, made)) == 1
    assert ask(store, made).id != ask(store, made).id


def test_a_run_of_a_job_that_is_gone_or_of_another_version_is_refused(store: Store) -> None:
    made = add(store)
    with pytest.raises(ValueError):
        store.ask_run(samples.run(job=made.id), made.snapshot)
    store.delete_job(made.id, "ada", NOW, keep_runs=True)
    with pytest.raises(LookupError):
        ask(store, made)


def test_progress_is_kept_until_the_end(store: Store) -> None:
    run = under_way(store, ask(store, add(store)))
    for cell in (1, 2):
        store.progressed(run.id, Progress(cell=cell, of=3))
    found = store.run(run.id)
    assert found and found.progress == Progress(cell=2, of=3)
    over = store.job_ends_run(run.id, "succeeded", None, NOW)
    store.progressed(run.id, Progress(cell=1, of=3))
    assert store.run(run.id) == over


def test_the_last_run_of_a_job_is_the_newest_that_was_not_skipped(store: Store) -> None:
    made, other = add(store, overlap="forbid"), add(store)
    assert store.last_run(made.id) is None
    first = under_way(store, ask(store, made))
    ask(store, other)
    store.settle_due(NOW + MINUTE, MINUTE)
    assert [run.state for run in runs_of(store, made)] == ["running", "skipped"]
    assert store.last_run(made.id) == first
    second = ask(store, made, NOW + MINUTE)
    assert store.last_run(made.id) == second
    store.ask_cancel(second.id, "ada", NOW)
    found = store.last_run(made.id)
    assert found and (found.id, found.state) == (second.id, "cancelled")


def test_deleting_a_job_keeps_its_runs_or_takes_them_with_it(store: Store) -> None:
    kept, gone = add(store, name="kept"), add(store, name="gone")
    for made in (kept, gone):
        ask(store, made)
        store.delete_job(made.id, "ada", NOW, keep_runs=made is kept)
        assert store.job(made.id) is None
    (run,) = store.runs(RunFilter())
    assert (run.job, run.state) == (kept.id, "cancelled")
    found = store.job_of_run(run.id)
    assert found and found.name == "kept"
    assert store.settle_due(NOW + MINUTE, MINUTE) == 0
    assert len(store.forget(NOW - MINUTE)) == 1
    assert store.job_of_run(run.id)


def test_messages_are_read_up_to_a_number(store: Store) -> None:
    for _ in range(3):
        store.add_message("ada", SAID, NOW, job="0" * 32)
    store.add_message("bob", SAID, NOW)
    first, second, third = store.messages_of("ada", 0)
    store.read_messages("ada", second.id)
    assert [one.read for one in store.messages_of("ada", 0)] == [True, True, False]
    assert store.messages_of("ada", second.id) == [third]
    assert not store.messages_of("bob", 0)[0].read
    assert first.said == SAID and first.at == NOW


def test_changes_tell_what_happened_and_to_whom(store: Store) -> None:
    made = add(store, project="prices")
    seen = store.newest_change()
    run = ask(store, made)
    (change,) = store.changes_since(seen)
    assert change[1:] == ("run", run.id, "ada", "prices")
    assert store.changes_since(store.newest_change()) == []


def test_old_changes_are_let_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nacelle.jobs.store.tables._CHANGES_KEPT", 5)
    for _ in range(9):
        store.add_message("ada", SAID, NOW)
    assert len(store.changes_since(0)) == 5
    assert (store.oldest_change(), store.newest_change()) == (5, 9)


def test_another_process_sees_that_something_changed(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "jobs.sqlite")
    before = other.version()
    assert other.version() == before
    add(store)
    assert other.version() != before
    other.close()


def test_what_is_too_old_goes_but_the_newest_success(store: Store) -> None:
    made = add(store)
    runs = [under_way(store, ask(store, made)) for _ in range(3)]
    store.job_ends_run(runs[0].id, "succeeded", None, NOW)
    store.job_ends_run(runs[1].id, "succeeded", None, NOW)
    store.job_ends_run(runs[2].id, "cancelled", explain("cancelled", by="ada"), NOW)
    assert store.forget(NOW) == []
    assert set(store.forget(NOW + MINUTE)) == {runs[0].id, runs[2].id}
    assert [run.id for run in runs_of(store, made)] == [runs[1].id]
    assert store.unknown_runs([runs[0].id, runs[1].id]) == {runs[0].id}


def test_notebooks_that_nothing_needs_go(store: Store) -> None:
    contents = samples.content("1"), samples.content("2")
    used, unused = (read_notebook(content) for content in contents)
    for content in contents:
        store.keep_notebook("ada", content)
    made = samples.job(notebook={"sha256": used.sha256, "path": "a.ipynb"})
    store.add_job(made, NOW)
    store.forget(NOW)
    assert store.notebook_path(unused.sha256).exists()
    store.forget(NOW.replace(year=2100))
    assert not store.notebook_path(unused.sha256).exists()
    assert not store.notebook_of(unused.sha256, "ada")
    assert store.notebook_path(used.sha256).exists()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 99")
    with pytest.raises(StoreTooNew, match="install that version"):
        Store(path)


def test_a_full_disk_changes_nothing(store: Store) -> None:
    made = add(store)
    store._db.connection.execute("pragma max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for _ in range(200):
            ask(store, made)
    store._db.connection.execute("pragma max_page_count = 1000000")
    assert all(run.state == "pending" for run in runs_of(store, made))
    ask(store, made)


def test_the_schedule_of_an_edited_job_begins_anew(store: Store) -> None:
    made = add(store)
    store.change_job(made.id, lambda job: job.model_copy(update={"name": "B"}), NOW + 5 * MINUTE)
    due = store.next_due()
    assert due and due < NOW + MINUTE
    hourly = EACH_MINUTE.model_copy(update={"cron": "0 * * * *"})
    store.change_job(made.id, lambda job: job.model_copy(update={"schedule": hourly}), NOW)
    assert store.next_due() == NOW.replace(hour=7, minute=0, second=0)
