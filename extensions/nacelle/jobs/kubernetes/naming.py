"""Names, labels and annotations by which the objects of a cluster and the store find each other.

A run's id is told by the cluster itself: a Job that a CronJob made has a uid, which is the run's id
without hyphens; a Job of a run that somebody asked for has the run's id in a label. A tick is told
by the name that the CronJob controller gives to its Job: minutes since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PREFIX = "nacelle.io"
# Labels.
JOB = f"{PREFIX}/job"
RUN = f"{PREFIX}/run"
STAGE = f"{PREFIX}/stage"
MANAGED = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
SELECTOR = f"{MANAGED}=nacelle,{COMPONENT}=job"
# Annotations.
BODY = f"{PREFIX}/job"
VERSION = f"{PREFIX}/version"
TOKENS = f"{PREFIX}/tokens"
# Of Kubernetes.
UID_LABEL = "batch.kubernetes.io/controller-uid"
NAME_LABEL = "batch.kubernetes.io/job-name"
INDEX = "batch.kubernetes.io/job-completion-index"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"

Object = Mapping[str, Any]
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_TICK = re.compile(r"-(\d{6,})$")


def object_name(job_id: str) -> str:
    """52 characters at most, for Kubernetes adds eleven to a CronJob's name."""
    return f"nacelle-{job_id}"


def run_name(run_id: str, stage: int = 0) -> str:
    """The Job of a run that somebody asked for, and its Secret; of a run in stages each its own.

    Not by the number alone, which stands in the names of an Indexed Job's pods.
    """
    return f"nacelle-run-{run_id}-s{stage}" if stage else f"nacelle-run-{run_id}"


def labels(job_id: str) -> dict[str, str]:
    """By which a job's objects are found; names of people are no values of labels."""
    return {MANAGED: "nacelle", COMPONENT: "job", JOB: job_id}


def label_of(found: Object, name: str) -> str | None:
    value = found.get("metadata", {}).get("labels", {}).get(name)
    return None if value is None else str(value)


def annotation_of(found: Object, name: str) -> str | None:
    value = found.get("metadata", {}).get("annotations", {}).get(name)
    return None if value is None else str(value)


def job_id_of(found: Object) -> str | None:
    """The job that an object belongs to."""
    id = label_of(found, JOB)
    return id if id and _RUN_ID.fullmatch(id) else None


def run_id_of(job: Object) -> str | None:
    """The run that a Job is."""
    id = label_of(job, RUN) or id_of_uid(str(job["metadata"].get("uid", "")))
    return id if _RUN_ID.fullmatch(id) else None


def run_id_of_pod(pod: Object) -> str | None:
    """The run that a pod belongs to."""
    id = label_of(pod, RUN) or id_of_uid(label_of(pod, UID_LABEL) or "")
    return id if _RUN_ID.fullmatch(id) else None


def stage_of(found: Object) -> int:
    """The place of the step that a Job or its pod runs; 0 of what has no stages."""
    return _number(label_of(found, STAGE))


def index_of(pod: Object) -> int:
    """The completion index of a pod; 0 of a Job that has none."""
    return _number(label_of(pod, INDEX) or annotation_of(pod, INDEX))


def id_of_uid(uid: str) -> str:
    """A uid of Kubernetes as an id of ours: 32 hexadecimal digits."""
    return uid.replace("-", "").lower()


def tick_of(job: Object) -> datetime | None:
    """The tick for which a CronJob made a Job; None when no CronJob did."""
    if written := annotation_of(job, SCHEDULED):
        return datetime.fromisoformat(written).astimezone(UTC)
    return tick_in(str(job["metadata"].get("name", "")))


def tick_in(name: str) -> datetime | None:
    """The tick in the name of a Job that a CronJob made."""
    found = _TICK.search(name)
    return datetime.fromtimestamp(int(found[1]) * 60, UTC) if found else None


def is_of_cron_job(job: Object) -> bool:
    owners = job["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == "CronJob" for owner in owners)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
