"""Searches find what a plain comparison finds, whatever release wrote the expenses."""

import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expenses import models, queries, search, services
from expenses.categories.services import rename_categories
from expenses.models import Expense
from expenses.parts import Part
from expenses.queries import get_expense, list_expenses
from smartbudget.core.text import casefold_key, search_key
from tests.calls import QUERY, READ, TRANSACTION, counted
from tests.money_builders import ALICE, BOB, TODAY, make_expense
from tests.notifications import faults
from tests.sampling import SOAK

pytestmark = pytest.mark.usefixtures("aws")

SLOWLY = [QUERY, QUERY, TRANSACTION]  # a text is outdated, and stored
FAST = [QUERY, READ]


def store_as_before(user=ALICE, category="Food", description="", **values) -> Expense:
    """Store an expense as version 0.1 did, which knew no texts."""
    expense = Expense(
        expense_id=uuid.uuid4().hex,
        user_id=user.user_id,
        category=category,
        category_key=casefold_key(category),
        description=description,
        description_key=casefold_key(description) or None,
        created_at="2026-03-18T00:00:00.000000+00:00",
        updated_at="2026-03-18T00:00:00.000000+00:00",
        **{"date": TODAY.isoformat(), "amount": Decimal(1), **values},
    )
    expense.save()
    return expense


def edit_as_before(expense: Expense, **values: str) -> None:
    """Edit an expense as version 0.1 did, which left its text unchanged."""
    keys = {f"{name}_key": casefold_key(value) for name, value in values.items()}
    changes = {**values, **keys, "updated_at": "2026-03-19T00:00:00.000000+00:00"}
    expense.update([getattr(Expense, name).set(v) for name, v in changes.items()])


def found(user=ALICE, **filters) -> set[str]:
    """Return the ids of a search, page by page."""
    ids: list[str] = []
    after = None
    while True:
        page = list_expenses(user, limit=3, after=after, **filters)
        ids += [expense.expense_id for expense in page.items]
        after = page.next
        if after is None:
            assert len(ids) == len({*ids})
            return {*ids}


def calls_of(**filters) -> list[str]:
    with counted() as calls:
        list_expenses(ALICE, **filters)
    return calls.names


# Letters with accents, case, ligatures, ignorable characters and marks that count.
WORDS = [
    "á",
    "A",
    "e\u0301",
    "\u200bß",
    "ss",
    "ø",
    "が",
    "か",
    "x\u00adx",
    "ﬁ",
    "-",
    "\u3000",
]
words = st.sampled_from(WORDS)
texts = st.lists(words, max_size=2).map(" ".join)
names = words.map("c".__add__)
days = st.integers(1, 5).map(lambda day: f"2026-03-0{day}")
statuses = st.sampled_from(["pending", "void"])
owners = st.sampled_from([0, 0, 0, 1])
rows = st.fixed_dictionaries(
    {"category": names, "description": texts, "date": days, "status": statuses},
    optional={"merchant": texts, "notes": texts},
)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["record", "store as before"]), owners, rows),
        st.tuples(st.just("edit"), owners, st.one_of(rows, st.just({"amount": "2"}))),
        st.tuples(
            st.just("edit as before"),
            owners,
            st.one_of(
                texts.map(lambda text: {"description": text}),
                names.map(lambda name: {"category": name}),
            ),
        ),
        st.tuples(st.just("rename"), owners, st.fixed_dictionaries({"to": names})),
        st.tuples(st.just("search"), owners, st.fixed_dictionaries({"q": texts})),
        st.tuples(st.just("delete"), owners, st.just({})),
    ),
    min_size=2,
    max_size=10,
)
filters = st.fixed_dictionaries(
    {"q": st.one_of(words, words, texts)},
    optional={
        "category": names,
        "merchant": words,
        "status": statuses,
        "max_amount": st.just("1"),
        "receipt": st.just("missing"),
        "start": st.just(TODAY.replace(day=2)),
    },
)


def take(step, users, written) -> None:
    action, owner, values = step
    user, ids = users[owner], written[owner]
    if action == "record":
        ids.append(make_expense(user, amount="1", **values).expense_id)
    elif action == "store as before":
        ids.append(store_as_before(user, **values).expense_id)
    elif action == "search":
        list_expenses(user, **values)
    elif not ids:
        return
    elif action == "edit":
        services.edit_expense(user, ids[-1], **values)
    elif action == "edit as before":
        edit_as_before(get_expense(user, ids[-1]), **values)
    elif action == "rename":
        rename_categories(user, [get_expense(user, ids[0]).category], values["to"])
    else:
        services.delete_expense(user, ids.pop())


def matches(expense: Expense, user, values) -> bool:
    """Compare an expense with a filter in plain Python."""
    texts = (expense.category, expense.merchant, expense.description, expense.notes)
    merchant = casefold_key(values.get("merchant", ""))
    return (
        expense.user_id == user.user_id
        and any(search_key(values["q"]) in search_key(text) for text in texts)
        and casefold_key(values.get("category", expense.category))
        == casefold_key(expense.category)
        and (not merchant or casefold_key(expense.merchant) == merchant)
        and values.get("status", expense.status) == expense.status
        and expense.amount <= int(values.get("max_amount", 9))
        and expense.date >= str(values.get("start", ""))
    )


@pytest.mark.soak
@settings(max_examples=500 if SOAK else 15, deadline=None, derandomize=not SOAK)
@given(steps=steps, wanted=st.lists(filters, min_size=1, max_size=3))
def test_a_search_finds_what_a_plain_comparison_finds(steps, wanted):
    users = [replace(user, user_id=uuid.uuid4().hex) for user in (ALICE, BOB)]
    written: list[list[str]] = [[], []]
    for step in steps:
        take(step, users, written)
    stored = [item for item in Expense.scan() if item.user_id]

    for values in wanted:
        for user in users:
            expected = [e for e in stored if matches(e, user, values)]
            ids = {expense.expense_id for expense in expected}
            assert found(user, **values) == ids  # with outdated texts
            assert found(user, **values) == ids  # without
            assert found(user, sort="oldest", **values) == ids
            totals = list_expenses(user, limit=1, totals=True, **values).totals
            assert totals == queries.Totals.of(expected)


def test_a_filter_by_merchant_does_not_find_other_texts():
    paid = make_expense(merchant="Corner Shop", description="Bread")
    make_expense(description="corner shop", notes="corner shop")
    make_expense(merchant="Corner Shop 2")

    assert found(merchant="corner  SHOP") == {paid.expense_id}
    assert found(merchant="corner shop", q="bread") == {paid.expense_id}
    assert found(merchant="corner shop", q="milk") == set()


def test_a_text_is_found_in_each_line_of_the_notes():
    expense = make_expense(notes="Warranty until 2029\nSerial number 4711")

    assert found(q="warranty") == found(q="4711") == {expense.expense_id}


def test_an_edit_by_an_older_release_does_not_hide_an_expense():
    expense = make_expense(category="Food", description="Lunch")
    edit_as_before(get_expense(ALICE, expense.expense_id), description="Dinner")

    assert (found(q="dinner"), found(q="lunch")) == ({expense.expense_id}, set())

    edit_as_before(get_expense(ALICE, expense.expense_id), category="Café")
    assert (found(q="cafe"), found(q="food")) == ({expense.expense_id}, set())


@pytest.mark.parametrize("q", ["dinner", "nothing"])
def test_outdated_texts_are_stored_by_the_first_search(q):
    store_as_before(description="Lunch")
    expense = make_expense(description="Lunch")
    edit_as_before(get_expense(ALICE, expense.expense_id), description="Dinner")
    before = get_expense(ALICE, expense.expense_id)

    assert calls_of(q=q) == SLOWLY
    assert calls_of(q=q) == (FAST if q == "dinner" else [QUERY])

    after = get_expense(ALICE, expense.expense_id)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    assert after.description_key is None


def test_an_edit_stores_an_outdated_text():
    expense = store_as_before(description="Lunch")

    services.edit_expense(ALICE, expense.expense_id, amount="2")

    assert calls_of(q="lunch") == FAST


def test_texts_of_another_folding_are_outdated(monkeypatch):
    expense = make_expense(description="Lunch")
    monkeypatch.setattr(models, "FOLDING", "\x03")
    make_expense(description="Lunch")
    monkeypatch.undo()

    assert calls_of(q="lunch") == SLOWLY
    assert len(found(q="lunch")) == 2
    assert expense.expense_id in found(q="lunch")


def edit_without_merchants(expense: Expense, **values: str) -> None:
    """Edit an expense as a release that knew texts, but no merchants or notes."""
    description = values.get("description", expense.description)
    changes = {
        **values,
        "search_text": "\x01".join(map(search_key, (expense.category, description))),
        "search_version": expense.version + 1,
    }
    expense.update([getattr(Expense, name).set(v) for name, v in changes.items()])


@pytest.mark.parametrize(
    ("values", "filters"),
    [
        ({"merchant": "Rewe"}, {"merchant": "rewe"}),
        ({"merchant": "Rewe"}, {"q": "rewe"}),
        ({"notes": "Warranty"}, {"q": "warranty"}),
    ],
)
def test_an_edit_by_a_release_without_merchants_does_not_hide_an_expense(
    values, filters
):
    expense = make_expense(description="Lunch", **values)
    edit_without_merchants(get_expense(ALICE, expense.expense_id), description="Dinner")

    assert found(**filters) == {expense.expense_id}  # stores the text
    assert calls_of(q="dinner") == FAST
    assert found(q="dinner") == found(**filters) == {expense.expense_id}


def test_the_texts_that_searches_compare():
    """If this has to change, choose the next FOLDING: texts of before are outdated."""
    expense = Expense(
        category="",
        description="Café",
        merchant="Rewe",
        notes="Überall",
        parts=(Part("Food", Decimal(1), "Note"), Part("Fun", Decimal(2))),
    )
    expense.index_text(7)

    assert (expense.search_version, expense.search_text) == (
        7,
        "\x02cafe\x02\x1frewe\x1f\x02uberall"
        "\x02\x1efood\x1e\x02note\x02\x1efun\x1e\x02",
    )


@pytest.mark.parametrize(("count", "left"), [(4, 0), (5, 1)])
def test_a_search_stores_a_limited_number_of_texts(monkeypatch, count, left):
    monkeypatch.setattr(search, "MAX_STORED", 4)
    for _ in range(count):
        store_as_before(description="Lunch")

    list_expenses(ALICE, q="lunch")

    assert sum(expense.search_text is None for expense in Expense.scan()) == left


def test_a_text_is_not_stored_over_a_newer_edit():
    expense = store_as_before(description="Lunch")

    with faults.meanwhile(lambda: edit_as_before(expense, description="Dinner")):
        list_expenses(ALICE, q="lunch")

    assert get_expense(ALICE, expense.expense_id).search_text is None
    assert found(q="dinner") == {expense.expense_id}


def test_a_text_does_not_bring_back_a_deleted_expense():
    expense = store_as_before(description="Lunch")

    with faults.meanwhile(expense.delete):
        list_expenses(ALICE, q="lunch")

    assert [*Expense.scan()] == []


def test_a_search_succeeds_though_texts_cannot_be_stored():
    expense = store_as_before(description="Lunch")

    with faults.down("TransactWriteItems"):
        page = list_expenses(ALICE, q="lunch")

    assert [item.expense_id for item in page.items] == [expense.expense_id]


def test_an_expense_without_a_version_is_found():
    expense = store_as_before(description="Lunch")
    del expense.attribute_values["version"]
    with Expense.batch_write() as batch:
        batch.save(expense)

    assert found(q="lunch") == {expense.expense_id}


@pytest.mark.parametrize(
    ("filters", "calls"),
    [
        ({"q": "lunch"}, FAST),
        ({"q": "lunch", "status": "pending", "max_amount": "10"}, FAST),
        ({"q": "lunch", "totals": True}, FAST),
        ({"q": "lunch", "totals": True, "limit": 1}, [QUERY, READ, QUERY]),
        ({"q": "dinner", "totals": True}, [QUERY]),
        ({"q": "lunch", "category": "food"}, [QUERY]),
        ({"q": "lunch", "receipt": "missing"}, [QUERY]),
        ({"category": "food"}, [QUERY]),
        ({"merchant": "shop"}, [QUERY]),
    ],
)
def test_aws_calls_of_a_search(filters, calls):
    for _ in range(2):
        make_expense(category="Food", description="Lunch")

    assert sorted(calls_of(**filters)) == sorted(calls)
