"""What must hold before the store starts; each failure is a sentence that says what to do."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path

from nacelle.storage.embedded.conf import RESERVE_BYTES


class CannotStart(Exception):
    """The store cannot start here and now; the message says why and what to do."""


def check_platform() -> None:
    """Swift keeps objects in Linux files with extended attributes."""
    if sys.platform != "linux":
        raise CannotStart(
            f"The embedded store runs on Linux and this is {sys.platform}; use an S3 store"
            " elsewhere, or a Linux machine."
        )


def check_folder(folder: Path) -> None:
    """The data folder can be written, keeps extended attributes, and has room."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch(mode=0o600)
    except OSError as error:
        raise CannotStart(
            f"The store cannot write in {folder} ({error.strerror}); set data_dir to a folder that"
            " you can write."
        ) from None
    try:
        os.setxattr(probe, "user.nacelle", b"x" * 3000)
    except OSError as error:
        raise CannotStart(
            f"The file system of {folder} keeps no extended attributes ({error.strerror}), and the"
            " store needs them; set data_dir to a folder on ext4, XFS or Btrfs."
        ) from None
    finally:
        probe.unlink()
    free = shutil.disk_usage(folder).free
    if free < RESERVE_BYTES:
        raise CannotStart(
            f"{folder} has {free // 2**20} MB free and the store needs {RESERVE_BYTES // 2**20} MB"
            " at least; free some space or set data_dir to another disk."
        )


def check_port(host: str, port: int) -> None:
    """Nothing else listens on the store's port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"The store cannot listen on port {port} ({error.strerror}); stop the program that"
                " uses it, or set another port in settings.yaml."
            ) from None


def only_one(folder: Path) -> int:
    """Hold the folder's lock for as long as this process lives; gives the open file."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise CannotStart(
            f"Another store already runs on {folder}; stop it first, or set another data_dir."
        ) from None
    return descriptor
