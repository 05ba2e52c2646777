"""What the notes say belongs to a code, and what belongs elsewhere."""

from __future__ import annotations

from collections import Counter

from nacelle.nace.labelled import plain_text, read_labelled
from nacelle.nace.notes import Notes
from nacelle.nace.official import official_rows
from tests.nace.data import DATA, nomenclature

REV2 = "nace_rev2"


def included(note: str) -> list[str]:
    return [one.text for one in Notes(includes=note).included()]


def excluded(note: str) -> list[tuple[str, tuple[str, ...]]]:
    found = Notes(excludes=note).excluded(nomenclature(REV2).find)
    return [(one.text, one.codes) for one in found]


def test_headings_go_and_bullets_below_a_bullet_know_it() -> None:
    found = nomenclature(REV2).included("0111")
    texts = [one.text for one in found]
    assert texts[:4] == [
        "all forms of growing of cereals, leguminous crops and oil seeds in open fields",
        "growing of cereals",
        "wheat",
        "grain maize",
    ]
    assert found[0].prose and not found[1].prose
    assert found[2].whole == "growing of cereals: wheat"
    assert not [one for one in texts if one.lower().startswith("this class")]


def test_a_bullet_that_is_no_sentence_alone_begins_those_below() -> None:
    assert included("This class includes:\n- activities of:\n• convalescent homes\n• asylums") == [
        "activities of convalescent homes",
        "activities of asylums",
    ]
    assert included("This class includes accommodation provided by:\n- visitor flats") == [
        "accommodation provided by visitor flats"
    ]


def test_what_a_note_includes_in_other_languages() -> None:
    assert included("Cette classe comprend :\n- la culture du riz\n- la culture du blé") == [
        "la culture du riz",
        "la culture du blé",
    ]
    assert included("Diese Klasse umfasst:\n- Anbau von Reis") == ["Anbau von Reis"]


def test_references_among_what_is_included() -> None:
    assert included("- wood preserving (see 16.10)\n- sawing (see also remark) of wood") == [
        "sawing of wood"
    ]
    section = nomenclature(REV2).excluded("C")
    assert ("milk pasteurising and bottling", ("1051",)) in [(one[0], one[2]) for one in section]


def test_an_exclusion_names_its_code() -> None:
    assert excluded(
        "This class excludes:\n"
        "- growing of maize for fodder, see 01.19\n"
        "- manufacture of distilled water, 20.13\n"
        "- mixed animal farming, see group 01.4\n"
        "- processing of the materials, see section C (Manufacturing)\n"
        "- Anbau von Reis (s. 01.12)\n"
    ) == [
        ("growing of maize for fodder", ("0119",)),
        ("manufacture of distilled water", ("2013",)),
        ("mixed animal farming", ("014",)),
        ("processing of the materials", ("C",)),
        ("Anbau von Reis", ("0112",)),
    ]


def test_several_references_are_several_codes() -> None:
    assert [
        codes
        for _, codes in excluded(
            "- operation of fish farms, see 03.21, 03.22\n"
            "- growing of seeds, see groups 01.1 and 01.2\n"
            "- water and sewerage, see 36, 37\n"
            "- beverages, see 11.02-11.06\n"
        )
    ] == [("0321", "0322"), ("011", "012"), ("36", "37"), ("1102", "1106")]


def test_what_cannot_be_read_for_sure_names_no_code() -> None:
    for line in (
        "- bottling, see 46.34 (if wholesale) and 82.92 (if on a fee basis)",
        "- residues, e.g. oilseeds (see 10.41), grain milling residues (see 10.61) etc.",
        "- oilseeds (see 10.41), grain milling residues, see 10.61",
        "- rebuilding of machinery (e.g. automobile engines, see 29.10)",
        "- cables, see depending on application, e.g. 26.11",
        "- activities similar to those of this class, see 87.30",
        "- rebuilding, see corresponding class in divisions 25-30",
        "- something, see 99.98",
        "- something of Rev. 2.1, see 01.11Y",
        "- something, see remark 2",
    ):
        (found,) = excluded(line)
        assert found[1] == (), line
        assert line[2:20] in found[0]


def test_how_many_exclusions_of_the_real_notes_lead_to_one_class() -> None:
    for name, all_, one_class in ((REV2, 1450, 1170), ("nace_rev21", 2590, 2130)):
        known = nomenclature(name)
        found = [one for code in known for one in known.excluded(code)]
        leaves = [
            one for one in found if len(one.codes) == 1 and len(known.leaves_below(*one.codes)) == 1
        ]
        assert len(found) >= all_
        assert len(leaves) >= one_class
        assert not [one.text for one in leaves if " see " in one.text or one.text.endswith(",")]


def test_exclusions_agree_with_what_people_labelled() -> None:
    """Texts that an office also labelled by hand: the reference gives the same class."""
    known = nomenclature(REV2)
    labelled = read_labelled(DATA / "activities_train.parquet", known)
    codes: dict[str, set[str]] = {}
    for text, code in zip(labelled.texts, labelled.codes, strict=True):
        codes.setdefault(plain_text(text), set()).add(code)
    both = [
        (one.code in codes[plain_text(one.text)])
        for one in official_rows(known)
        if one.kind == "excluded" and plain_text(one.text) in codes
    ]
    assert len(both) > 150
    assert sum(both) / len(both) > 0.98


def test_official_rows_stand_for_one_leaf_each() -> None:
    known = nomenclature(REV2)
    rows = official_rows(known)
    kinds = Counter(row.kind for row in rows)
    assert {row.code for row in rows} == set(known.leaves())
    assert kinds["title"] > 2_400 and kinds["included"] > 2_900 and kinds["excluded"] > 950
    assert {row.language for row in rows if row.kind == "title"} == {"en", "fr", "de", "it"}
    assert len({row[:3] for row in rows}) == len(rows)
    assert not [row for row in rows if row.text == known.title("A")]


def test_official_rows_of_a_higher_level() -> None:
    rows = official_rows(nomenclature("naf_rev2"), level=4)
    assert {row.code for row in rows} == set(nomenclature("naf_rev2").codes(4))


def test_a_class_with_one_subclass_gives_it_its_notes() -> None:
    from nacelle.nace.nomenclature import load_nomenclature

    naf = load_nomenclature(DATA / "naf_2025.csv", notes=DATA / "nace_rev21_notes.csv")
    rows = {(row.text, row.code) for row in official_rows(naf)}
    assert ("growing of cereals: wheat", "0111Y") in rows
    assert {code for _, code in rows} <= set(naf.leaves())


def test_the_rule_of_a_code_is_kept() -> None:
    assert nomenclature("nace_rev21").notes("01").rule.startswith("IMPLEMENTATION RULE")
    assert nomenclature("nace_rev21").notes("01", "fr") == Notes()
