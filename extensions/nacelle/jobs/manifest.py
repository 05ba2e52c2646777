"""A job as Kubernetes objects: pure functions from a Job to the manifests of its CronJob and Jobs.

Cases, each with a test in tests/jobs/kubernetes/test_manifest.py:

1. A job with a schedule is a CronJob; one without is a Job, as is a single run.
2. A job that is not armed is a CronJob that is suspended.
3. Ticks that were missed: `skip` gives them ten minutes, the others a day at most, for Kubernetes
   catches up on one at most.
4. The container runs as the "restricted" Pod Security Standard demands, on a root that cannot be
   written to, without a token of the cluster.
5. The job's token comes from a Secret as a file, never as a variable.
6. A Job is one attempt: another one is another Job, after the while that the job says, so that each
   has its own log and its own end in words.
7. The time limit is the runner's to hold; Kubernetes ends what goes on for long after it.
8. A CronJob carries its job whole, so that the store can be made again from the cluster.
9. No text of a person stands where Kubernetes reads names of variables in it, or a command.
10. A step with a matrix is one Indexed Job: a pod for each combination, as many at once as one
    person may have runs. An index whose pod the cluster took away begins again, three times at
    most; one that ended by itself does not, and the others go on to their end.
11. A run in several steps has a Job for each, under a name of its own. What its CronJob makes is
    the first one, suspended: whether the run before is over is for the engine to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from nacelle.cluster.security import make_container_security, make_pod_security
from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.kubernetes.naming import (
    BODY,
    NAME_LABEL,
    PREFIX,
    RUN,
    STAGE,
    UID_LABEL,
    VERSION,
    labels,
    object_name,
    run_name,
)

_SKIPPED_AFTER, _CAUGHT_UP_WITHIN = 600, 86_400
_POLICY = {"allow": "Allow", "forbid": "Forbid", "replace": "Replace"}
SECRET_FOLDER = "/var/run/secrets/nacelle"
WORK_FOLDER = "/work"
CONTAINER = "run"
# What the runner itself needs beside what its environment gives to the notebook.
RUNNER_MEMORY = 256 * 1024**2
# For loading, the HTML page and the last upload; the runner ends a run by itself before.
_OVERTIME_SECONDS = 300
_GRACE_SECONDS = 30
_DISRUPTIONS = 3


@dataclass(frozen=True)
class Place:
    """Where a run takes place on a cluster, and what it may use: cores, bytes, whole GPUs."""

    namespace: str = "nacelle-jobs"
    image: str = "nacelle/job"
    cpu_request: float = 1.0
    cpu_limit: float = 1.0
    memory_request: int = 2 * 1024**3
    memory_limit: int = 2 * 1024**3
    gpu: int = 0
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    pull_secrets: tuple[str, ...] = ()
    # Pods of a sweep beside each other.
    at_once: int = 2
    # How long a pod may wait for a machine, and how long a Job that ended is kept.
    start_seconds: int = 900
    keep_seconds: int = 7 * 86_400


@dataclass(frozen=True)
class Part:
    """The step of a run that a Job runs: its place among the steps, and how many combinations of
    its matrix; None where it has none. `alone`: there is no other step."""

    place: int = 0
    items: int | None = None
    alone: bool = True


_WHOLE = Part()


def make_cron_job(job: Job, place: Place, part: Part = _WHOLE) -> dict[str, Any]:
    """The CronJob (batch/v1) of a job that has a schedule. Raises ValueError for one without."""
    if job.schedule is None:
        raise ValueError("a job without a schedule is no CronJob")
    late = _SKIPPED_AFTER if job.missed.policy == "skip" else _CAUGHT_UP_WITHIN
    metadata = _metadata(job, place, object_name(job.id))
    metadata["annotations"][BODY] = job.model_dump_json()
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": job.schedule.cron,
            "timeZone": job.schedule.zone,
            "suspend": job.state != "armed",
            "concurrencyPolicy": _POLICY[job.overlap],
            "startingDeadlineSeconds": late,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {
                    "labels": labels(job.id),
                    "annotations": {VERSION: job.snapshot.version},
                },
                "spec": {
                    **({} if part.alone else {"suspend": True}),
                    **_job_spec(job, job.snapshot, place, object_name(job.id), part),
                },
            },
        },
    }


def make_job(
    job: Job,
    place: Place,
    run: Run | None = None,
    snapshot: Snapshot | None = None,
    part: Part = _WHOLE,
) -> dict[str, Any]:
    """The Job (batch/v1) of one run, or of a job as `kubectl apply` would run it.

    That of a run is made suspended: its Secret, which it owns, is made after it and before its pod.
    """
    name = run_name(run.id, part.place) if run else object_name(job.id)
    metadata = _metadata(job, place, name)
    spec = _job_spec(job, snapshot or job.snapshot, place, name, part)
    metadata["annotations"][VERSION] = (snapshot or job.snapshot).version
    if run:
        for labelled in (metadata["labels"], spec["template"]["metadata"]["labels"]):
            labelled |= {RUN: run.id, **({STAGE: str(part.place)} if part.place else {})}
        spec = {"suspend": True, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def manifest_of(job: Job, place: Place | None = None, part: Part = _WHOLE) -> str:
    """What `kubectl apply -f` takes, as YAML."""
    chosen = place or Place(image=job.environment.image or Place.image)
    made = make_cron_job(job, chosen, part) if job.schedule else make_job(job, chosen, part=part)
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True)


def _job_spec(
    job: Job, snapshot: Snapshot, place: Place, secret: str, part: Part
) -> dict[str, Any]:
    return {
        **({"backoffLimit": 0} if part.items is None else _indexed(part.items, place.at_once)),
        "podReplacementPolicy": "Failed",
        "activeDeadlineSeconds": place.start_seconds + snapshot.timeout_seconds + _OVERTIME_SECONDS,
        "ttlSecondsAfterFinished": place.keep_seconds,
        "template": {
            "metadata": {"labels": labels(job.id)},
            "spec": _pod_spec(snapshot, place, secret),
        },
    }


def _indexed(items: int, at_once: int) -> dict[str, Any]:
    """So many indexes, each with a pod of its own and its own end."""
    return {
        "completionMode": "Indexed",
        "completions": items,
        "parallelism": min(items, at_once),
        "backoffLimitPerIndex": _DISRUPTIONS,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "Count",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
                {
                    "action": "FailIndex",
                    "onExitCodes": {"containerName": CONTAINER, "operator": "NotIn", "values": [0]},
                },
            ]
        },
    }


def _metadata(job: Job, place: Place, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": place.namespace,
        "labels": labels(job.id),
        "annotations": {
            f"{PREFIX}/name": job.name,
            f"{PREFIX}/owner": job.owner,
            **({f"{PREFIX}/project": job.project} if job.project else {}),
        },
    }


def _pod_spec(snapshot: Snapshot, place: Place, secret: str) -> dict[str, Any]:
    pulled = [{"name": name} for name in place.pull_secrets]
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": make_pod_security(1000, 100),
        **({"imagePullSecrets": pulled} if pulled else {}),
        **({"nodeSelector": dict(place.node_selector)} if place.node_selector else {}),
        **({"tolerations": [dict(one) for one in place.tolerations]} if place.tolerations else {}),
        "containers": [_container(snapshot, place)],
        "volumes": [
            {"name": "work", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "order", "secret": {"secretName": secret, "defaultMode": 0o440}},
        ],
    }


def _container(snapshot: Snapshot, place: Place) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": place.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "nacelle.jobs.run_in_pod"],
        "workingDir": WORK_FOLDER,
        "env": [
            {"name": "NACELLE_JOB_VERSION", "value": snapshot.version},
            _of_pod("NACELLE_KUBERNETES_JOB", NAME_LABEL),
            _of_pod("NACELLE_KUBERNETES_UID", UID_LABEL),
            {"name": "HOME", "value": WORK_FOLDER},
        ],
        "resources": _resources(place),
        "securityContext": make_container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "work", "mountPath": WORK_FOLDER},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "order", "mountPath": SECRET_FOLDER, "readOnly": True},
        ],
    }


def _of_pod(name: str, label: str) -> dict[str, Any]:
    """A variable that the cluster fills in from a label of the pod."""
    return {
        "name": name,
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{label}']"}},
    }


def _resources(place: Place) -> dict[str, Any]:
    gpu = {"nvidia.com/gpu": str(place.gpu)} if place.gpu else {}
    return {
        "requests": {
            "cpu": f"{place.cpu_request:g}",
            "memory": str(place.memory_request + RUNNER_MEMORY),
            **gpu,
        },
        "limits": {
            "cpu": f"{place.cpu_limit:g}",
            "memory": str(place.memory_limit + RUNNER_MEMORY),
            **gpu,
        },
    }
