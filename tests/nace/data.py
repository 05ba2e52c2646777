"""The real nomenclatures that tests read, each loaded once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nacelle.nace.nomenclature import Nomenclature, load_nomenclature

DATA = Path(__file__).parents[2].parent / "shared" / "data"

ISCO = """\
code,parent,level,title_en
0,,1,Armed forces occupations
01,0,2,Commissioned armed forces officers
011,01,3,Commissioned armed forces officers
0110,011,4,Commissioned armed forces officers
2,,1,Professionals
25,2,2,Information and communications technology professionals
251,25,3,Software and applications developers and analysts
2511,251,4,Systems analysts
2512,251,4,Software developers
"""

# Ragged on purpose: 01.2 ends at level 2.
COICOP = """\
code;parent;level;title_en;title_fr
01;;1;Food and non-alcoholic beverages;Produits alimentaires et boissons non alcoolisées
01.1;01;2;Food;Produits alimentaires
01.1.1;01.1;3;Cereals and cereal products;Céréales
01.1.1.1;01.1.1;4;Cereals;Céréales en grains
01.1.1.4;01.1.1;4;Bread and bakery products;Pain et boulangerie
01.2;01;2;Non-alcoholic beverages;
"""


@cache
def nomenclature(name: str) -> Nomenclature:
    """One of the real nomenclatures, with its notes where they exist."""
    notes = DATA / f"{name}_notes.csv"
    return load_nomenclature(DATA / f"{name}.csv", notes=notes if notes.exists() else None)


def made(folder: Path, text: str, name: str = "isco_08.csv") -> Nomenclature:
    """A nomenclature from the text of a CSV file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_nomenclature(path)
