"""Two views of one text: the fastText model on stems, and the network on pairs and whole words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nacelle.nace import fasttext_view
from nacelle.nace.bags import Floats
from nacelle.nace.calibrate import mix
from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import FASTTEXT, MODEL, NETWORK, read_network, write_network
from nacelle.nace.network import Network
from nacelle.nace.vocabulary import Vocabulary, VocabularySettings


class Views:
    """Both views over the same classes, and the weight of each in the answer."""

    def __init__(
        self,
        classes: Sequence[str],
        model: Any,
        vocabulary: Vocabulary,
        network: Network,
        weights: Sequence[float],
    ) -> None:
        self.weights = tuple(weights)
        self.vocabulary = vocabulary
        self._model = model
        self._network = network
        self._fasttext = fasttext_view.FastTextView(model, classes)

    def scores(self, cleaned: Sequence[str], stemmed: Sequence[str]) -> list[Floats]:
        """Scores (n, C) by the network and by fastText, before they are weighted."""
        rows = self.vocabulary.rows(cleaned, stemmed)
        return [self._network.of_rows(rows), self._fasttext.logits(stemmed)]

    def probabilities(self, cleaned: Sequence[str], stemmed: Sequence[str]) -> Floats:
        """Probabilities (n, C); a row adds up to 1."""
        return mix(self.scores(cleaned, stemmed), self.weights)

    def save(self, folder: Path) -> None:
        """Write both views' files."""
        self._model.save_model(str(folder / FASTTEXT))
        write_network(folder / NETWORK, self._network, self.vocabulary.names)

    @classmethod
    def load(
        cls,
        folder: Path,
        classes: Sequence[str],
        settings: VocabularySettings,
        weights: Sequence[float],
    ) -> Views:
        """Read what `save` wrote. Raises NaceError where it is damaged or of other classes."""
        network, names = read_network(folder / NETWORK, len(classes))
        model = fasttext_view.load(folder / FASTTEXT)
        if set(model.get_labels()) != {fasttext_view.label_of(code) for code in classes}:
            raise NaceError(
                f"{folder / FASTTEXT} does not know the same codes as {MODEL}. Copy the folder"
                " again."
            )
        return cls(classes, model, Vocabulary(settings, names), network, weights)
