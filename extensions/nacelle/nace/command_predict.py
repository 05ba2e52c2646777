"""`nacelle nace predict`: codes for texts."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nacelle.nace.command_base import (
    Progress,
    Share,
    aligned,
    as_json,
    for_people,
    print_json,
    progress,
    say,
)
from nacelle.nace.command_texts import readable_texts, renamed, tell_unreadable, words_of
from nacelle.nace.errors import NaceError

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.command_coded import Coded, Coder, Write
    from nacelle.nace.command_rows import Columns, Rows

_LONGEST_TITLE = 100
_SHARE = len("100.0 %")
# Shown as 0.0 %, a candidate says nothing.
_NOTHING = 0.0005


@dataclass
class _Counts:
    """What was coded, for the summary."""

    rows: int = 0
    automatic: int = 0
    unreadable: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    start: float = field(default_factory=time.monotonic)

    def add(self, coded: Coded, unreadable: int) -> None:
        self.rows += len(coded.about["stage"])
        self.automatic += sum(map(bool, coded.about["automatic"]))
        self.unreadable += unreadable
        self.stages.update(coded.about["stage"])

    @property
    def speed(self) -> str:
        seconds = time.monotonic() - self.start
        return f"{self.rows / max(seconds, 1e-3):,.0f} rows/s"


@click.command()
@click.argument("model")
@click.argument("file", required=False)
@click.option("--text", "texts", multiple=True, help="A text to code (repeat for more).")
@click.option("--k", type=click.IntRange(1), default=5, show_default=True, help="Codes a text.")
@click.option("--threshold", type=Share(), help="Automatic from this index on.")
@click.option(
    "--threshold-file", type=click.Path(path_type=Path), help="What `threshold` has proved."
)
@click.option("--output", type=click.Path(path_type=Path), help="A .parquet, .csv or .jsonl file.")
@click.option("--titles", metavar="LANGUAGE", help="Language of titles, such as fr.")
@click.option(
    "--text-column", default="text", show_default=True, help="Column of the descriptions."
)
@as_json
@for_people("Nothing was written to the output file.")
def predict(
    model: str,
    file: str | None,
    texts: tuple[str, ...],
    k: int,
    threshold: float | None,
    threshold_file: Path | None,
    output: Path | None,
    titles: str | None,
    text_column: str,
    as_json: bool,
) -> None:
    """Code the texts of FILE, or those of --text, with MODEL, a folder or an address of MLflow.

    FILE is Parquet, CSV, .txt (a text a line) or - (standard input: a CSV whose first line names
    the text column, else a text a line). All its columns and the order of its rows are kept.
    Without --output the rows go to standard output: as CSV, or with --json one object a line.
    """
    if (file is None) == (not texts):
        raise click.UsageError("Give a FILE (- for standard input), or --text, one of both.")
    if threshold is not None and threshold_file:
        raise click.UsageError("Give --threshold or --threshold-file, not both.")
    # What the terminal sent in another encoding.
    texts = tuple(
        one.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for one in texts
    )
    from nacelle.nace.command_coded import Coder, check_output
    from nacelle.nace.load_model import load_classifier

    if output:
        check_output(output)
    classifier = load_classifier(model)
    if threshold_file:
        threshold = _proved(threshold_file, classifier)
    language = _language(titles, classifier)
    coder = Coder(classifier, min(k, len(classifier.classes)), threshold, language)
    if file is None and not output and not as_json:
        _show(classifier, coder, texts)
        return
    rows = _rows_of(file, texts, text_column, classifier)
    counts = _code(classifier, coder, rows, text_column, output, as_json)
    if output and as_json:
        print_json({"output": str(output), **_content(counts, threshold)})
    elif file is not None:
        say(_words(counts, threshold, output))


def _proved(path: Path, classifier: Classifier) -> float:
    from nacelle.nace.threshold_file import load_threshold

    return load_threshold(path, model=classifier.version).threshold


def _language(asked: str | None, classifier: Classifier) -> str:
    nomenclature = classifier.nomenclature
    if asked is None or asked in nomenclature.languages:
        return asked or "en"
    raise NaceError(
        f"--titles {asked}: {nomenclature.label} has titles in {', '.join(nomenclature.languages)}."
    )


def _show(classifier: Classifier, coder: Coder, texts: Sequence[str]) -> None:
    """The answers to a few texts for a person."""
    from nacelle.nace.words import share

    readable, problems = readable_texts(list(texts))
    coded = coder.code(classifier.answer(readable))
    tell_unreadable(coded, problems)
    about = coded.about
    for row, (text, top) in enumerate(zip(texts, coded.tops(), strict=True)):
        click.echo(("\n" if row else "") + click.style(_cut(text), bold=True))
        lines = [
            (one["code"], _cut(one["title"]), share(one["probability"]).rjust(_SHARE))
            for one in top
            if one["probability"] >= _NOTHING
        ]
        click.echo(aligned(lines) if lines else f"  not coded: {about['detail'][row]}")
        if lines:
            click.echo("  " + "; ".join(_remarks(about, row)))


def _remarks(about: Columns, row: int) -> Iterator[str]:
    yield f"confidence index {about['index'][row]:.2f}"
    yield ": ".join(filter(None, (f"stage {about['stage'][row]}", about["detail"][row])))
    if about["automatic"][row] is not None:
        word = "automatic" if about["automatic"][row] else "for a person"
        yield f"{word} (threshold {about['threshold'][row]:.2f})"


def _cut(text: str) -> str:
    room = min(max(shutil.get_terminal_size().columns - 24, 20), _LONGEST_TITLE)
    text = " ".join(text.split())
    return text if len(text) <= room else text[: room - 1] + "…"


def _rows_of(
    file: str | None, texts: tuple[str, ...], text_column: str, classifier: Classifier
) -> Rows:
    from nacelle.nace.command_rows import Rows, read_rows

    if file is not None:
        return read_rows(file, text_column, classifier.text.side)
    return Rows(len(texts), iter([{text_column: list(texts)}]))


def _code(
    classifier: Classifier,
    coder: Coder,
    rows: Rows,
    text_column: str,
    output: Path | None,
    as_json: bool,
) -> _Counts:
    """Code batch after batch, so that memory does not grow with the file."""
    from nacelle.nace.command_coded import write_csv, write_file, write_json_lines

    counts = _Counts()
    with ExitStack() as stack:
        tell = stack.enter_context(progress("predict"))
        if output:
            write = stack.enter_context(write_file(output))
        else:
            stream = sys.stdout.buffer
            write = stack.enter_context((write_json_lines if as_json else write_csv)(stream))
        for columns in rows.batches:
            _code_batch(classifier, coder, columns, text_column, write, counts)
            _tell(tell, counts, rows.total)
    return counts


def _tell(tell: Progress, counts: _Counts, total: int | None) -> None:
    share = counts.rows / total if total else 0.0
    tell(share, f"{counts.rows:,} rows, {counts.speed}")


def _code_batch(
    classifier: Classifier,
    coder: Coder,
    columns: Columns,
    text_column: str,
    write: Write,
    counts: _Counts,
) -> None:
    from nacelle.nace.command_rows import plain

    texts, problems = readable_texts(plain(columns[text_column]))
    languages = words_of(columns["language"]) if "language" in columns else None
    side = {name: words_of(columns[name]) for name in classifier.text.side if name in columns}
    coded = coder.code(classifier.answer(texts, languages=languages, side=side))
    tell_unreadable(coded, problems)
    write(renamed(columns, coded), coded)
    counts.add(coded, len(problems))


def _content(counts: _Counts, threshold: float | None) -> dict[str, Any]:
    return {
        "rows": counts.rows,
        "stages": dict(counts.stages),
        "unreadable": counts.unreadable,
        "threshold": threshold,
        "automatic": None if threshold is None else counts.automatic,
    }


def _words(counts: _Counts, threshold: float | None, output: Path | None) -> str:
    from nacelle.nace.words import share

    by_stage = ", ".join(f"{count:,} {stage}" for stage, count in counts.stages.most_common())
    parts = [f"{counts.rows:,} rows ({by_stage}), {counts.speed}."]
    if threshold is not None and counts.rows:
        parts.append(
            f"{counts.automatic:,} automatic ({share(counts.automatic / counts.rows)}) from a"
            f" confidence index of {threshold:.2f}."
        )
    if counts.unreadable:
        parts.append(
            f"{counts.unreadable:,} texts are not UTF-8 or have control characters, and were"
            " rejected; save the file as UTF-8."
        )
    if output:
        parts.append(f"Written to {output}.")
    return "\n".join(parts)
