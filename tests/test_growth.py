"""Costs that grow with the history, which `make bench` counts with more expenses."""

import pytest

from benchmarks import original_design
from benchmarks.growth import Cost, measure

SMALL, LARGE = 120, 1_200


@pytest.fixture(scope="module")
def costs():
    return {size: measure(size) for size in (SMALL, LARGE)}


def test_a_page_of_the_list_costs_the_same_with_any_history(costs):
    page = Cost(requests=1, calls=2, read_units=2.5, items=27)

    assert {costs[size]["page of the list"] for size in costs} == {page}


def test_the_list_of_categories_makes_the_same_calls_with_any_history(costs):
    """Its units grow with the expenses of this month and the number of years."""
    lists = [costs[size]["list of categories"] for size in (SMALL, LARGE)]

    assert [cost.calls for cost in lists] == [4, 4]
    assert [cost.read_units for cost in lists] == [3.0, 7.0]


def test_a_search_reads_the_narrow_index_to_the_end_in_one_request(costs):
    search = costs[LARGE]["search to the end"]

    # Session, 500 texts, the others, and the expense that matches.
    assert search == Cost(requests=1, calls=4, read_units=28.0, items=LARGE + 2)


def test_an_export_reads_every_expense_once(costs):
    export = costs[LARGE]["export of expenses as CSV"]
    whole = costs[LARGE]["export as JSON"]

    assert export.items == LARGE + 3  # session, account, throttle
    assert export == Cost(
        requests=1, calls=6, read_units=56.0, write_units=1, items=LARGE + 3
    )
    # Also the budget, the imports and their rules, the notifications, the trash, the
    # reports and the last logins.
    assert (whole.calls, whole.read_units) == (6 + 7, 60.0)


def test_an_export_reads_the_histories_of_changed_expenses(costs):
    before, after = (
        costs[LARGE][name]
        for name in ("export as JSON", "export as JSON after the rename")
    )

    assert after.items - before.items == LARGE // 12
    assert after.read_units - before.read_units == LARGE // 12
    assert after.calls - before.calls == LARGE // 100


def test_a_rename_writes_six_units_for_each_expense(costs):
    """Two for the expense, two for its history, one in each of two indexes."""
    small, large = (costs[size]["rename a category"] for size in (SMALL, LARGE))

    assert (small.requests, small.write_units) == (1, SMALL // 12 * 6 + 30)
    # The stored totals of its months are removed, once in each transaction.
    assert (large.requests, large.write_units) == (1, LARGE // 12 * 6 + 150)


def test_the_original_design_reads_the_history_and_this_one_does_not():
    (small, _), (large, original) = map(original_design.measure, (SMALL, LARGE))

    for name in ("page of the list", "add an expense", "add one that alerts", "log in"):
        assert large[name] == small[name]
    for name in ("page of the list", "summary", "add an expense", "daily check"):
        assert original[name].read_units > 5 * large[name].read_units
