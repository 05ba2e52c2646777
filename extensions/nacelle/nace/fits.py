"""One fit of one view, in a process of its own; its result is a file that is not made again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from scipy import sparse

from nacelle.nace import fasttext_view
from nacelle.nace.errors import NaceError
from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.network import Integers, Network, NetworkSettings, train_network
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.prepare import Prepared, RowSettings, importance, with_misspelt
from nacelle.nace.text import TextSettings
from nacelle.nace.vocabulary import VocabularySettings, build_vocabulary, pieces_of


class TrainSettings(msgspec.Struct, frozen=True):
    """All that decides what a training gives, beside its rows.

    `level` is the level of the codes to learn, None for the deepest. `apart` is the share of rows
    kept apart to calibrate by. `bag` trains the fastText model, `network` the other view.
    """

    seed: int = 1
    level: int | None = None
    apart: Annotated[float, Meta(ge=0, le=0.5)] = 0.1
    text: TextSettings = TextSettings()
    rows: RowSettings = RowSettings()
    words: VocabularySettings = VocabularySettings()
    fasttext: FastTextSettings = FastTextSettings()
    bag: NetworkSettings = NetworkSettings(rate=0.2)
    network: NetworkSettings = NetworkSettings(hidden=256)

    def check(self) -> None:
        """Raise NaceError where words would silently be left without pieces."""
        words, fasttext = self.words, self.fasttext
        for names, shortest, longest in (
            ("words.shortest and words.longest", words.shortest, words.longest),
            ("fasttext.minn and fasttext.maxn", fasttext.minn, fasttext.maxn),
        ):
            if shortest > longest:
                raise NaceError(
                    f"{names} are {shortest} and {longest}: no piece of a word is that long."
                )

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-able values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


# Bytes of numbers.
_SMALL = 8_000_000


def fasttext_features(rows: Prepared, settings: TrainSettings) -> sparse.csr_matrix:
    """What the fastText view learns from, in the positions of `dictionary`."""
    found = fasttext_view.Pieces(dictionary(rows, settings)).features(rows.stemmed)
    found.sum_duplicates()
    return found * np.float32(settings.fasttext.scale)


def dictionary(rows: Prepared, settings: TrainSettings) -> Any:
    """The library's model of the rows' words; the same each time for the same rows."""
    codes = [rows.classes[target] for target in rows.targets.tolist()]
    # More buckets than there are things to put into them would only be empty.
    bucket = min(settings.fasttext.bucket, _different(rows, settings.fasttext))
    fitting = msgspec.structs.replace(settings.fasttext, bucket=bucket)
    return fasttext_view.read_dictionary(rows.stemmed, codes, settings.bag.dimension, fitting)


def _different(rows: Prepared, settings: FastTextSettings) -> int:
    """How many different pieces and pairs of neighbours the rows have."""
    kinds = VocabularySettings(shortest=settings.minn, longest=settings.maxn)
    texts = [text.split() for text in rows.stemmed]
    words = {word for text in texts for word in text}
    found = {piece for word in words for piece in pieces_of(word, kinds)}
    return len(found) + len({pair for text in texts for pair in pairwise(text)}) + len(words)


def network_features(rows: Prepared, settings: TrainSettings) -> sparse.csr_matrix:
    """What the network learns from, in the positions of the rows' vocabulary."""
    vocabulary = build_vocabulary(rows.cleaned, rows.stemmed, settings.words)
    return vocabulary.features(rows.cleaned, rows.stemmed)


def targets_by_level(
    targets: Integers, classes: Sequence[str], nomenclature: Nomenclature
) -> tuple[list[Integers], list[int]]:
    """The class and the ancestors of each row as positions, deepest first; and their numbers."""
    deepest = nomenclature.level(classes[0]) if classes else 1
    found, sizes = [targets], [len(classes)]
    for level in range(1, deepest):
        above = [nomenclature.at_level(code, level) for code in classes]
        position = {code: i for i, code in enumerate(dict.fromkeys(above))}
        found.append(np.array([position[code] for code in above], np.intp)[targets])
        sizes.append(len(position))
    return found, sizes


def fit(
    rows: Prepared,
    nomenclature: Nomenclature,
    settings: TrainSettings,
    view: str,
    path: Path,
    report: Callable[[float], None],
) -> None:
    """Train the view `fasttext` or `network` on the rows and write its numbers to `path`."""
    learnt = with_misspelt(rows, settings.rows, settings.text, settings.seed)
    of_fasttext = view == "fasttext"
    features = (fasttext_features if of_fasttext else network_features)(learnt, settings)
    targets, sizes = targets_by_level(learnt.targets, rows.classes, nomenclature)
    network = train_network(
        features, targets, sizes, settings.bag if of_fasttext else settings.network,
        seed=settings.seed, weights=importance(learnt.targets, settings.rows.balance),
        progress=report,
    )  # fmt: skip
    if of_fasttext:
        network.embedding[:] *= np.float32(settings.fasttext.scale)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial, embedding=network.embedding, inner=network.inner, shift=network.shift,
        outer=network.outer,
    )  # fmt: skip
    partial.replace(path)


def read_fit(path: Path) -> Network:
    """The numbers that `fit` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return Network(stored["embedding"], stored["inner"], stored["shift"], stored["outer"])


def fit_name(rows: Prepared, settings: TrainSettings, view: str) -> str:
    """A file name that is the same only for the same rows and settings."""
    content = [rows.cleaned, rows.stemmed, rows.targets.tolist(), rows.classes, settings, view]
    return f"{view}-{hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]}.npz"


def compression(network: Network, settings: TrainSettings) -> int:
    """The `dsub` to compress a fastText view with; 0 where that is not worth the minute."""
    return settings.fasttext.dsub if network.embedding.nbytes > _SMALL else 0


def pack(
    rows: Prepared,
    settings: TrainSettings,
    fitted: Path,
    temperature: float,
    path: Path,
    report: Callable[[float], None],
) -> None:
    """Write the fastText file of a fit to `path`: its scores cooled, its numbers compressed."""
    network = read_fit(fitted)
    network.outer[:] /= np.float32(temperature)
    learnt = with_misspelt(rows, settings.rows, settings.text, settings.seed)
    model = dictionary(learnt, settings)
    fasttext_view.fill(model, network, rows.classes, compression(network, settings))
    partial = path.with_suffix(".partial")
    model.save_model(str(partial))
    partial.replace(path)
