"""Who may do what to a job: the cases of nacelle.jobs.service.rights, by their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Sentence, Suspension
from nacelle.jobs.service.rights import may
from tests.jobs.serving import ADMIN, ALICE, BOB, CAROL, Served, order_for

WORDS = ("edit", "run", "suspend", "delete", "take_over", "hand_over", "read")


def rights(person: Person, project: str | None = None) -> set[str]:
    found = may(person, "alice", project)
    return {name for name in WORDS if getattr(found, name)}


@pytest.fixture
def own(served: Served) -> dict[str, Any]:
    made: dict[str, Any] = served.make(ALICE)
    return made


@pytest.fixture
def shared(served: Served) -> dict[str, Any]:
    made: dict[str, Any] = served.make(ALICE, project="prix")
    return made


def test_1_seen_by_owner_members_and_administrators(
    served: Served, own: dict[str, Any], shared: dict[str, Any]
) -> None:
    def seen(person: Person, query: str = "") -> set[str]:
        found = served.good(person, "GET", f"/jobs{query}")["jobs"]
        return {one["id"] for one in found}

    assert seen(ALICE) == {own["job"]["id"], shared["job"]["id"]}
    assert seen(CAROL) == {shared["job"]["id"]}
    assert seen(BOB) == set() and seen(ADMIN) == set()
    assert seen(ADMIN, "?everybody=true") == {own["job"]["id"], shared["job"]["id"]}
    served.refused(BOB, "GET", "/jobs?everybody=true", status=403)
    served.refused(BOB, "GET", "/jobs?project=prix", status=403)


ROUTES = [
    ("GET", "/jobs/{job}", None),
    ("PATCH", "/jobs/{job}", {"name": "Mine"}),
    ("DELETE", "/jobs/{job}", None),
    ("POST", "/jobs/{job}/suspend", None),
    ("POST", "/jobs/{job}/resume", None),
    ("POST", "/jobs/{job}/arm", None),
    ("POST", "/jobs/{job}/run", None),
    ("POST", "/jobs/{job}/take-over", None),
    ("POST", "/jobs/{job}/hand-over", {"project": "prix"}),
    ("GET", "/jobs/{job}/equivalent", None),
    ("GET", "/runs?job={job}", None),
    ("GET", "/runs/{run}", None),
    ("POST", "/runs/{run}/cancel", None),
    ("POST", "/runs/{run}/again", None),
    ("GET", "/runs/{run}/log", None),
    ("GET", "/runs/{run}/output.ipynb", None),
    ("GET", "/runs/{run}/output.html", None),
    ("GET", "/runs/{run}/compare/{run}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_1_a_stranger_is_told_that_there_is_nothing(
    served: Served, own: dict[str, Any], method: str, path: str, body: Any
) -> None:
    place = path.format(job=own["job"]["id"], run=own["run"]["id"])
    before = served.store.job(own["job"]["id"]), served.store.run(own["run"]["id"])
    problem = served.refused(BOB, method, place, body, status=404)
    assert problem["type"] == "urn:nacelle:missing"
    # The same as for a job that there is not.
    nowhere = path.format(job="9" * 32, run="9" * 32)
    assert served.refused(BOB, method, nowhere, body, status=404)["detail"] == problem["detail"]
    assert (served.store.job(own["job"]["id"]), served.store.run(own["run"]["id"])) == before


def test_2_only_the_owner_changes_what_runs_with_their_keys(
    served: Served, shared: dict[str, Any]
) -> None:
    assert "edit" in rights(ALICE, "prix")
    job, run = shared["job"]["id"], shared["run"]["id"]
    for person in (CAROL, ADMIN):
        assert "edit" not in rights(person, "prix")
        served.refused(person, "PATCH", f"/jobs/{job}", {"name": "x"}, status=403)
        served.refused(person, "POST", f"/jobs/{job}/arm", status=403)
        body = {"parameters": {"year": 2027}}
        served.refused(person, "POST", f"/jobs/{job}/run", body, status=403)
        served.refused(person, "POST", f"/runs/{run}/again", body, status=403)


def test_3_members_run_suspend_cancel_and_take_over(served: Served, shared: dict[str, Any]) -> None:
    assert rights(CAROL, "prix") == {"run", "suspend", "take_over", "read"}
    job = shared["job"]["id"]
    assert served.good(CAROL, "POST", f"/jobs/{job}/run")["asked_by"] == "carol"
    assert served.good(CAROL, "POST", f"/runs/{shared['run']['id']}/cancel")["state"] == "cancelled"
    assert served.good(CAROL, "POST", f"/jobs/{job}/suspend")["suspension"]["by"] == "carol"


def test_3_what_a_job_was_is_not_run_with_the_keys_of_who_owns_it_now(
    served: Served, shared: dict[str, Any]
) -> None:
    """Carol runs code once, Alice takes the job over and cleans it: it must not run again."""
    job = shared["job"]["id"]
    served.good(CAROL, "POST", f"/jobs/{job}/take-over")
    evil = served.bring(CAROL, "EVIL()")
    served.good(CAROL, "PATCH", f"/jobs/{job}", {"notebook": evil})
    old = served.good(CAROL, "POST", f"/jobs/{job}/run")
    served.end(old["id"])
    served.good(ALICE, "POST", f"/jobs/{job}/take-over")
    clean = served.bring(ALICE, "print('clean')")
    served.good(ALICE, "PATCH", f"/jobs/{job}", {"notebook": clean})
    served.refused(CAROL, "POST", f"/runs/{old['id']}/again", status=403)
    # Nor what its owner ran once with other parameters.
    once = served.good(ALICE, "POST", f"/jobs/{job}/run", {"parameters": {"year": 1}})
    served.end(once["id"])
    served.refused(CAROL, "POST", f"/runs/{once['id']}/again", status=403)
    served.good(ALICE, "POST", f"/runs/{once['id']}/again")


def test_4_administrators_suspend_delete_and_cancel(served: Served, own: dict[str, Any]) -> None:
    assert rights(ADMIN) == {"suspend", "delete", "hand_over"}
    served.good(ADMIN, "POST", f"/runs/{own['run']['id']}/cancel")
    served.good(ADMIN, "POST", f"/jobs/{own['job']['id']}/suspend")
    served.good(ADMIN, "DELETE", f"/jobs/{own['job']['id']}")
    served.refused(ALICE, "GET", f"/jobs/{own['job']['id']}", status=404)


def test_4_what_an_administrator_suspended_an_administrator_resumes(
    served: Served, shared: dict[str, Any]
) -> None:
    path = f"/jobs/{shared['job']['id']}"
    assert served.good(ADMIN, "POST", f"{path}/suspend")["suspension"]["held"]
    for person, what in ((ALICE, "resume"), (ALICE, "run"), (CAROL, "run")):
        problem = served.refused(person, "POST", f"{path}/{what}", status=403)
        assert "admin, an administrator" in problem["detail"]
    assert served.good(ADMIN, "POST", f"{path}/resume")["state"] == "draft"
    assert not served.good(ALICE, "POST", f"{path}/suspend")["suspension"]["held"]
    served.refused(ADMIN, "POST", f"{path}/resume", status=403)


def test_5_outputs_are_read_by_owner_and_project(
    served: Served, own: dict[str, Any], shared: dict[str, Any]
) -> None:
    for made in (own, shared):
        served.files(made["run"]["id"]).log.write_text("secret figures", encoding="utf-8")
    of_own, of_shared = (f"/runs/{one['run']['id']}/log" for one in (own, shared))
    assert served.ask(ALICE, "GET", of_own).text == "secret figures"
    assert served.ask(CAROL, "GET", of_shared).text == "secret figures"
    for person, path in ((ADMIN, of_own), (ADMIN, of_shared)):
        problem = served.refused(person, "GET", path, status=403)
        assert "secret figures" not in str(problem)


def test_5_what_went_to_one_bucket_is_not_read_by_those_of_another(
    served: Served, own: dict[str, Any]
) -> None:
    """A job that is shared later does not share what it wrote before."""
    run = own["run"]["id"]
    order = order_for(served.store.run(run), target="s3://user-alice/jobs/x/y")
    folder = served.files(run)
    folder.write_order(order)
    folder.log.write_text("private figures", encoding="utf-8")
    served.good(ALICE, "POST", f"/jobs/{own['job']['id']}/hand-over", {"project": "prix"})
    served.refused(CAROL, "GET", f"/runs/{run}/log", status=403)
    assert served.ask(ALICE, "GET", f"/runs/{run}/log").text == "private figures"
    # And who left the project reads nothing of it any more.
    folder.order.unlink()
    folder.write_order(order_for(served.store.run(run), target="s3://projet-prix/jobs/x/y"))
    left = Person("alice")
    served.refused(left, "GET", f"/runs/{run}/log", status=403)
    assert served.ask(CAROL, "GET", f"/runs/{run}/log").text == "private figures"


def test_6_whoever_takes_over_proves_it_anew(served: Served, shared: dict[str, Any]) -> None:
    served.end(shared["run"]["id"])
    job = shared["job"]["id"]
    assert served.good(ALICE, "GET", f"/jobs/{job}")["state"] == "armed"
    waiting = served.good(ALICE, "POST", f"/jobs/{job}/run", {"parameters": {"year": 7}})
    taken = served.good(CAROL, "POST", f"/jobs/{job}/take-over")
    assert (taken["owner"], taken["state"], taken["proved"]) == ("carol", "draft", None)
    # She may edit it although she never sent its notebook herself.
    served.good(CAROL, "PATCH", f"/jobs/{job}", {"parameters": {"year": 2030}})
    served.refused(ALICE, "PATCH", f"/jobs/{job}", {"name": "x"}, status=403)
    # Nothing that Alice had asked for runs with Carol's keys, and Alice is told.
    ended = served.good(CAROL, "GET", f"/runs/{waiting['id']}")
    assert (ended["state"], ended["exit"]["code"]) == ("cancelled", "taken-over")
    said = [one["said"]["en"] for one in served.good(ALICE, "GET", "/messages")]
    assert any("carol took your job" in one for one in said)


def test_7_handed_to_a_project(served: Served, own: dict[str, Any]) -> None:
    path = f"/jobs/{own['job']['id']}/hand-over"
    problem = served.refused(ALICE, "POST", path, {"project": "emploi"})
    assert problem["errors"][0]["field"] == "project" and "prix" in problem["detail"]
    assert served.good(ALICE, "POST", path, {"project": "prix"})["project"] == "prix"
    assert served.good(CAROL, "GET", f"/jobs/{own['job']['id']}")["may"]["take_over"]


def test_7_an_administrator_hands_over_what_somebody_left(
    served: Served, own: dict[str, Any]
) -> None:
    path = f"/jobs/{own['job']['id']}/hand-over"
    # Not of somebody who is there: its members would read what is private.
    served.refused(ADMIN, "POST", path, {"project": "emploi"}, status=403)
    why = Sentence(en="alice left.", fr="alice est partie.")
    gone = Suspension(by="platform", at=served.clock(), why=why)
    served.store.change_job(
        own["job"]["id"],
        lambda job: job.model_copy(update={"state": "suspended", "suspension": gone}),
        served.clock(),
    )
    assert served.good(ADMIN, "POST", path, {"project": "emploi"})["project"] == "emploi"


def test_8_who_left_the_project_sees_it_and_no_more(served: Served, shared: dict[str, Any]) -> None:
    left = Person("alice")
    path = f"/jobs/{shared['job']['id']}"
    seen = served.good(left, "GET", path)["may"]
    assert not any(seen.values())
    served.refused(left, "POST", f"{path}/hand-over", {"project": "emploi"}, status=403)
    served.refused(left, "DELETE", path, status=403)


def test_the_way_to_a_webhook_is_its_owner_s(served: Served) -> None:
    hook = "https://chat.example.org/hooks/s3cret"
    made = served.make(ALICE, project="prix", notify={"webhook": hook})
    path = f"/jobs/{made['job']['id']}"
    assert served.good(ALICE, "GET", path)["notify"]["webhook"] == hook
    for person in (CAROL, ADMIN):
        assert "s3cret" not in str(served.good(person, "GET", path))
        assert "s3cret" not in str(served.good(person, "GET", f"{path}/equivalent"))
