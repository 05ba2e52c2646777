"""`nacelle nace compact`: records of the service become Parquet in the project's bucket."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nacelle.layout import Layout, running_settings
from nacelle.nace.command_base import NO, as_json, for_people, print_json, say
from nacelle.nace.errors import NaceError
from nacelle.settings import Settings, SettingsError, load_settings
from nacelle.shares import hub_config_folder
from nacelle.storage.slug import project_bucket

if TYPE_CHECKING:
    from nacelle.nace.serving.compact import Summary

SERVICE = "nace"
_PROVIDER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@click.command()
@click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings file.")
@click.option("--target", help="s3://bucket/prefix or a folder; else the project's bucket.")
@as_json
@for_people("Nothing is lost; run it again.")
def compact(file: Path | None, target: str | None, as_json: bool) -> None:
    """Turn the records that the classifier's service wrote into Parquet, one folder a date.

    The service does so by itself at times. The exit code is 1 where the store could not be written
    to, or a file not be read: nothing is lost, and the next run goes on.
    """
    from nacelle.nace.serving.compact import NotCompacted
    from nacelle.nace.serving.compact import compact as run

    settings = _settings(file)
    layout = Layout(settings)
    place = target or f"s3://{project_bucket(settings.nace.project)}/{SERVICE}"
    if "://" in place:
        _find_keys(layout)
    records, problem = settings.nace.records, None
    try:
        done = run(
            layout.folder(SERVICE) / "records",
            place,
            now=datetime.now(UTC),
            keep_days=records.keep_days,
        )
    except NotCompacted as error:
        done, problem = error.done, str(error)
    if as_json:
        print_json({**asdict(done), "target": place, "problem": problem})
    else:
        click.echo(_words(done, place))
    if problem:
        say(problem)
        sys.exit(NO)


def _settings(file: Path | None) -> Settings:
    """Those of a running installation, ports given on its command line included."""
    chosen = file or os.environ.get("NACELLE_SETTINGS") or hub_config_folder() / "settings.yaml"
    try:
        return running_settings(load_settings(chosen))
    except SettingsError as error:
        raise NaceError(str(error)) from None


def _find_keys(layout: Layout, environ: MutableMapping[str, str] = os.environ) -> None:
    """Keys of the service, unless this runs where the platform gave some."""
    if _PROVIDER in environ:
        return
    from nacelle.credentials.service import service_storage

    try:
        names = service_storage(layout, SERVICE)
    except FileNotFoundError:
        raise NaceError(
            f"{layout.secrets} has no keys of the service: start the platform once with"
            " `nacelle up`, or name its settings with --settings."
        ) from None
    for name in [name for name in environ if name.startswith("AWS_")]:
        # An address or a key from somebody's shell would outrank the service's own.
        del environ[name]
    environ.update(names)


def _words(done: Summary, place: str) -> str:
    lines = [
        f"{done.files:,} files: {done.records:,} records in {place}"
        f" ({done.bytes / 1e6:,.1f} MB of Parquet)"
    ]
    if done.damaged:
        lines.append(f"{done.damaged:,} damaged lines are in {place}/quarantine")
    if done.removed_partitions:
        lines.append(f"{done.removed_partitions:,} dates were removed for their age")
    return "\n".join(lines)
