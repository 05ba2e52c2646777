"""What the notebooks share: places, rows kept apart, files of rows, a quick model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nacelle.nace.errors import NaceError
from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.files import place
from nacelle.nace.fits import TrainSettings
from nacelle.nace.folds import make_folds, some_rows, word_keys
from nacelle.nace.labelled import Labelled
from nacelle.nace.network import NetworkSettings
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.official import official_rows
from nacelle.nace.text import TextSettings


def hold_out(
    rows: Labelled, nomenclature: Nomenclature, *, parts: int = 10, seed: int = 1
) -> tuple[Labelled, Labelled]:
    """Rows to learn from, and one part of `parts` kept apart to test by.

    Texts of the same words, in any order, stay on one side, and every code has its share in both
    as far as it can. A text that the nomenclature itself has is learnt from in any case, and so is
    never tested. The same for a seed. Raises NaceError where there are too few texts.
    """
    official = official_rows(nomenclature)
    known = word_keys([row.text for row in official], [row.language for row in official])
    keys = word_keys(rows.texts, rows.languages)
    folds = make_folds(keys, rows.codes, parts, seed=seed, known=set(known))
    return some_rows(rows, np.flatnonzero(folds != 0)), some_rows(rows, np.flatnonzero(folds == 0))


def write_labelled(location: str, rows: Labelled, nomenclature: Nomenclature) -> str:
    """Write rows as Parquet, on disk or at `s3://`, for `read_labelled`; returns the location.

    Columns `text`, `code`, `language`, `source` and the side variables; `nomenclature` and
    `version`, without which a code means nothing. Raises NaceError where it cannot be written.
    """
    # Late: predicting never needs them.
    import pandas as pd
    from botocore.exceptions import BotoCoreError

    location = place(location)
    table = pd.DataFrame(
        {
            "text": rows.texts,
            "code": rows.codes,
            "language": rows.languages,
            "source": rows.sources,
            **rows.side,
            "nomenclature": nomenclature.name,
            "version": nomenclature.version,
        }
    )
    try:
        if "://" not in location:
            Path(location).parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(location, index=False)
    except (OSError, BotoCoreError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NaceError(
            f"{location} cannot be written: {reason}. Give a folder or an address where you may"
            " write."
        ) from None
    return location


def quick_settings(text: TextSettings | None = None) -> TrainSettings:
    """A small model in a fraction of the time: to see how it is done, not to code with."""
    return TrainSettings(
        text=text or TextSettings(),
        fasttext=FastTextSettings(bucket=20_000, dsub=0),
        bag=NetworkSettings(dimension=24, epochs=6, rate=0.3, dropout=0.3),
        network=NetworkSettings(dimension=24, hidden=0, epochs=6, rate=0.2, dropout=0.3),
    )
