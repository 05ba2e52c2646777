"""The numbered cases of nacelle.cluster.quota."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nacelle.cluster.quota import (
    Shortage,
    explain_shortage,
    read_exceeded,
    read_quotas,
    shortages,
    tell_left,
)
from tests.cluster_words.objects import GB, demand, quota


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({}, True),
        ({"scopes": ["NotTerminating"]}, True),
        ({"scopes": ["NotBestEffort", "NotTerminating"]}, True),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["Terminating"]}, False),
        ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass"}]}}, False),
    ],
)
def test_case_1_scopes(spec: dict[str, Any], counts: bool) -> None:
    assert bool(read_quotas([quota({"pods": "1"}, **spec)])) is counts


@pytest.mark.parametrize("name", ["cpu", "requests.cpu"])
def test_case_2_requests_by_two_names(name: str) -> None:
    quotas = read_quotas([quota({name: "4"}, {name: "3600m"})])
    assert shortages(quotas, demand()) == (
        Shortage(name, Decimal("0.5"), Decimal("3.6"), Decimal(4)),
    )


def test_case_2_a_pod_counts_once_whatever_its_names() -> None:
    quotas = read_quotas(
        [quota({"pods": "2", "count/pods": "2"}, {"pods": "2", "count/pods": "2"})]
    )
    assert len(shortages(quotas, demand())) == 1


def test_case_3_each_quota_counts() -> None:
    wide = quota({"limits.memory": "100Gi"}, {"limits.memory": "0"})
    narrow = quota({"limits.memory": "5Gi", "limits.cpu": "1"}, {"limits.memory": "2Gi"})
    found = shortages(read_quotas([wide, narrow]), demand())
    assert [one.resource for one in found] == ["limits.memory", "limits.cpu"]
    reason = explain_shortage(found)
    assert reason.said.en == (
        "The quota of the sessions leaves too little (memory: 4 GB needed, 3 GB of 5 GB left;"
        " cores: 2 needed, the whole quota is 1). Choose a smaller size; an administrator can raise"
        " the quota."
    )
    assert (reason.code, reason.status) == ("quota", 429)


def test_case_4_the_shorter_of_requests_and_limits() -> None:
    hard = {"requests.memory": "4Gi", "limits.memory": "8Gi"}
    used = {"requests.memory": "4Gi", "limits.memory": "5Gi"}
    (found,) = shortages(read_quotas([quota(hard, used)]), demand())
    assert found.resource in ("requests.memory", "limits.memory")
    assert found.missing == GB


def test_case_5_what_never_fits() -> None:
    (found,) = shortages(read_quotas([quota({"limits.memory": "2Gi"})]), demand())
    assert found.never
    said = explain_shortage((found,)).said
    assert "the whole quota is 2 GB" in said.en
    assert "tout le quota est de 2 Go" in said.fr
    assert "another session" not in said.en


def test_case_5_what_may_fit_later() -> None:
    quotas = read_quotas([quota({"pods": "40"}, {"pods": "40"})])
    said = explain_shortage(shortages(quotas, demand())).said
    assert "all 40 places are taken" in said.en
    assert "Try again when another session has ended" in said.en
    assert "smaller" not in said.en
    assert explain_shortage(shortages(quotas, demand())).brief == (
        "Not now: all 40 places are taken."
    )


def test_case_5_gpus() -> None:
    hard = {"requests.nvidia.com/gpu": "2"}
    quotas = read_quotas([quota(hard, {"requests.nvidia.com/gpu": "2"})])
    assert shortages(quotas, demand()) == ()
    said = explain_shortage(shortages(quotas, demand(gpus=1))).said
    assert "GPU: 1 needed, 0 of 2 left" in said.en
    assert "GPU : il faut 1, il reste 0 sur 2" in said.fr


def test_case_6_what_no_quota_names() -> None:
    assert shortages((), demand()) == ()
    assert shortages(read_quotas([quota({"configmaps": "0", "limits.cpu": "2"})]), demand()) == ()


def test_case_7_what_is_left() -> None:
    hard = {
        "pods": "40",
        "limits.cpu": "100",
        "requests.cpu": "20",
        "limits.memory": "200Gi",
        "requests.nvidia.com/gpu": "3",
        "configmaps": "5",
    }
    used = {
        "pods": "39",
        "limits.cpu": "97500m",
        "requests.cpu": "1",
        "limits.memory": "160Gi",
        "requests.nvidia.com/gpu": "2",
    }
    said = tell_left(read_quotas([quota(hard, used), quota({"limits.cpu": "2"}, {})]))
    assert said is not None
    assert said.en == "Left for new sessions: 1 place, 2 cores, 40 GB of memory, 1 GPU."
    assert said.fr == (
        "Reste pour de nouvelles sessions : 1 place, 2 cœurs, 40 Go de mémoire, 1 GPU."
    )


def test_case_7_an_overdrawn_quota_leaves_nothing() -> None:
    said = tell_left(read_quotas([quota({"cpu": "2"}, {"cpu": "3"})]))
    assert said is not None
    assert said.en == "Left for new sessions: 0 cores."
    assert tell_left(()) is None
    assert tell_left(read_quotas([quota({"configmaps": "5"})])) is None


# As the API server's resource quota plugin writes it (prettyPrint sorts the names).
EXCEEDED = (
    'pods "session-ada" is forbidden: exceeded quota: sessions, requested:'
    " limits.memory=4294967296,requests.nvidia.com/gpu=1, used:"
    " limits.memory=62Gi,requests.nvidia.com/gpu=2, limited:"
    " limits.memory=64Gi,requests.nvidia.com/gpu=2"
)


def test_case_8_the_api_s_own_sentence() -> None:
    found = read_exceeded(EXCEEDED)
    assert found is not None
    assert [one.resource for one in found] == ["requests.nvidia.com/gpu", "limits.memory"]
    assert explain_shortage(found).said.en == (
        "The quota of the sessions leaves too little (GPU: 1 needed, 0 of 2 left; memory: 4 GB"
        " needed, 2 GB of 64 GB left). Choose a smaller size, or try again when another session has"
        " ended."
    )
    assert read_exceeded('pods "x" is forbidden: no') is None


def test_case_8_homes() -> None:
    found = read_exceeded(
        'persistentvolumeclaims "home-ada" is forbidden: exceeded quota: homes, requested:'
        " persistentvolumeclaims=1,requests.storage=10Gi, used:"
        " persistentvolumeclaims=50,requests.storage=500Gi, limited:"
        " persistentvolumeclaims=50,requests.storage=500Gi"
    )
    assert found is not None
    said = explain_shortage(found).said
    assert "disk for homes: 10 GB needed, 0 GB of 500 GB left" in said.en
    assert "Ask an administrator" in said.en
