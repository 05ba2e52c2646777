"""From a pipeline's file on disk to its bundle: the files that it names, and no others."""

from __future__ import annotations

from pathlib import Path

from nacelle.jobs.notebook import MOST_BYTES
from nacelle.jobs.pipelines.bundle import Bundle, write_bundle
from nacelle.jobs.pipelines.mistakes import Mistakes
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.reading import read_pipeline
from nacelle.jobs.pipelines.understanding import Understood, understand

SUFFIXES = (".yaml", ".yml")


def is_pipeline(path: Path) -> bool:
    """Whether a file is meant as a pipeline, by its name."""
    return path.suffix.lower() in SUFFIXES


def collect(path: Path) -> Bundle:
    """Read a pipeline's file and its notebooks.

    Raises OSError for the file itself, PipelineRefused for what it says.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    pipeline = read_pipeline(text, path.name)
    mistakes = Mistakes(path.name)
    notebooks: dict[str, bytes] = {}
    for step in pipeline.steps:
        if step.notebook not in notebooks and (content := _read(path.parent, step, mistakes)):
            notebooks[step.notebook] = content
    mistakes.end()
    return Bundle(path.name, text, notebooks)


def check(path: Path) -> tuple[Understood, bytes]:
    """A pipeline from disk as the platform will understand it, and its bundle's bytes."""
    bundle = collect(path)
    return understand(bundle), write_bundle(bundle)


def _read(folder: Path, step: Step, mistakes: Mistakes) -> bytes | None:
    file = folder / step.notebook
    try:
        # A link may lead elsewhere, and what is sent is seen by a whole project.
        if not file.resolve(strict=True).is_relative_to(folder.resolve()):
            mistakes.add(
                step.notebook_place,
                f"{step.notebook} leads out of the pipeline's folder; copy it there.",
                f"{step.notebook} mène hors du dossier de la chaîne ; copiez-le ici.",
            )
            return None
        if file.stat().st_size > MOST_BYTES:
            mistakes.add(
                step.notebook_place,
                f"{step.notebook} has {file.stat().st_size / 1e6:.0f} MB; clear its outputs.",
                f"{step.notebook} fait {file.stat().st_size / 1e6:.0f} Mo ; effacez ses sorties.",
            )
            return None
        return file.read_bytes()
    except OSError as error:
        mistakes.add(
            step.notebook_place,
            f"the notebook {step.notebook} cannot be read ({error.strerror}) in {folder}.",
            f"le carnet {step.notebook} ne peut pas être lu ({error.strerror}) dans {folder}.",
        )
        return None
