"""A trained model on disk: a folder of small files, each with its digest."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile

import msgspec
import numpy as np
from msgspec import Meta

from nacelle.nace.bags import Floats
from nacelle.nace.errors import NaceError
from nacelle.nace.network import Network
from nacelle.nace.text import TextSettings
from nacelle.nace.vocabulary import VocabularySettings

FORMAT = 1
MODEL = "model.json"
NOMENCLATURE = "nomenclature.json"
RULES = "rules.json"
FASTTEXT = "fasttext.bin"
NETWORK = "network.npz"
CARD = "README.md"
_DIGESTED = (NOMENCLATURE, RULES, FASTTEXT, NETWORK)
_STEPS = 127
# What NumPy raises where a file holds no arrays, or others.
_NO_ARRAYS = (
    ValueError, TypeError, AttributeError, LookupError, EOFError, BadZipFile, zlib.error,
)  # fmt: skip


def write_network(path: Path, network: Network, names: tuple[str, ...]) -> None:
    """Save weights in a few bytes: rows of the embedding as 8-bit numbers with a scale."""
    scale = np.abs(network.embedding).max(axis=1, initial=1e-12) / _STEPS
    rounded = np.rint(network.embedding / scale[:, None]).astype(np.int8)
    np.savez_compressed(
        path,
        embedding=rounded,
        scale=scale.astype(np.float32),
        inner=network.inner.astype(np.float16),
        shift=network.shift,
        outer=network.outer.astype(np.float16),
        names=np.frombuffer("\n".join(names).encode(), np.uint8),
    )


def read_network(path: Path, classes: int) -> tuple[Network, tuple[str, ...]]:
    """What `write_network` saved, but for the rounding.

    Raises NaceError where it is damaged, or does not answer that many classes.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            embedding: Floats = stored["embedding"].astype(np.float32) * stored["scale"][:, None]
            inner, outer = stored["inner"].astype(np.float32), stored["outer"].astype(np.float32)
            names = tuple(stored["names"].tobytes().decode().split("\n"))
            network = Network(embedding, inner, stored["shift"], outer)
            (dimension, hidden), features = inner.shape, len(names)
    except _NO_ARRAYS as error:
        raise NaceError(f"{path} is damaged: {error}. Copy the folder again.") from None
    found = embedding.shape, network.shift.shape, outer.shape
    if found != ((features, dimension), (hidden,), (hidden + dimension, classes)):
        raise NaceError(
            f"{path} does not fit the {classes:,} codes of {MODEL}. Copy the folder again."
        )
    return network, names


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that people can read and compare."""
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def seal(folder: Path, about: Mapping[str, Any]) -> str:
    """Write model.json with the digests of the other files; the version of the model.

    It is written last: a folder without it is no model.
    """
    files = {name: _digest(folder / name) for name in _DIGESTED}
    content = {**about, "format": FORMAT, "files": files}
    write_json(folder / MODEL, content)
    return version_of(content)


def version_of(content: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that change with whatever changes an answer."""
    telling = {key: value for key, value in content.items() if key != "card"}
    text = json.dumps(telling, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class About(msgspec.Struct, frozen=True):
    """What model.json says of a model, beside the digests of its files."""

    name: str
    classes: Annotated[tuple[str, ...], Meta(min_length=1)]
    text: TextSettings
    vocabulary: VocabularySettings
    weights: tuple[float, float, float, float]
    trust: Annotated[float, Meta(ge=0, le=1)]
    card: dict[str, Any]


def about_of(folder: Path, content: Mapping[str, Any]) -> About:
    """What `open_folder` read, checked. Raises NaceError naming what is wrong."""
    try:
        return msgspec.convert(content, About)
    except msgspec.ValidationError as error:
        raise NaceError(f"{folder / MODEL} is damaged: {error}. Copy the folder again.") from None


def open_folder(folder: Path) -> dict[str, Any]:
    """The content of model.json. Raises NaceError where the folder is no whole model of ours."""
    path = folder / MODEL
    if not path.is_file():
        raise NaceError(
            f"{folder} holds no model: there is no {MODEL} in it. Give the folder that"
            " `nacelle nace train --output` wrote, or an MLflow address (models:/nace@champion)."
        )
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise NaceError(
            f"{path}: the format is {content.get('format')!r}, this version of Nacelle reads"
            f" {FORMAT}. Train the model again, or use the version that wrote it."
        )
    files = content.get("files")
    if not isinstance(files, dict) or set(files) != set(_DIGESTED):
        raise NaceError(f"{path} is damaged: it does not name the model's files. Copy them again.")
    for name, digest in files.items():
        if not (folder / name).is_file():
            raise NaceError(f"{folder}: {name} is missing. Copy the whole folder again.")
        if _digest(folder / name) != digest:
            raise NaceError(f"{folder / name} was changed or cut short. Copy the folder again.")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises NaceError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NaceError(f"{path} is damaged: {error}. Copy the folder again.") from None
    if not isinstance(content, dict):
        raise NaceError(f"{path} is damaged: it holds no object. Copy the folder again.")
    return content


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
