"""The Secret that a pod mounts: the job's token and, by their versions, the orders it may run."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from nacelle.jobs.kubernetes.naming import Object, labels
from nacelle.jobs.order import Order

TOKEN = "token"


def order_file(version: str) -> str:
    """The name of an order in the Secret, and of its file in the pod.

    By its version: a pod that is made while the job is edited runs what its run is recorded with.
    """
    return f"order-{version}.json"


def make_secret(job_id: str, owner: Object, token: str, orders: Sequence[Order]) -> dict[str, Any]:
    """The Secret of a CronJob or a Job, which goes when its `owner` goes."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": labels(job_id),
            "ownerReferences": [_owned_by(owner)],
        },
        # Not `stringData`: what server-side apply takes out of it stays in the Secret.
        "data": {
            TOKEN: _encoded(token),
            **{order_file(one.snapshot.version): _encoded(one.model_dump_json()) for one in orders},
        },
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _owned_by(owner: Object) -> Mapping[str, Any]:
    metadata = owner["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
