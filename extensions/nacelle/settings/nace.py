"""Settings of the classifier as a service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nacelle.settings.base import Count, Frozen, Project, Seconds


class NaceLimits(Frozen):
    """What one request to the classifier may be, and how many may wait."""

    body_bytes: Count = Field(
        default=4_000_000, description="Largest body of a request to the classifier, in bytes."
    )
    text_length: Count = Field(default=5_000, description="Longest text, in characters.")
    batch: Count = Field(default=2_000, description="Most texts in one request.")
    waiting_texts: Count = Field(
        default=4_000,
        description="Texts that may wait in one process; beyond it requests are turned away (503).",
    )
    connections: Count = Field(
        default=1_000, description="Requests that one process handles at once; 503 beyond it."
    )
    seconds: Seconds = Field(
        default=30, description="Time for one request, in seconds: to arrive, and to be answered."
    )


class NaceKeys(Frozen):
    """API keys: what each may ask, unless an administrator gave it more."""

    rate: Count = Field(
        default=50, description="Requests a second of one API key or person; 429 beyond it."
    )
    burst: Count = Field(
        default=100, description="Requests that may come at once before the rate counts."
    )
    daily_quota: int = Field(
        default=200_000, ge=0, description="Texts a day (UTC) of one key or person; 0: no limit."
    )
    per_person: int = Field(default=10, ge=0, description="Live API keys that one person may have.")


class NaceRecords(Frozen):
    """The records of what the classifier answered."""

    fsync: bool = Field(
        default=False,
        description=(
            "Wait for the disk at each record: a power cut loses none; a process answers nothing"
            " else meanwhile, so it is much slower."
        ),
    )
    text: Literal["keep", "hash"] = Field(
        default="keep", description="Keep the texts in the records, or only a keyed hash of each."
    )
    keep_days: int = Field(
        default=0, ge=0, description="Days after which records are removed; 0: never."
    )
    rotate_bytes: Count = Field(
        default=64_000_000, description="Size at which a file of fresh records is closed, in bytes."
    )
    rotate_seconds: Seconds = Field(
        default=3_600, description="Age at which a file of fresh records is closed, in seconds."
    )
    compact_seconds: Seconds = Field(
        default=900, description="How often closed files become Parquet in the bucket, in seconds."
    )


class NaceSettings(Frozen):
    """The classifier as a service."""

    project: Project = Field(
        default="nace",
        description="Group in whose MLflow space the model is, and in whose bucket the records.",
    )
    model: str = Field(
        default="nace", description="Name of the registered model, served as its alias says."
    )
    alias: str = Field(default="champion", description="Alias of the version that is served.")
    check_seconds: Seconds = Field(
        default=15, description="How often the registry is asked for a new champion, in seconds."
    )
    workers: Count = Field(default=1, description="Processes that classify.")
    anonymous: bool = Field(
        default=False, description="Classify for whoever asks, without a key or token."
    )
    limits: NaceLimits = Field(default=NaceLimits(), description="Limits of requests.")
    keys: NaceKeys = Field(default=NaceKeys(), description="API keys.")
    records: NaceRecords = Field(default=NaceRecords(), description="Records of the answers.")
