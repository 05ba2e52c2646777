"""The folder that a training writes: an older model in it stays whole until the new one is."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nacelle.nace.command_base import check_place
from nacelle.nace.errors import NaceError
from nacelle.nace.interrupts import postponed
from nacelle.nace.model_folder import CARD, FASTTEXT, MODEL, NETWORK, NOMENCLATURE, RULES, read_json

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier

WORK = ".work"
_FILES = {MODEL, CARD, NOMENCLATURE, RULES, FASTTEXT, NETWORK}
_LOCK = "lock"
_SHOWN = 3


class OutputFolder:
    """A folder for one model. While it is trained, `.work` in it keeps what is finished."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser()
        self.work = self.folder / WORK

    def check(self) -> None:
        """Raise NaceError where the folder cannot be made, or holds what is no model."""
        if self.folder.exists() and not self.folder.is_dir():
            raise NaceError(f"{self.folder} is a file; name a folder for the model.")
        check_place(self.folder)
        if not self.folder.exists():
            return
        found = {path.name for path in self.folder.iterdir()} - {WORK}
        others = sorted(found - self._own_names())
        if others:
            shown = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
            raise NaceError(
                f"{self.folder} holds other things than a model ({shown}); name a new folder, or"
                " one that holds a model to be replaced."
            )

    def _own_names(self) -> set[str]:
        # Beside an unfinished training, files may be those that it was putting in place.
        moving = _FILES if self.work.is_dir() else set()
        try:
            files = read_json(self.folder / MODEL).get("files")
        except (OSError, NaceError):
            return moving
        return {MODEL, CARD, *files} if isinstance(files, dict) else moving

    @contextmanager
    def open(self) -> Iterator[Path]:
        """The folder for work, made and kept from other trainings while it is open.

        It stays where something in it was finished.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NaceError(
                    f"Another training writes to {self.folder}. Wait for it, or name another"
                    " folder."
                ) from None
            try:
                yield self.work
            finally:
                self._leave()

    def _leave(self) -> None:
        """Take away what was made for nothing."""
        if self.work.is_dir() and {path.name for path in self.work.iterdir()} <= {_LOCK}:
            self.clean()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def put(self, classifier: Classifier) -> int:
        """Write the model, then put it in the place of an older one; its size in bytes."""
        made = self.work / "model"
        shutil.rmtree(made, ignore_errors=True)
        classifier.save(made)
        files = sorted(made.iterdir(), key=lambda path: path.name == MODEL)
        size = sum(path.stat().st_size for path in files)
        # File by file, so that the folder keeps its owner, its rights and who stands in it.
        with postponed():
            for path in files:
                path.replace(self.folder / path.name)
        return size

    def clean(self) -> None:
        """Forget what only an interrupted training needs."""
        shutil.rmtree(self.work)
