"""How a pipeline's run ended, by how its steps did: pure."""

from __future__ import annotations

from collections.abc import Sequence

from nacelle.jobs.parts import Exit, Sentence
from nacelle.jobs.pipelines.records import ItemRecord


def exit_of(items: Sequence[ItemRecord]) -> Exit | None:
    """The first failure, in the order of the file, and how many more; None when there is none.

    The cell is not told: it is one of the step's notebook, not of the run's.
    """
    for item in items:
        if item.state == "failed" and item.exit:
            of_step = [one for one in items if one.step == item.step]
            failed = sum(one.state == "failed" for one in of_step)
            return _of_step(item, item.exit, failed, len(of_step))
    return None


def _of_step(item: ItemRecord, exit: Exit, failed: int, of: int) -> Exit:
    en, fr = f"Step {item.shown}", f"Étape {item.shown}"
    if failed > 1:
        en = f"{failed} of the {of} combinations of {item.step} failed; the first, {item.shown}"
        fr = f"{failed} des {of} combinaisons de {item.step} ont échoué ; la première, {item.shown}"
    said = Sentence(en=f"{en}: {exit.said.en}", fr=f"{fr} : {exit.said.fr}")
    return Exit(code=exit.code, said=said)
