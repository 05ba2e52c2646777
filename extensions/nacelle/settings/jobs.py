"""Settings of notebooks as jobs."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from nacelle.settings.base import Count, Frozen


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"write a network such as 10.1.0.0/16: {error}") from None
    return text


class JobsLimits(Frozen):
    """What one person or project may ask of the platform by jobs."""

    active_jobs: Count = Field(
        default=50,
        description="Jobs on a schedule that one person may have, suspended ones aside.",
    )
    project_jobs: Count = Field(
        default=200,
        description="Jobs on a schedule that one project may have, suspended ones aside.",
    )
    jobs_each: Count = Field(
        default=500, description="Jobs that one person may keep, of whatever kind and state."
    )
    runs_at_once: Count = Field(
        default=4, description="Runs of the whole platform at once; the others wait."
    )
    runs_at_once_each: Count = Field(
        default=2,
        description=(
            "Runs of one person at once; the others wait. On a cluster so many combinations of one"
            " sweep run at once."
        ),
    )
    waiting_runs: Count = Field(
        default=200, description="Runs of one person that may wait; more cannot be asked for."
    )
    shortest_interval: Annotated[int, Field(ge=60)] = Field(
        default=300, description="Shortest time between two runs of a schedule, in seconds."
    )
    longest_run: Annotated[int, Field(ge=10, le=7 * 86_400)] = Field(
        default=86_400, description="Longest time limit that a job may have, in seconds."
    )
    notebook_bytes: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        default=10_000_000, description="Largest notebook that can be promoted, in bytes."
    )


class MailSettings(Frozen):
    """The SMTP server that takes messages about runs."""

    host: str | None = Field(
        default=None, description="Host of the SMTP server; without it no mail is sent."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is protected."
    )
    sender: str = Field(
        default="nacelle@localhost", description="Address that the messages come from."
    )
    user: str | None = Field(
        default=None,
        description="Login at the server; its password is the file secrets/jobs.mail.",
    )


class KubernetesSettings(Frozen):
    """Where jobs run when the engine is `kubernetes`, beside what `cluster` says."""

    namespace: str = Field(
        default="nacelle-jobs",
        description="Namespace of the jobs' CronJobs, Jobs and pods; the engine has rights in it.",
    )
    start_seconds: Count = Field(
        default=900,
        description="How long a run may wait for its image, a machine or quota, in seconds.",
    )
    token_seconds: Annotated[int, Field(ge=3600)] = Field(
        default=7 * 86_400,
        description=(
            "Life of the token of a job on a schedule, in seconds; it is renewed at half of that."
        ),
    )
    keep_seconds: Count = Field(
        default=7 * 86_400,
        description="How long Kubernetes keeps a Job that has ended, in seconds.",
    )


class JobsSettings(Frozen):
    """Notebooks as jobs: limits, messages, how long runs are kept."""

    engine: Literal["local", "kubernetes"] = Field(
        default="local", description="Where jobs run: on this machine or on a cluster."
    )
    kubernetes: KubernetesSettings = Field(
        default=KubernetesSettings(), description="The cluster, for the engine kubernetes."
    )
    limits: JobsLimits = Field(default=JobsLimits(), description="Limits of jobs and runs.")
    mail: MailSettings = Field(default=MailSettings(), description="Mail about runs.")
    webhook_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(), description="Private networks that webhooks may reach; public ones always."
    )
    keep_days: Count = Field(
        default=90,
        description=(
            "Days after which the platform forgets a run; what it put in the bucket stays, and"
            " so does each job's last success."
        ),
    )
