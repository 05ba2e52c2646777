"""The numbered cases of nacelle.jobs.manifest: whole objects, by equality.

Tier: pure; each object is also held against the API's schemas, strictly, for Kubernetes 1.32 to
1.36. It proves their form, not that a cluster admits them.
"""

from __future__ import annotations

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from nacelle.jobs.job import Environment, Missed, Retry, Schedule, Suspension, Value
from nacelle.jobs.kubernetes import rights
from nacelle.jobs.kubernetes.secret import make_secret
from nacelle.jobs.manifest import Part, Place, make_cron_job, make_job, manifest_of
from nacelle.jobs.parts import Sentence
from tests.jobs import samples

VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36")
SCHEDULE = Schedule(cron="0 6 * * 1-5", zone="Europe/Paris")
JOB = samples.job(schedule=SCHEDULE, state="armed", project="prix", timeout_seconds=600)
NAME = f"nacelle-{samples.ID}"
VERSION = JOB.snapshot.version
LABELS = {
    "app.kubernetes.io/managed-by": "nacelle",
    "app.kubernetes.io/component": "job",
    "nacelle.io/job": samples.ID,
}
RUN = samples.run(version=VERSION, cause="manual")


def pod(secret: str, labels: dict[str, str]) -> dict[str, Any]:
    used = {"cpu": "1", "memory": "2415919104"}
    return {
        "metadata": {"labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 100,
                "fsGroup": 100,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "run",
                    "image": "nacelle/job",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-m", "nacelle.jobs.run_in_pod"],
                    "workingDir": "/work",
                    "env": [
                        {"name": "NACELLE_JOB_VERSION", "value": VERSION},
                        of_pod("NACELLE_KUBERNETES_JOB", "job-name"),
                        of_pod("NACELLE_KUBERNETES_UID", "controller-uid"),
                        {"name": "HOME", "value": "/work"},
                    ],
                    "resources": {"requests": used, "limits": used},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "volumeMounts": [
                        {"name": "work", "mountPath": "/work"},
                        {"name": "tmp", "mountPath": "/tmp"},
                        {
                            "name": "order",
                            "mountPath": "/var/run/secrets/nacelle",
                            "readOnly": True,
                        },
                    ],
                }
            ],
            "volumes": [
                {"name": "work", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "order", "secret": {"secretName": secret, "defaultMode": 0o440}},
            ],
        },
    }


def of_pod(name: str, label: str) -> dict[str, Any]:
    path = f"metadata.labels['batch.kubernetes.io/{label}']"
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def spec(secret: str, labels: dict[str, str] = LABELS) -> dict[str, Any]:
    return {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "activeDeadlineSeconds": 1800,
        "ttlSecondsAfterFinished": 604800,
        "template": pod(secret, labels),
    }


def told_of(**more: str) -> dict[str, str]:
    told = {"name": "Monthly figures", "owner": "ada", "project": "prix"} | more
    return {f"nacelle.io/{name}": value for name, value in told.items()}


def valid(*made: dict[str, Any]) -> None:
    for version in VERSIONS:
        for one in made:
            kubernetes_validate.validate(one, version, strict=True)


def test_case_1_a_job_with_a_schedule_is_a_cron_job() -> None:
    assert make_cron_job(JOB, Place()) == {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": NAME,
            "namespace": "nacelle-jobs",
            "labels": LABELS,
            "annotations": told_of(job=JOB.model_dump_json()),
        },
        "spec": {
            "schedule": "0 6 * * 1-5",
            "timeZone": "Europe/Paris",
            "suspend": False,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 86400,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": LABELS, "annotations": {"nacelle.io/version": VERSION}},
                "spec": spec(NAME),
            },
        },
    }
    valid(make_cron_job(JOB, Place()))


def test_case_1_a_run_is_a_job_that_waits_for_its_secret() -> None:
    name = f"nacelle-run-{RUN.id}"
    labels = {**LABELS, "nacelle.io/run": RUN.id}
    assert make_job(JOB, Place(), RUN, JOB.snapshot) == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": "nacelle-jobs",
            "labels": labels,
            "annotations": told_of(version=VERSION),
        },
        "spec": {"suspend": True, **spec(name, labels)},
    }
    valid(make_job(JOB, Place(), RUN))


def test_case_1_a_job_without_a_schedule_is_no_cron_job() -> None:
    job = samples.job()
    with pytest.raises(ValueError, match="without a schedule"):
        make_cron_job(job, Place())
    shown = yaml.safe_load(manifest_of(job))
    assert (shown["kind"], shown["metadata"]["name"]) == ("Job", NAME)
    assert "suspend" not in shown["spec"]
    valid(shown, yaml.safe_load(manifest_of(JOB)))


@pytest.mark.parametrize("state", ["draft", "suspended"])
def test_case_2_a_job_that_is_not_armed_is_suspended(state: str) -> None:
    why = Suspension(by="ada", at=samples.NOON, why=Sentence(en="later", fr="plus tard"))
    job = samples.job(
        schedule=SCHEDULE, state=state, suspension=why if state == "suspended" else None
    )
    assert make_cron_job(job, Place())["spec"]["suspend"] is True


def test_case_3_ticks_that_were_missed() -> None:
    skip = samples.job(schedule=SCHEDULE, missed=Missed(policy="skip"))
    assert make_cron_job(skip, Place())["spec"]["startingDeadlineSeconds"] == 600


@pytest.mark.parametrize(
    ("overlap", "policy"), [("allow", "Allow"), ("forbid", "Forbid"), ("replace", "Replace")]
)
def test_what_overlaps_do(overlap: str, policy: str) -> None:
    job = samples.job(schedule=SCHEDULE, overlap=overlap)
    assert make_cron_job(job, Place())["spec"]["concurrencyPolicy"] == policy


def test_a_place_decides_where_and_how_much() -> None:
    place = Place(
        image="nacelle/lab@sha256:" + "a" * 64,
        cpu_request=0.5,
        cpu_limit=2,
        memory_request=2**30,
        memory_limit=2**32,
        gpu=1,
        node_selector={"gpu": "a100"},
        tolerations=({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},),
        pull_secrets=("registry",),
    )
    made = make_job(JOB, place, RUN)
    found = made["spec"]["template"]["spec"]
    assert found["containers"][0]["resources"] == {
        "requests": {"cpu": "0.5", "memory": str(2**30 + 2**28), "nvidia.com/gpu": "1"},
        "limits": {"cpu": "2", "memory": str(2**32 + 2**28), "nvidia.com/gpu": "1"},
    }
    assert found["nodeSelector"] == {"gpu": "a100"}
    assert found["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert found["imagePullSecrets"] == [{"name": "registry"}]
    valid(made)


def test_case_5_the_token_is_a_file() -> None:
    assert "token" not in str(make_cron_job(JOB, Place())["spec"]).replace(
        "automountServiceAccountToken", ""
    )


def test_case_6_a_job_is_one_attempt() -> None:
    job = samples.job(schedule=SCHEDULE, retry=Retry(count=3))
    assert make_cron_job(job, Place())["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_case_9_texts_of_people_are_neither_variables_nor_commands() -> None:
    """A template, `$(...)`, a quote: all of it stays in annotations."""
    evil = "$(NACELLE_JOB_VERSION) {{ x }} '; rm -rf * #"
    job = samples.job(
        name=evil,
        owner=evil,
        schedule=SCHEDULE,
        parameters={"p": Value(type="text", value=evil)},
        environment=Environment(profile="python", kernel="python3"),
    )
    made = make_cron_job(job, Place())
    assert "rm -rf" not in str(made["spec"])
    assert "rm -rf" not in str(made["metadata"]["labels"])
    assert made["metadata"]["annotations"]["nacelle.io/owner"] == evil
    valid(made)


INDEXED = {
    "completionMode": "Indexed",
    "completions": 12,
    "parallelism": 2,
    "backoffLimitPerIndex": 3,
    "podFailurePolicy": {
        "rules": [
            {
                "action": "Count",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
            {
                "action": "FailIndex",
                "onExitCodes": {"containerName": "run", "operator": "NotIn", "values": [0]},
            },
        ]
    },
}


def indexed(secret: str, labels: dict[str, str]) -> dict[str, Any]:
    plain = spec(secret, labels)
    del plain["backoffLimit"]
    return {**INDEXED, **plain}


def test_case_10_a_matrix_is_one_indexed_job() -> None:
    name = f"nacelle-run-{RUN.id}"
    labels = {**LABELS, "nacelle.io/run": RUN.id}
    made = make_job(JOB, Place(), RUN, JOB.snapshot, Part(items=12))
    assert made == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": "nacelle-jobs",
            "labels": labels,
            "annotations": told_of(version=VERSION),
        },
        "spec": {"suspend": True, **indexed(name, labels)},
    }
    valid(made)


def test_case_10_a_matrix_on_a_schedule_is_indexed_too() -> None:
    made = make_cron_job(JOB, Place(), Part(items=12))
    assert made["spec"]["jobTemplate"]["spec"] == indexed(NAME, LABELS)
    valid(made, yaml.safe_load(manifest_of(JOB, part=Part(items=12))))
    assert (
        yaml.safe_load(manifest_of(samples.job(), part=Part(items=3)))["spec"]["completions"] == 3
    )


@pytest.mark.parametrize(("items", "at_once", "wanted"), [(3, 8, 3), (256, 8, 8), (1, 2, 1)])
def test_case_10_as_many_at_once_as_one_person_may(items: int, at_once: int, wanted: int) -> None:
    made = make_job(JOB, Place(at_once=at_once), RUN, part=Part(items=items))
    assert made["spec"]["parallelism"] == wanted
    valid(made)


def test_case_11_each_step_has_a_job_of_its_own() -> None:
    made = make_job(JOB, Place(), RUN, part=Part(place=2, alone=False))
    name = f"nacelle-run-{RUN.id}-s2"
    labels = {**LABELS, "nacelle.io/run": RUN.id, "nacelle.io/stage": "2"}
    assert made["metadata"]["name"] == name
    assert made["metadata"]["labels"] == labels
    assert made["spec"] == {"suspend": True, **spec(name, labels)}
    assert len(f"{make_job(JOB, Place(), RUN, part=Part(99, 256))['metadata']['name']}-255") <= 63
    valid(made)


def test_case_11_the_first_of_several_steps_waits_for_the_engine() -> None:
    made = make_cron_job(JOB, Place(), Part(items=12, alone=False))
    template = made["spec"]["jobTemplate"]["spec"]
    assert template == {"suspend": True, **indexed(NAME, LABELS)}
    valid(made)


def test_a_secret_goes_with_its_owner() -> None:
    owner = {"kind": "CronJob", "metadata": {"name": NAME, "namespace": "n", "uid": "u-1"}}
    made = make_secret(samples.ID, owner, "the-token", [])
    assert made == {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": NAME,
            "namespace": "n",
            "labels": LABELS,
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": NAME, "uid": "u-1"}
            ],
        },
        "data": {"token": "dGhlLXRva2Vu"},
    }
    valid(made)


def test_the_engine_has_the_least_rights() -> None:
    """It may not read a Secret, nor make or enter a pod, nor touch another namespace."""
    metadata = {
        "name": "nacelle-jobs-engine",
        "namespace": "jobs",
        "labels": {
            "app.kubernetes.io/managed-by": "nacelle",
            "app.kubernetes.io/component": "jobs-engine",
        },
    }
    role, binding = rights.make_role("jobs"), rights.make_role_binding("jobs", "hub")
    account = rights.make_service_account("jobs")
    whole = ["list", "watch", "create", "patch", "delete"]
    assert role == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [
            {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": whole},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": whole},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch", "delete"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
        ],
    }
    assert binding == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "nacelle-jobs-engine",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "nacelle-jobs-engine", "namespace": "hub"}],
    }
    assert account["automountServiceAccountToken"] is False
    valid(role, binding, account)
