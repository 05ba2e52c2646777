"""Making and changing jobs over REST, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nacelle.jobs.exits import explain
from tests.jobs.samples import content
from tests.jobs.serving import ADMIN, ALICE, BOB, CAROL, Served, examiner_of, serve


def test_a_job_runs_once_and_a_success_arms_it(served: Served) -> None:
    made = served.make(ALICE, parameters={"year": "2027"})
    job, run = made["job"], made["run"]
    assert (job["state"], job["owner"], job["next"]) == ("draft", "alice", [])
    assert job["parameters"] == {"year": {"type": "whole", "value": 2027}}
    assert (run["cause"], run["state"], run["asked_by"]) == ("first", "pending", "alice")
    served.end(run["id"])
    armed = served.good(ALICE, "GET", f"/jobs/{job['id']}")
    assert armed["state"] == "armed" and armed["proved"] == run["version"]
    assert armed["next"][0] == "2026-02-01T05:00:00Z" and len(armed["next"]) == 5
    assert armed["sentence"]["en"].startswith("at 06:00 on day 1 of each month")
    assert [field["name"] for field in armed["form"]["fields"]] == ["year", "name"]
    assert armed["last_run"]["id"] == run["id"]


def test_a_failure_arms_nothing_and_says_why(served: Served) -> None:
    made = served.make(ALICE)
    exit = explain("exception", cell=3, error="KeyError", message="'a'")
    served.end(made["run"]["id"], "failed", exit)
    job = served.good(ALICE, "GET", f"/jobs/{made['job']['id']}")
    assert job["state"] == "draft"
    assert job["last_run"]["exit"]["said"]["en"].startswith("Cell 3 stopped with KeyError")
    (message,) = served.good(ALICE, "GET", "/messages")
    assert message["run"] == made["run"]["id"] and not message["read"]
    served.good(ALICE, "POST", "/messages/read", {"up_to": message["id"]})
    assert served.good(ALICE, "GET", "/messages")[0]["read"]
    assert served.good(BOB, "GET", "/messages") == []


@pytest.mark.parametrize(("first", "state", "runs"), [("arm", "armed", 0), ("nothing", "draft", 0)])
def test_the_first_run_is_a_choice(served: Served, first: str, state: str, runs: int) -> None:
    made = served.make(ALICE, first=first)
    assert made["job"]["state"] == state and made["run"] is None
    assert served.good(ALICE, "GET", "/runs")["total"] == runs


def test_other_work_has_to_prove_itself_again(served: Served) -> None:
    made = served.make(ALICE)
    served.end(made["run"]["id"])
    path = f"/jobs/{made['job']['id']}"
    renamed = served.good(ALICE, "PATCH", path, {"name": "Figures", "retry": {"count": 2}})
    assert renamed["job"]["state"] == "armed" and renamed["run"] is None
    changed = served.good(ALICE, "PATCH", path, {"parameters": {"year": 2028}, "first": "run"})
    assert changed["job"]["state"] == "draft" and changed["run"]["cause"] == "first"
    assert changed["run"]["version"] != made["run"]["version"]
    back = served.good(ALICE, "PATCH", path, {"parameters": {}})
    assert back["job"]["state"] == "draft"


def test_another_notebook_keeps_the_values_that_it_asks_for(served: Served) -> None:
    made = served.make(ALICE, parameters={"year": 2030, "name": "b"})
    other = served.bring(ALICE, "print(year + 1)", parameters="year = 2026\n")
    changed = served.good(ALICE, "PATCH", f"/jobs/{made['job']['id']}", {"notebook": other})
    assert changed["job"]["parameters"] == {"year": {"type": "whole", "value": 2030}}


def test_a_schedule_can_be_taken_away(served: Served) -> None:
    made = served.make(ALICE, first="arm")
    changed = served.good(ALICE, "PATCH", f"/jobs/{made['job']['id']}", {"schedule": None})
    assert changed["job"]["schedule"] is None and changed["job"]["next"] == []


def test_suspended_and_resumed(served: Served) -> None:
    made = served.make(ALICE)
    served.end(made["run"]["id"])
    path = f"/jobs/{made['job']['id']}"
    assert served.good(ALICE, "POST", f"{path}/suspend")["state"] == "suspended"
    assert served.good(ALICE, "POST", f"{path}/suspend")["state"] == "suspended"
    assert served.good(ALICE, "POST", f"{path}/resume")["state"] == "armed"
    problem = served.refused(ALICE, "POST", f"{path}/resume", status=409)
    assert problem["type"] == "urn:nacelle:not-now"


def test_a_run_with_other_parameters_leaves_the_job_as_it_is(served: Served) -> None:
    made = served.make(ALICE)
    path = f"/jobs/{made['job']['id']}"
    run = served.good(ALICE, "POST", f"{path}/run", {"parameters": {"year": 1999}})
    shown = served.good(ALICE, "GET", f"/runs/{run['id']}")
    assert shown["parameters"]["year"]["value"] == 1999
    assert served.good(ALICE, "GET", path)["parameters"] == {}
    served.end(run["id"])
    again = served.good(ALICE, "POST", f"/runs/{run['id']}/again")
    assert again["version"] == run["version"] and again["id"] != run["id"]


def test_a_run_that_waits_is_cancelled_at_once(served: Served) -> None:
    run = served.make(ALICE)["run"]["id"]
    cancelled = served.good(ALICE, "POST", f"/runs/{run}/cancel")
    assert cancelled["state"] == "cancelled"
    assert cancelled["exit"]["said"]["fr"] == "alice a annulé l'exécution."
    served.refused(ALICE, "POST", f"/runs/{run}/again", {"parameters": {"yaer": 1}})
    served.end(served.make(ALICE)["run"]["id"])


def test_a_deleted_job_says_what_stays(served: Served) -> None:
    made = served.make(ALICE)
    kept = served.good(ALICE, "DELETE", f"/jobs/{made['job']['id']}")["kept"]
    assert "user-alice" in kept["en"] and "user-alice" in kept["fr"]
    assert served.good(ALICE, "GET", "/jobs")["total"] == 0
    served.refused(ALICE, "GET", f"/runs/{made['run']['id']}", status=404)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "../up"}, "name", "no path"),
    ({"name": "a\u0000b"}, "name", "U+0000"),
    ({"name": "a\u202eb"}, "name", "U+202E"),
    ({"name": ""}, "name", "1 to 80"),
    ({"schedule": {"cron": "* * * * * *", "zone": "UTC"}}, "schedule.cron", "Seconds cannot"),
    ({"schedule": {"cron": "* * * * *", "zone": "UTC"}}, "schedule.cron", "shortest here"),
    ({"schedule": {"cron": "0 6 * * *", "zone": "Paris"}}, "schedule.zone", "Europe/Paris"),
    ({"environment": {"profile": "python", "kernel": "ir"}}, "environment.kernel", "python3"),
    ({"environment": {"profile": "pyhton", "kernel": "python3"}}, "environment", "python"),
    ({"timeout_seconds": 500_000}, "timeout_seconds", "86400 seconds"),
    ({"project": "emploi"}, "project", "prix"),
    ({"parameters": {"yaer": 1}}, "parameters.yaer", "did you mean year"),
    ({"parameters": {"year": "soon"}}, "parameters.year", "year"),
    ({"parameters": {"name": "AKIA" + "Q7ZK2MWXN4TV8RBC"}}, "parameters.name", "by name only"),
    ({"notify": {"webhook": "http://127.0.0.1/x"}}, "notify.webhook", "inside"),
    ({"notify": {"webhook": "http://169.254.169.254/latest"}}, "notify.webhook", "inside"),
    ({"notify": {"webhook": "http://localhost:8001/hub"}}, "notify.webhook", "inside"),
    ({"notify": {"mail": ["a@example.org"]}}, "notify.mail", "no mail"),
    ({"owner": "bob"}, "owner", "owner"),
    ({"state": "armed"}, "state", "state"),
    ({"notebook": {"sha256": "b" * 64, "path": "x.ipynb"}}, "notebook.sha256", "send it first"),
]


@pytest.mark.parametrize(("change", "field", "said"), REFUSED)
def test_what_cannot_be_is_refused_by_its_field(
    served: Served, change: dict[str, Any], field: str, said: str
) -> None:
    problem = served.refused(ALICE, "POST", "/jobs", served.asked(ALICE, **change))
    found = {one["field"]: one["en"] for one in problem["errors"]}
    assert said in found[field], found
    assert served.good(ALICE, "GET", "/jobs")["total"] == 0


def test_all_that_is_wrong_is_told_at_once_in_the_reader_s_language(served: Served) -> None:
    body = served.asked(ALICE, name="a/b", parameters={"yaer": 1}, timeout_seconds=500_000)
    answer = served.ask(ALICE, "POST", "/jobs", body, **{"Accept-Language": "fr"})
    problem = answer.json()
    fields = [one["field"] for one in problem["errors"]]
    assert sorted(fields) == ["name", "parameters.yaer", "timeout_seconds"]
    assert "vouliez-vous" in problem["detail"] and answer.headers["content-language"] == "fr"


def test_a_notebook_of_somebody_else_cannot_be_named(served: Served) -> None:
    alices = served.bring(ALICE)
    problem = served.refused(BOB, "POST", "/jobs", served.asked(BOB, notebook=alices))
    assert problem["errors"][0]["field"] == "notebook.sha256"


def test_a_notebook_with_a_key_is_refused_unless_somebody_answers_for_it(served: Served) -> None:
    key = "AKIA" + "Q7ZK2MWXN4TV8RBC"
    dirty = served.bring(ALICE, f'key = "{key}"')
    problem = served.refused(ALICE, "POST", "/jobs", served.asked(ALICE, notebook=dirty), 409)
    assert problem["type"] == "urn:nacelle:keys-found" and key not in str(problem)
    assert problem["findings"][0]["cell"] == 2 and problem["findings"][0]["where"] == "source"
    made = served.make(ALICE, notebook=dirty, override=True)
    assert made["job"]["override"]["by"] == "alice"
    # A clean notebook in its place has nothing to answer for.
    clean = served.bring(ALICE)
    path = f"/jobs/{made['job']['id']}"
    assert served.good(ALICE, "PATCH", path, {"notebook": clean})["job"]["override"] is None
    served.refused(ALICE, "PATCH", path, {"notebook": dirty}, 409)


def test_a_large_notebook_is_refused_before_it_is_read(served: Served) -> None:
    body = b'{"cells": [' + b" " * 50_000_000
    answer = served.client.post(
        "/services/jobs/v1/notebooks?path=a.ipynb", content=body, headers=_proof(served)
    )
    assert answer.status_code == 413 and "Clear the notebook" in answer.json()["detail"]


def test_a_body_without_end_is_cut_off(served: Served) -> None:
    answer = served.ask(ALICE, "POST", "/preview", {"cron": "0" * 2_000_000, "zone": "UTC"})
    assert answer.status_code == 413


def _proof(served: Served) -> dict[str, str]:
    from nacelle.credentials.identity import PROOF_HEADER, sign_proof
    from tests.jobs.serving import SECRET

    return {PROOF_HEADER: sign_proof(ALICE, "jobs", SECRET)}


def test_an_environment_of_others_cannot_be_used(tmp_path: Path) -> None:
    catalogue = tmp_path / "profiles.yaml"
    plain = {"image": "x", "kernels": ["python"], "cpu": {"guarantee": 1, "limit": 1}}
    plain |= {"memory": {"guarantee": "1G", "limit": "1G"}, "title": "t", "description": "d"}
    both = [{"name": "python", **plain}, {"name": "large", "groups": ["prix"], **plain}]
    catalogue.write_text(yaml.safe_dump(both), encoding="utf-8")
    large = {"profile": "large", "kernel": "python3"}
    with serve(tmp_path, catalogue) as served:
        served.make(ALICE, environment=large)
        problem = served.refused(BOB, "POST", "/jobs", served.asked(BOB, environment=large))
        assert "for members of prix" in problem["detail"]
        made = served.make(BOB)["job"]["id"]
        served.refused(BOB, "PATCH", f"/jobs/{made}", {"environment": large})
        names = [one["name"] for one in served.good(BOB, "GET", "/me")["profiles"]]
        assert names == ["python"]


def test_limits_of_a_person_and_of_a_project(tmp_path: Path) -> None:
    with serve(tmp_path, limits={"active_jobs": 1, "project_jobs": 2}) as served:
        first = served.make(ALICE, first="arm")["job"]["id"]
        problem = served.refused(ALICE, "POST", "/jobs", served.asked(ALICE), 409)
        assert problem["type"] == "urn:nacelle:too-many-jobs"
        served.make(BOB)
        served.good(ALICE, "POST", f"/jobs/{first}/suspend")
        served.make(ALICE)
        problem = served.refused(ALICE, "POST", f"/jobs/{first}/resume", status=409)
        assert problem["type"] == "urn:nacelle:too-many-jobs"


def test_jobs_are_not_kept_without_end(tmp_path: Path) -> None:
    with serve(tmp_path, limits={"active_jobs": 1, "jobs_each": 2}) as served:
        for _ in range(2):
            made = served.make(ALICE, first="arm")["job"]["id"]
            served.good(ALICE, "POST", f"/jobs/{made}/suspend")
        problem = served.refused(ALICE, "POST", "/jobs", served.asked(ALICE, schedule=None), 409)
        assert "2 jobs" in problem["detail"]


def test_the_limit_of_waiting_runs(tmp_path: Path) -> None:
    with serve(tmp_path, limits={"waiting_runs": 2}) as served:
        job = served.make(ALICE)["job"]["id"]
        served.good(ALICE, "POST", f"/jobs/{job}/run")
        problem = served.refused(ALICE, "POST", f"/jobs/{job}/run", status=429)
        assert problem["type"] == "urn:nacelle:too-many-runs"
        served.make(BOB)


def test_a_full_queue_leaves_no_job_behind(tmp_path: Path) -> None:
    with serve(tmp_path, limits={"waiting_runs": 1}) as served:
        served.make(ALICE)
        served.refused(ALICE, "POST", "/jobs", served.asked(ALICE), 429)
        assert served.good(ALICE, "GET", "/jobs")["total"] == 1


def test_a_log_is_read_in_pieces_cut_between_characters(served: Served) -> None:
    run = served.make(ALICE)["run"]["id"]
    text = "é" * 700_000 + "the end"
    served.files(run).log.write_text(text, encoding="utf-8")
    pieces, offset = [], 0
    while True:
        answer = served.ask(ALICE, "GET", f"/runs/{run}/log?offset={offset}")
        following = int(answer.headers["x-next-offset"])
        if following == offset:
            break
        pieces.append(answer.text)
        offset = following
    assert len(pieces) == 2 and "".join(pieces) == text
    assert served.ask(ALICE, "GET", f"/runs/{run}/log?tail=10").text == "éthe end"
    # A character of which only half is written is left for the next time.
    served.files(run).log.write_bytes("aé".encode()[:2])
    answer = served.ask(ALICE, "GET", f"/runs/{run}/log")
    assert (answer.text, answer.headers["x-next-offset"]) == ("a", "1")


def test_outputs_of_too_many_cells_are_not_compared(served: Served) -> None:
    run = served.make(ALICE)["run"]["id"]
    served.files(run).notebook.write_bytes(content(*["1"] * 2_001))
    problem = served.refused(ALICE, "GET", f"/runs/{run}/compare/{run}")
    assert "2001 cells" in problem["detail"]


def test_a_job_is_shown_while_a_notebook_keeps_the_examiner_busy(served: Served) -> None:
    job = served.make(ALICE)["job"]["id"]
    examiner = examiner_of(10_000_000)
    with examiner._busy:
        assert served.good(ALICE, "GET", f"/jobs/{job}")["form"]["fields"]


def test_a_job_whose_notebook_cannot_be_read_now_is_shown_without_form(served: Served) -> None:
    made = served.make(ALICE)
    examiner = examiner_of(10_000_000)
    examiner._known.clear()
    served.store.notebook_path(made["job"]["notebook"]["sha256"]).unlink()
    assert served.good(ALICE, "GET", f"/jobs/{made['job']['id']}")["form"] is None


def test_the_same_as_a_command_and_as_a_manifest(served: Served) -> None:
    made = served.make(ALICE, name="l'été", parameters={"name": "it's"})
    same = served.good(ALICE, "GET", f"/jobs/{made['job']['id']}/equivalent")
    assert same["command"].startswith("nacelle jobs create work/figures.ipynb --name ")
    assert "--schedule '0 6 1 * *' --zone Europe/Paris" in same["command"]
    assert "timeZone: Europe/Paris" in same["manifest"]


def test_what_a_schedule_means(served: Served) -> None:
    body = {"cron": "30 2 * * SUN", "zone": "Europe/Paris"}
    found = served.good(ALICE, "POST", "/preview", body)
    assert found["preset"] == {"name": "weekly", "minute": 30, "hour": 2, "weekday": 0, "day": 1}
    assert found["sentence"]["fr"].startswith("à 02:30")
    # Both nights on which the clocks change.
    assert [one["twice"] for one in found["shifted"]] == [False, True]
    assert found["next"][0] == "2026-01-11T01:30:00Z" and len(found["next"]) == 5


def test_who_one_is_and_what_one_may_choose(served: Served) -> None:
    served.make(CAROL)
    found = served.good(CAROL, "GET", "/me")
    assert (found["name"], found["projects"], found["mail"]) == ("carol", ["prix"], False)
    assert found["limits"]["active_jobs"] == {"limit": 50, "used": 1}
    python = next(one for one in found["profiles"] if one["name"] == "python")
    assert python["kernels"] == ["python3"] and "size" in python["options"]


def test_strangers_are_nobody(served: Served) -> None:
    for headers in ({}, {"X-Nacelle-Identity": "e30.e30.e30"}):
        answer = served.client.get("/services/jobs/v1/jobs", headers=headers)
        assert answer.status_code == 401 and answer.json()["type"] == "urn:nacelle:unknown-caller"
    assert served.client.get("/services/jobs/health").status_code == 200


def test_administrators_see_who_owns_what(served: Served) -> None:
    served.make(ALICE)
    served.make(BOB)
    found = served.good(ADMIN, "GET", "/runs?everybody=true")
    assert {one["owner"] for one in found["runs"]} == {"alice", "bob"}
    assert all(
        one["may"] == {"cancel": True, "again": False, "read": False} for one in found["runs"]
    )
