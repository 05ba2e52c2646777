"""The group of commands `nacelle nace`."""

from __future__ import annotations

import click

from nacelle.nace.command_classify import classify
from nacelle.nace.command_compact import compact
from nacelle.nace.command_evaluate import evaluate
from nacelle.nace.command_predict import predict
from nacelle.nace.command_threshold import threshold
from nacelle.nace.command_train import train


@click.group()
def nace() -> None:
    """Exit codes: 0 done, 1 not done (no threshold can be proved, the store is away), 2 bad input,
    130 or 143 interrupted."""


for command in (train, evaluate, predict, threshold, classify, compact):
    nace.add_command(command)
