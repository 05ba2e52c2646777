"""The classifier as an MLflow model: MLflow stores this file with the model and runs it.

It loads where Nacelle is not installed: the code that answers travels with the model.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.models
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nacelle.nace.prediction import Prediction

# The folder of shipped code and the artifact, as `register` names them too.
SHIPPED = "nacelle_inference"
CLASSIFIER = "classifier"


class ClassifierModel(PythonModel):  # type: ignore[misc]
    """Codes the texts of a column `text`; `language` and the model's side columns beside it."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the folder that was logged as the artifact `classifier`."""
        _find_nacelle()
        from nacelle.nace.classifier import Classifier

        self._classifier = Classifier.load(Path(context.artifacts[CLASSIFIER]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """A row a text, under the index of the input.

        `code` (text, '' where rejected), `title`, `probability`, `index` (p1 - p2), `automatic`
        (index reaches the parameter `threshold`; empty without one), `stage`, `detail`, and the
        `k` best as the lists `codes`, `titles` and `probabilities`, best first.
        """
        from nacelle.nace.text import cell_text

        given = params or {}
        k = 5 if given.get("k") is None else int(given["k"])
        if k < 1:
            raise MlflowException.invalid_parameter_value(f"k is {k}: ask for at least one code")
        columns = {name: [*map(cell_text, column)] for name, column in model_input.items()}
        found = self._classifier.predict(
            columns["text"],
            k=k,
            threshold=given.get("threshold"),
            title_language=given.get("title_language") or "en",
            languages=columns.get("language"),
            side={name: columns[name] for name in self._classifier.text.side if name in columns},
        )
        return _table(found, model_input.index)


def _table(found: Sequence[Prediction], index: pd.Index[Any]) -> pd.DataFrame:
    firsts = [one.top[0] if one.top else None for one in found]
    return pd.DataFrame(
        {
            "code": [first.code if first else "" for first in firsts],
            "title": [first.title if first else "" for first in firsts],
            "probability": [first.probability if first else 0.0 for first in firsts],
            "index": [one.index for one in found],
            "automatic": pd.array([one.automatic for one in found], dtype="boolean"),
            "stage": [one.stage for one in found],
            "detail": [one.detail for one in found],
            "codes": [[each.code for each in one.top] for one in found],
            "titles": [[each.title for each in one.top] for one in found],
            "probabilities": [[each.probability for each in one.top] for one in found],
        },
        index=index,
    )


def _find_nacelle() -> None:
    """Put the code that travels with the model on the path where Nacelle is not installed.

    An installed Nacelle goes first: two halves of different versions must not mix in one process.
    """
    if find_spec("nacelle") is None:
        # MLflow has put the model's folder of code on the path.
        shipped = importlib.import_module(SHIPPED)
        sys.path.append(next(iter(shipped.__path__)))


mlflow.models.set_model(ClassifierModel())
