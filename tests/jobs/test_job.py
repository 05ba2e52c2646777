"""The types that all sides share: they come back from JSON as they were, and refuse nonsense."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from nacelle.jobs.exits import explain
from nacelle.jobs.job import (
    Environment,
    Finding,
    Git,
    Job,
    Missed,
    Notebook,
    Notify,
    Override,
    Progress,
    Retry,
    Run,
    Schedule,
    Sentence,
    Suspension,
    Value,
)
from nacelle.jobs.refusal import Refused
from tests.jobs.samples import DIGEST, ID, NOON, job, run

FULL_JOB = job(
    name="Chiffres d'activité",
    project="nace",
    git=Git(commit="b" * 40, dirty=True, remote="https://git.example.org/a/b.git"),
    parameters={
        "since": Value(type="date", value="{scheduled:%Y-%m}-01"),
        "rows": Value(type="whole", value=2000),
        "share": Value(type="number", value=1.0),
        "quick": Value(type="yes-no", value=False),
        "sections": Value(type="list", value=("A", "B")),
        "key": Value(type="secret", value="team/api-key"),
    },
    environment=Environment(
        profile="python",
        kernel="python3",
        options={"size": "small"},
        image="nacelle/lab@sha256:" + "c" * 64,
        packages=("polars==1.2.3", "my_pkg==1!2.0+local"),
    ),
    schedule=Schedule(cron="0 6 1 * *", zone="Europe/Paris"),
    retry=Retry(count=2),
    overlap="replace",
    missed=Missed(policy="all", at_most=3),
    notify=Notify(when="always", mail=("ada@example.org",), webhook="https://chat.example.org/h/1"),
    state="suspended",
    suspension=Suspension(by="root", at=NOON, why=Sentence(en="Gone.", fr="Partie.")),
    proved=DIGEST,
    override=Override(
        by="ada",
        at=NOON,
        found=(Finding(cell=1, where="output", output=1, line=2, kind="aws-key"),),
    ),
)
FULL_RUN = run(
    attempt=2,
    cause="retry",
    retry_of="2" * 32,
    asked_by="ada",
    started=NOON,
    ended=NOON + timedelta(seconds=3),
    state="failed",
    exit=explain("exception", cell=3, error="ValueError", message="no rows"),
    progress=Progress(cell=3, of=9),
    notebook="s3://user-ada/jobs/x.ipynb",
    html="s3://user-ada/jobs/x.html",
    log="s3://user-ada/jobs/x.log",
)


@pytest.mark.parametrize("one", [job(), FULL_JOB, FULL_JOB.snapshot, run(), FULL_RUN])
def test_each_comes_back_from_json_as_it_was(one: BaseModel) -> None:
    text = one.model_dump_json()
    assert type(one).model_validate_json(text) == one
    assert type(one).model_validate(json.loads(text)) == one


def test_a_value_keeps_its_type_in_json() -> None:
    back = Job.model_validate_json(FULL_JOB.model_dump_json())
    assert [type(value.value) for value in back.parameters.values()] == [
        str,
        int,
        float,
        bool,
        tuple,
        str,
    ]


def test_nothing_can_be_changed_or_added() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FULL_JOB.owner = "bob"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Job.model_validate(job().model_dump() | {"run_as": "root"})


def test_times_are_utc_and_never_without_a_zone() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    assert run(scheduled=paris).model_dump(mode="json")["scheduled"] == "2026-01-10T12:00:00Z"
    with pytest.raises(ValidationError, match="timezone"):
        run(scheduled=datetime(2026, 1, 10, 12))


def test_the_version_is_of_what_runs_and_of_nothing_else() -> None:
    plain = job()
    assert plain.version == plain.snapshot.version == job().version
    assert len(plain.version) == 64
    same = [
        job(name="Other"),
        job(id="9" * 32),
        job(schedule=Schedule(cron="0 6 * * *")),
        job(retry=Retry(count=1)),
        job(overlap="allow"),
    ]
    assert {one.version for one in same} == {plain.version}
    other = [
        job(notebook=Notebook(sha256="d" * 64, path="x")),
        job(git=Git(commit="b" * 40, dirty=False)),
        job(parameters={"a": Value(type="text", value="1")}),
        job(parameters={"a": Value(type="whole", value=1)}),
        job(environment=Environment(profile="python", kernel="ir")),
        job(timeout_seconds=60),
    ]
    assert len({one.version for one in [plain, *other]}) == len(other) + 1


def test_the_order_of_parameters_is_no_other_version() -> None:
    one, two = Value(type="whole", value=1), Value(type="whole", value=2)
    assert job(parameters={"a": one, "b": two}).version == (
        job(parameters={"b": two, "a": one}).version
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "x" * 81,
        "a/b",
        "../x",
        "a..b",
        ".",
        "a\\b",
        "a\nb",
        "a\x00b",
        "a\x7f",
        "a\u202eb",
        "a\u200bb",
        "a\u2028b",
    ],
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        job(name=name)
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("name",)
    refused = problem["ctx"]["error"]
    assert isinstance(refused, Refused)
    assert refused.said.fr != refused.said.en


@pytest.mark.parametrize("name", ["a", "x" * 80, "Chiffres d'activité nº 3", "名前", "a.b (2)"])
def test_names_that_are_taken(name: str) -> None:
    assert job(name=name).name == name


def test_one_name_is_not_written_in_two_ways() -> None:
    assert job(name="e\u0301te\u0301").name == "\u00e9t\u00e9"


@pytest.mark.parametrize(
    ("remote", "kept"),
    [
        ("https://oauth2:glpat-secret@git.example.org/a.git", "https://git.example.org/a.git"),
        ("https://secret@git.example.org/a.git", "https://git.example.org/a.git"),
        ("ssh://git:secret@git.example.org:22/a.git", "ssh://git@git.example.org:22/a.git"),
        ("git@git.example.org:a.git", "git@git.example.org:a.git"),
    ],
)
def test_a_token_in_a_git_address_is_never_kept(remote: str, kept: str) -> None:
    git = Git(commit="b" * 40, dirty=False, remote=remote)
    assert git.remote == kept
    assert "secret" not in git.model_dump_json()


@pytest.mark.parametrize(
    "package",
    ["polars", "polars>=1", "git+https://x==1", "a==1 --index-url=x", "-r==1", "a==", "a==1;b==2"],
)
def test_packages_are_names_with_versions(package: str) -> None:
    with pytest.raises(ValidationError):
        Environment(profile="python", kernel="python3", packages=(package,))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../etc"},
        {"notebook": {"sha256": "../" + "a" * 61, "path": "x"}},
        {"owner": ""},
        {"parameters": {"os.system('x');a": {"type": "text", "value": ""}}},
        {"parameters": {"1a": {"type": "text", "value": ""}}},
        {"parameters": {"a": {"type": "whole", "value": "1"}}},
        {"parameters": {"a": {"type": "number", "value": float("nan")}}},
        {"parameters": {"a": {"type": "secret", "value": "hunter2 hunter2"}}},
        {"parameters": {"a": {"type": "code", "value": "1"}}},
        {"schedule": {"cron": "* * * * * *"}},
        {"schedule": {"cron": "0 6 * * *", "zone": "Paris"}},
        {"timeout_seconds": 0},
        {"retry": {"count": 1000}},
        {"missed": {"policy": "all", "at_most": 0}},
        {"notify": {"mail": ["a@b.c\nBcc: x@y.z"]}},
        {"notify": {"mail": ["nobody"]}},
        {"notify": {"webhook": "http://127.0.0.1:8001/"}},
        {"overlap": "Allow"},
        {"state": "suspended"},
        {"suspension": {"by": "a", "at": NOON, "why": {"en": "x", "fr": "y"}}},
        {"changed": NOON - timedelta(days=1)},
        {"override": {"by": "ada", "at": NOON, "found": []}},
    ],
    ids=str,
)
def test_what_a_job_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        job(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "running"},
        {"state": "succeeded"},
        {"ended": NOON},
        {"state": "failed", "ended": NOON},
        {"cause": "retry"},
        {"attempt": 2},
        {"retry_of": ID},
        {"attempt": 0},
        {"progress": {"cell": 3, "of": 2}},
    ],
    ids=str,
)
def test_what_a_run_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run(**change)


def test_waits_between_attempts() -> None:
    retry = Retry(count=9, backoff_seconds=60, factor=3)
    assert [retry.wait_after(attempt) for attempt in (1, 2, 3)] == [60, 180, 540]
    assert retry.wait_after(9) == 86_400


def test_the_schema_can_be_told() -> None:
    assert {"Schedule", "Environment", "Value"} <= set(Job.model_json_schema()["$defs"])
    assert Run.model_json_schema()["additionalProperties"] is False
