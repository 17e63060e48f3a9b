"""Samples of pairs contain every value; SOAK contains every pair."""

import pytest

from tests import sampling


@pytest.mark.parametrize(("first", "second"), [("ab", "xyz"), ("abc", "x"), ("a", "x")])
def test_each_value_is_in_the_sample(monkeypatch, first, second):
    monkeypatch.setattr(sampling, "SOAK", False)

    sample = sampling.pairs(first, second)

    assert len(sample) == max(len(first), len(second))
    assert [{*values} for values in zip(*sample, strict=True)] == [{*first}, {*second}]


def test_soak_has_every_pair(monkeypatch):
    monkeypatch.setattr(sampling, "SOAK", True)

    assert sampling.pairs("ab", "xy") == [
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
        ("b", "y"),
    ]
