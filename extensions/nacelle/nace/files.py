"""Files that users name: on disk or at `s3://`, one, several, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from nacelle.nace.errors import NaceError

Location = str | os.PathLike[str]
LABELLED_FILES = (".parquet", ".csv")


def place(location: str) -> str:
    """A path with `~` as the home folder; an address such as `s3://...`, or nothing, as it is."""
    try:
        return str(Path(location).expanduser()) if location.startswith("~") else location
    except RuntimeError:
        raise NaceError(f"{location}: there is no such home folder.") from None


def read_bytes(location: Location) -> bytes:
    """What a file holds. Raises NaceError when it cannot be read, with what to do."""
    name = place(os.fspath(location))
    if "://" in name:
        return _read_remote(name)
    path = Path(name)
    if path.is_dir():
        raise NaceError(f"{name} is a folder; name one file in it.")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NaceError(f"{name}: no such file.{_beside(path)}") from None
    except OSError as error:
        raise NaceError(f"{name} cannot be read: {error.strerror or error}.") from None


def find_files(locations: Location | Iterable[Location]) -> list[str]:
    """The labelled files (Parquet or CSV) that locations stand for, each once, in a fixed order.

    A location is a file, a folder (its files and those of its folders), or a pattern with `*`; each
    on disk or at `s3://`. Raises NaceError when one of them stands for nothing.
    """
    many = [locations] if isinstance(locations, str | os.PathLike) else list(locations)
    found: dict[str, None] = {}
    for location in many:
        name = place(os.fspath(location))
        found |= dict.fromkeys(_remote_files(name) if "://" in name else _local_files(name))
    if not found:
        raise NaceError("No file was named; name at least one Parquet or CSV file.")
    return list(found)


def _local_files(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        return _only_labelled(name, (str(one) for one in path.rglob("*") if one.is_file()))
    if not path.exists() and glob.has_magic(name):
        return _only_labelled(name, _matching(name))
    if not path.exists():
        raise NaceError(f"{name}: no such file.{_beside(path)}")
    return [name]


def _matching(pattern: str) -> Iterable[str]:
    # A pattern may start at the root, which Path.glob refuses.
    anchor = Path(pattern).anchor
    inside = pattern[len(anchor) :]
    return (str(one) for one in Path(anchor or ".").glob(inside) if one.is_file())


def _remote_files(name: str) -> list[str]:
    protocol = name.split("://", 1)[0]
    with _remote(name) as (system, path):
        if glob.has_magic(path):
            return _only_labelled(name, (f"{protocol}://{one}" for one in system.glob(path)))
        if system.isdir(path):
            return _only_labelled(name, (f"{protocol}://{one}" for one in system.find(path)))
        if not system.exists(path):
            raise FileNotFoundError(name)
    return [name]


def _only_labelled(name: str, found: Iterable[str]) -> list[str]:
    # Engines that write folders leave files such as _SUCCESS and .crc beside the data.
    kept = sorted(
        one
        for one in found
        if PurePosixPath(one).suffix.lower() in LABELLED_FILES
        and not PurePosixPath(one).name.startswith(("_", "."))
    )
    if not kept:
        raise NaceError(f"{name} holds no Parquet or CSV file (.parquet, .csv).")
    return kept


def _read_remote(name: str) -> bytes:
    with _remote(name) as (system, path):
        return bytes(system.cat_file(path))


@contextmanager
def _remote(name: str) -> Iterator[tuple[Any, str]]:
    """The store of an address and the path in it; what goes wrong there becomes a NaceError."""
    # Late: the S3 libraries take long to import and predicting from disk never needs them.
    from botocore.exceptions import BotoCoreError
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(name)
        if not path.strip("/"):
            raise ValueError("it names no bucket")
        yield system, str(path)
    except FileNotFoundError:
        raise NaceError(f"{name}: no such file; look at the bucket and the key.") from None
    except (ValueError, ImportError) as error:
        raise NaceError(f"{name} cannot be read: {error}; write s3://bucket/key.") from None
    except (OSError, BotoCoreError) as error:
        raise NaceError(
            f"{name} cannot be read: {error}. Look at the address of the store (AWS_ENDPOINT_URL)"
            " and at the keys for this bucket."
        ) from None


def _beside(path: Path) -> str:
    """Files of the same folder with a similar name, as a sentence."""
    from difflib import get_close_matches

    folder = path.parent
    if not folder.is_dir():
        return f" The folder {folder} does not exist either."
    names: Sequence[str] = [one.name for one in folder.iterdir()]
    near = get_close_matches(path.name, names, n=1)
    return f" Did you mean {folder / near[0]}?" if near else ""
