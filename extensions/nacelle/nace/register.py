"""A classifier in MLflow: the model with all it needs to answer, its card, and its version."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nacelle.nace.card import card_text
from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import CARD
from nacelle.nace.report import log_to_mlflow
from nacelle.nace.shipped import requirements, ship
from nacelle.nace.tracking import open_run, tracking

if TYPE_CHECKING:
    import pandas as pd

    from nacelle.nace.classifier import Classifier
    from nacelle.nace.evaluation import Evaluation

_MODEL = "model"
# What the columns of MLflow's database hold.
_LONGEST_DESCRIPTION = 5000
_LONGEST_DIGEST = 36
_EXAMPLES = 3
# MLflow looks at these only once the model is there.
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


class Logged(msgspec.Struct, frozen=True):
    """Where a classifier is in MLflow.

    `uri` is what `load_classifier` takes: `models:/<name>/<version>` where it was registered, else
    `models:/<id>`. `name` and `alias` are '' and `version` is None where they were not asked for.
    """

    uri: str
    name: str
    version: int | None
    alias: str
    run_id: str
    tracking_uri: str


def log_classifier(
    classifier: Classifier,
    *,
    name: str | None = None,
    alias: str | None = None,
    evaluation: Evaluation | None = None,
    report: Path | None = None,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Logged:
    """Log a classifier to the active run, or to a new one (in `experiment`), and register it.

    With a `name` it becomes the next version of that registered model, and `alias` (such as
    `champion`) points to it afterwards. `evaluation` and its `report` are logged beside it. Raises
    NaceError where MLflow does not answer, or refuses a name.
    """
    if alias and not name:
        raise NaceError(f"The alias {alias!r} needs the name of a registered model; give one.")
    with tracking("log the classifier") as mlflow, tempfile.TemporaryDirectory() as folder:
        _make_name(mlflow, classifier, name, alias)
        with open_run(mlflow, experiment) as run_id:
            model = Path(folder) / _MODEL
            classifier.save(model)
            mlflow.set_tags({**_facts(classifier), **(tags or {})})
            _log_dataset(mlflow, classifier)
            mlflow.log_artifact(str(model / CARD))
            info = _log_model(mlflow, classifier, model, Path(folder))
            if evaluation:
                log_to_mlflow(evaluation, report)
            version = _register(mlflow, classifier, info.model_uri, name, tags) if name else None
            if name and version and alias:
                _point(mlflow, name, alias, version)
        return Logged(
            uri=f"models:/{name}/{version}" if name else str(info.model_uri),
            name=name or "",
            version=version,
            alias=alias or "",
            run_id=run_id,
            tracking_uri=str(mlflow.get_tracking_uri()),
        )


def _log_model(mlflow: Any, classifier: Classifier, model: Path, folder: Path) -> Any:
    # Late: it is made to be run by MLflow, which it imports.
    from nacelle.nace import pyfunc

    return mlflow.pyfunc.log_model(
        name=_MODEL,
        python_model=pyfunc.__file__,
        artifacts={pyfunc.CLASSIFIER: str(model)},
        code_paths=[str(ship(folder / pyfunc.SHIPPED))],
        pip_requirements=requirements(),
        signature=signature(classifier),
        input_example=example(classifier),
        metadata=_facts(classifier),
    )


def signature(classifier: Classifier) -> Any:
    """What the logged model takes and gives, as an MLflow signature."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    text, number, flag = DataType.string, DataType.double, DataType.boolean
    beside = ("language", *classifier.text.side)
    answers = {
        "code": text, "title": text, "probability": number, "index": number, "automatic": flag,
        "stage": text, "detail": text, "codes": Array(text), "titles": Array(text),
        "probabilities": Array(number),
    }  # fmt: skip
    return ModelSignature(
        inputs=Schema(
            [ColSpec(text, "text"), *(ColSpec(text, one, required=False) for one in beside)]
        ),
        outputs=Schema([ColSpec(kind, one) for one, kind in answers.items()]),
        params=ParamSchema(
            [
                ParamSpec("k", DataType.long, 5),
                ParamSpec("threshold", DataType.double, None),
                ParamSpec("title_language", DataType.string, "en"),
            ]
        ),
    )


def example(classifier: Classifier) -> pd.DataFrame:
    """A few rows that the model takes: official titles, so that no row of a register leaks."""
    import pandas as pd

    nomenclature = classifier.nomenclature
    language = nomenclature.languages[0]
    codes = classifier.classes[:: max(1, len(classifier.classes) // _EXAMPLES)][:_EXAMPLES]
    columns = {
        "text": [nomenclature.title(code, language) for code in codes],
        "language": [language] * len(codes),
        **{name: [""] * len(codes) for name in classifier.text.side},
    }
    return pd.DataFrame(columns)


def _facts(classifier: Classifier) -> dict[str, str]:
    """What tells this model from others, as texts: metadata of the model, tags of run and version.

    `model_version` is the content's own version, not the number that the registry counts.
    """
    card = classifier.card
    return {
        "nomenclature": classifier.nomenclature.identity,
        "classes": str(len(classifier.classes)),
        "model_name": classifier.name,
        "model_version": classifier.version,
        "data_digest": str(card.get("data", "")),
        "code_version": str(card.get("code", "")),
    }


def _log_dataset(mlflow: Any, classifier: Classifier) -> None:
    """Tell MLflow which rows it learnt from: their digest, never the rows."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    digest = str(classifier.card.get("data", ""))
    if digest:
        rows = MetaDataset(
            CodeDatasetSource({}), name="labelled rows", digest=digest[:_LONGEST_DIGEST]
        )
        mlflow.log_input(rows, context="training")


def _make_name(mlflow: Any, classifier: Classifier, name: str | None, alias: str | None) -> None:
    """Make the registered model where there is none: a refusal comes before the upload."""
    if not name:
        return
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    label = classifier.nomenclature.label
    try:
        try:
            client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            client.create_registered_model(name, description=f"Short texts to codes of {label}.")
    except MlflowException as error:
        raise NaceError(f"MLflow refuses the model name {name!r}: {error}") from None
    if alias:
        _check_alias(client, name, alias)


def _check_alias(client: Any, name: str, alias: str) -> None:
    from mlflow.exceptions import MlflowException

    if _RESERVED.fullmatch(alias):
        raise NaceError(f"MLflow keeps the alias {alias!r} for itself; choose another.")
    try:
        client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        # An alias that is yet to be given is not found, one that cannot be is refused.
        if "not found" not in str(error):
            raise NaceError(f"MLflow refuses the alias {alias!r}: {error}") from None


def _register(
    mlflow: Any,
    classifier: Classifier,
    uri: str,
    name: str,
    tags: Mapping[str, str] | None,
) -> int:
    made = mlflow.register_model(uri, name, tags={**_facts(classifier), **(tags or {})})
    card = card_text(classifier)[:_LONGEST_DESCRIPTION]
    mlflow.MlflowClient().update_model_version(name, made.version, description=card)
    return int(made.version)


def _point(mlflow: Any, name: str, alias: str, version: int) -> None:
    from mlflow.exceptions import MlflowException

    try:
        mlflow.MlflowClient().set_registered_model_alias(name, alias, version)
    except MlflowException as error:
        raise NaceError(
            f"The classifier is registered as {name}, version {version}, but MLflow did not point"
            f" the alias {alias!r} to it: {error}"
        ) from None
