"""Sentences about mistakes in nested models."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nacelle.problems import explain


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str = Field(default="", max_length=5)
    branch: int = 0


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")

    one: Leaf | None = None
    many: tuple[Leaf, ...] = ()
    # A key may have the name of a field.
    named: dict[Annotated[str, Field(max_length=6)], Leaf] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"on": {}}, "on is not a known name; did you mean 'one'?"),
        ({"zzz": {}}, "zzz is not a known name; known are many, named, one"),
        ({"one": {"color": ""}}, "one.color is not a known name; did you mean 'colour'?"),
        (
            {"many": [{}, {"color": ""}]},
            "many.1.color is not a known name; did you mean 'colour'?",
        ),
        (
            {"named": {"branch": {"color": ""}}},
            "named.branch.color is not a known name; did you mean 'colour'?",
        ),
        (
            {"named": {"toolong": {}}},
            "named.toolong: string should have at most 6 characters (found 'toolong')",
        ),
        (
            {"one": {"colour": "purple"}},
            "one.colour: string should have at most 5 characters (found 'purple')",
        ),
    ],
)
def test_a_mistake_is_one_sentence(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Tree.model_validate(raw)
    assert [explain(Tree, one) for one in caught.value.errors()] == [sentence]
