"""`nacelle nace train`: from labelled rows to a model folder."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nacelle.nace.command_base import (
    Share,
    aligned,
    as_json,
    code_column,
    for_people,
    print_json,
    progress,
    say,
    text_column,
)
from nacelle.nace.errors import NaceError

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.command_output import OutputFolder
    from nacelle.nace.fits import TrainSettings
    from nacelle.nace.labelled import Labelled
    from nacelle.nace.nomenclature import Nomenclature
    from nacelle.nace.register import Logged
    from nacelle.nace.rulefile import RuleFile

_MEGABYTE = 1e6


@dataclass(frozen=True)
class _Given:
    """The options that say what to learn from and where to write."""

    data: tuple[str, ...]
    nomenclature: str
    notes: str | None
    output: Path
    name: str
    rules: str | None
    side: tuple[str, ...]
    text_column: str
    code_column: str
    level: int | None
    other_version: tuple[str, ...]
    seed: int
    workers: int | None
    misspelt: float | None
    changed: tuple[str, ...]
    grid: Path | None
    folds: int
    register: str | None
    alias: str | None
    as_json: bool


@dataclass(frozen=True)
class _Material:
    """What the files hold."""

    rows: Labelled
    nomenclature: Nomenclature
    rule_file: RuleFile | None
    settings: TrainSettings
    grid: dict[str, Any] | None


@click.command()
@click.option("--data", multiple=True, required=True, help="Labelled rows (repeat for more).")
@click.option("--nomenclature", required=True, help="CSV with code, parent, level, title_*.")
@click.option("--notes", help="CSV with the nomenclature's explanatory notes.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Model folder.")
@click.option("--name", default="nace", show_default=True, help="Name of the model.")
@click.option("--rules", help="CSV of rules that answer before the model.")
@click.option("--side", multiple=True, help="Column beside the text (repeat for more).")
@text_column
@code_column
@click.option("--level", type=click.IntRange(1), help="Level of the codes; deepest by default.")
@click.option("--other-version", multiple=True, help="CSV of a version that may be mixed in.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Another number, another model.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores by default.")
@click.option("--misspelt", type=Share(), help="Share of rows with a misspelt copy.")
@click.option("--set", "changed", multiple=True, metavar="SETTING=VALUE", help="As in --grid.")
@click.option("--grid", type=click.Path(path_type=Path), help="JSON: lists of values by setting.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="For --grid.")
@click.option("--register", help="Register the model in MLflow under this name.")
@click.option("--alias", help="Point this alias to it, such as champion.")
@as_json
@for_people("The same command goes on where it stopped.")
def train(**options: Any) -> None:
    """Train a classifier of labelled rows and write it to a folder.

    Rows are Parquet or CSV files, folders, patterns or s3:// addresses. What is finished is kept in
    the folder until the end, so that an interrupted training goes on.
    """
    from nacelle.nace.command_output import OutputFolder

    given = _Given(**options)
    if given.alias and not given.register:
        raise click.UsageError("--alias needs --register NAME.")
    start = time.monotonic()
    output = OutputFolder(given.output)
    output.check()
    material = _read(given)
    _show_report(given, material.rows)
    if given.register:
        _find_mlflow(given.register)
    with output.open() as work:
        material, tried = _searched(given, material, work)
        classifier = _trained(given, material, work)
        if tried:
            classifier.card["search"] = tried
        size = output.put(classifier)
        logged = _registered(given, classifier, output)
        output.clean()
    facts = _facts(given, classifier, size, time.monotonic() - start, logged)
    print_json(facts) if given.as_json else click.echo(_words(given, classifier, facts))


def _read(given: _Given) -> _Material:
    from nacelle.nace.fits import TrainSettings
    from nacelle.nace.labelled import read_labelled
    from nacelle.nace.nomenclature import load_nomenclature
    from nacelle.nace.prepare import RowSettings
    from nacelle.nace.rulefile import read_rule_file
    from nacelle.nace.text import Preprocessor, TextSettings

    text = TextSettings(side=given.side)
    misspelt = RowSettings().misspelt if given.misspelt is None else given.misspelt
    plain = TrainSettings(
        seed=given.seed, level=given.level, text=text, rows=RowSettings(misspelt=misspelt)
    )
    settings = _changed(plain, given.changed)
    grid = _grid(settings, given.grid)
    nomenclature = load_nomenclature(given.nomenclature, notes=given.notes)
    rules = given.rules and read_rule_file(given.rules, nomenclature, Preprocessor(text))
    rows = read_labelled(
        given.data,
        nomenclature,
        text=given.text_column,
        code=given.code_column,
        side=given.side,
        level=given.level,
        others=[load_nomenclature(path) for path in given.other_version],
    )
    return _Material(rows, nomenclature, rules or None, settings, grid)


def _changed(settings: TrainSettings, changes: tuple[str, ...]) -> TrainSettings:
    """The settings with some values changed, as the trials of a grid name them."""
    from nacelle.nace.grid import combinations

    grid: dict[str, list[Any]] = {}
    for change in changes:
        name, sign, value = change.partition("=")
        if not sign:
            raise NaceError(f"--set {change}: write SETTING=VALUE, such as network.epochs=20.")
        try:
            grid[name] = [json.loads(value)]
        except ValueError:
            grid[name] = [value]
    return combinations(settings, grid, "--set")[0][1]


def _grid(settings: TrainSettings, path: Path | None) -> dict[str, Any] | None:
    """What a grid file holds. Raises NaceError where it does not fit the settings."""
    if path is None:
        return None
    from nacelle.nace.command_grid import read_grid
    from nacelle.nace.grid import combinations

    grid = read_grid(path)
    combinations(settings, grid)
    return grid


def _show_report(given: _Given, rows: Labelled) -> None:
    click.echo(str(rows.report), err=given.as_json)


def _searched(given: _Given, material: _Material, work: Path) -> tuple[_Material, Any]:
    """The material with the best settings of the grid, and what was tried; without a grid as is."""
    grid = material.grid
    if grid is None:
        return material, None
    from nacelle.nace import command_grid

    found = command_grid.search_grid(
        material.rows,
        material.nomenclature,
        material.settings,
        grid,
        folder=work / "search",
        folds=given.folds,
        workers=given.workers,
        track=given.register is not None,
    )
    click.echo(command_grid.best_trials(found), err=given.as_json)
    return replace(material, settings=found.best), command_grid.about_search(
        found, grid, given.folds
    )


def _trained(given: _Given, material: _Material, work: Path) -> Classifier:
    from nacelle.nace.train import train as learn

    with progress("train") as tell:

        def told(share: float, what: str) -> None:
            tell(share, what if share < 1 else "calibrating and packing")

        return learn(
            material.rows,
            material.nomenclature,
            material.settings,
            name=given.name,
            rule_file=material.rule_file,
            work=work,
            workers=given.workers,
            progress=told,
        )


def _find_mlflow(name: str) -> None:
    """Raise NaceError now, and not after minutes of training, where MLflow does not answer."""
    from nacelle.nace.tracking import tracking

    with tracking(f"register {name}"):
        pass


def _registered(given: _Given, classifier: Classifier, output: OutputFolder) -> Logged | None:
    if not given.register:
        return None
    from nacelle.nace.register import log_classifier

    say(f"Registering {given.register} ...")
    try:
        return log_classifier(classifier, name=given.register, alias=given.alias)
    except NaceError as problem:
        raise NaceError(
            f"{problem} The model is in {output.folder}; the same command tries to register it"
            " again without training again."
        ) from None


def _facts(
    given: _Given, classifier: Classifier, size: int, seconds: float, logged: Logged | None
) -> dict[str, Any]:
    import msgspec

    card = classifier.card
    return {
        "model": str(given.output.expanduser()),
        "name": classifier.name,
        "version": classifier.version,
        "nomenclature": classifier.nomenclature.identity,
        "classes": len(classifier.classes),
        "bytes": size,
        "seconds": round(seconds, 1),
        "rows": card["rows"],
        "dropped": card["dropped"],
        "figures": card["figures"],
        "search": card.get("search"),
        "registered": msgspec.to_builtins(logged) if logged else None,
    }


def _words(given: _Given, classifier: Classifier, facts: dict[str, Any]) -> str:
    rows, registered = facts["rows"], facts["registered"]
    minutes, seconds = divmod(round(facts["seconds"]), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    wordless = rows["without a word left out"]
    parts = [
        f"{given.output}: {classifier.name} {classifier.version}, {facts['classes']:,} codes of"
        f" {classifier.nomenclature.label}, {facts['bytes'] / _MEGABYTE:.1f} MB, in {took}.",
        f"It learnt from {rows['labelled used']:,} labelled rows and {rows['official used']:,}"
        " titles and notes."
        + (f" {wordless:,} texts without a word were left out." if wordless else ""),
        _figures(facts["figures"]),
    ]
    if registered:
        alias = f" ({registered['alias']})" if registered["alias"] else ""
        parts.append(f"Registered at {registered['tracking_uri']}: {registered['uri']}{alias}.")
    parts.append(f"Next: nacelle nace evaluate {given.output} FILE, with texts it has not seen.")
    return "\n".join(parts)


def _figures(figures: dict[str, Any] | None) -> str:
    from nacelle.nace.words import interval, share, whole

    if figures is None:
        return "Not measured or calibrated: there were too few rows to keep some apart."
    lines = [
        (f"right at level {level}", share(value), interval(figures["accuracy_interval"][level]))
        for level, value in figures["accuracy"].items()
    ]
    lines.append(("right code among the first five", share(figures["top5"]), ""))
    lines += [
        (f"coded automatically at {whole(float(target))} accuracy", share(value), "")
        for target, value in figures["auto_rate"].items()
    ]
    lines.append(("calibration error", share(figures["ece"]), ""))
    return f"On {figures['rows']:,} texts kept apart:\n{aligned(lines)}"
