"""A fastText classifier as an MLflow model: MLflow stores this file with the model and runs it.

It imports nothing of Nacelle, so that the model loads wherever MLflow and fastText are.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import mlflow.models
import pandas as pd
from mlflow.pyfunc import PythonModel

if TYPE_CHECKING:
    from mlflow.pyfunc import PythonModelContext

LABEL = "__label__"
_NOT_LETTERS = re.compile(r"[^a-z]+")


def clean(text: str) -> str:
    """Lower case, no accents, no digits, single blanks: the form in which texts are compared."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return _NOT_LETTERS.sub(" ", plain).strip()


class FastTextModel(PythonModel):  # type: ignore[misc]
    """Predicts the most likely code of each text in the column `text`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the fastText binary that was logged as the artifact `model`."""
        import fasttext

        self._model: Any = fasttext.load_model(context.artifacts["model"])

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """A row a text: `code` (text, '' where nothing can be read) and `probability` in [0, 1]."""
        texts = [clean(str(text)) for text in model_input["text"]]
        labels, probabilities = self._model.predict(texts, k=1)
        rows = [
            (label[0].removeprefix(LABEL), min(float(probability[0]), 1.0))
            if text and len(label)
            else ("", 0.0)
            for text, label, probability in zip(texts, labels, probabilities, strict=True)
        ]
        return pd.DataFrame(rows, columns=["code", "probability"], index=model_input.index)


mlflow.models.set_model(FastTextModel())
