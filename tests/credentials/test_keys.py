from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nacelle.credentials.keys import Keys, KeysUnavailable, RenewingKeys, half_life


def make_keys(age: float, life: float, name: str = "NCL1") -> Keys:
    issued = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=age)
    return Keys(name, "secret", "token", issued, issued + timedelta(seconds=life))


def test_wire_form_round_trips() -> None:
    keys = make_keys(0, 60)
    assert Keys.from_wire(keys.to_wire()) == keys


def test_wire_form_is_the_container_credentials_object() -> None:
    assert set(make_keys(0, 60).to_wire()) >= {
        "AccessKeyId",
        "SecretAccessKey",
        "Token",
        "Expiration",
    }


def test_secrets_do_not_show_in_a_repr() -> None:
    shown = repr(make_keys(0, 60))
    assert "NCL1" in shown
    assert "secret'" not in shown and "token'" not in shown


def test_half_life_is_the_middle() -> None:
    keys = make_keys(0, 60)
    assert half_life(keys) - keys.issued == timedelta(seconds=30)


def test_keys_are_kept_in_the_first_half_of_their_life() -> None:
    answers = iter([make_keys(10, 60, "first"), make_keys(0, 60, "second")])
    renewing = RenewingKeys(lambda: next(answers))
    assert [renewing.current().access_key for _ in range(3)] == ["first"] * 3


def test_keys_are_renewed_in_the_second_half() -> None:
    answers = iter([make_keys(31, 60, "first"), make_keys(0, 60, "second")])
    renewing = RenewingKeys(lambda: next(answers))
    assert renewing.current().access_key == "first"
    assert renewing.current().access_key == "second"


def failing_after(first: Keys) -> RenewingKeys:
    answers = iter([first])

    def fetch() -> Keys:
        for keys in answers:
            return keys
        raise KeysUnavailable("the hub does not answer")

    return RenewingKeys(fetch)


def test_good_keys_outlive_an_absent_broker() -> None:
    renewing = failing_after(make_keys(40, 60))
    assert renewing.current() == renewing.current()


def test_dying_keys_are_not_handed_out_when_the_broker_is_absent() -> None:
    renewing = failing_after(make_keys(58, 60))
    renewing.current()
    with pytest.raises(KeysUnavailable, match="hub does not answer"):
        renewing.current()
