"""Refunds: in budgets, edits, history, notices, and linked to an expense."""

import csv
import datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from budgets import services as budgets
from budgets.models import Budget
from expenses import export, history, list_totals, queries, refunds, services
from expenses.bulk_create import record_expenses
from expenses.bulk_update import change_expenses, delete_expenses
from expenses.models import Expense
from expenses.refunds import MAX_REFUNDS
from expenses.undo import undo
from reports import summary
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from tests.builders import client_for, make_user
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import (
    ALICE,
    BOB,
    alerts,
    make_budget,
    make_expense,
    spent,
)

pytestmark = pytest.mark.usefixtures("aws", "clock")


def make_refund(user=ALICE, **fields):
    return make_expense(user, **{"kind": "refund", **fields})


def raw(expense):
    """Return the stored item, as the version before reads it."""
    return Expense.get(expense.expense_id).serialize()


def line_of(user=ALICE):
    (line,) = summary.summary(user).lines
    return line


class TestBudgets:
    def test_a_refund_lowers_what_is_spent_and_rearms_the_alert(self):
        budget = make_budget(amount="100", alert_threshold=80)
        make_expense(amount="85")

        make_refund(amount="10")

        assert spent(budget) == 75
        assert Budget.get(budget.budget_id).level == "ok"
        assert alerts() == ["budget_threshold"]

        make_expense(amount="10")

        assert spent(budget) == 85
        assert alerts() == ["budget_threshold", "budget_threshold"]

    def test_a_refund_counts_on_its_own_day(self, clock):
        budget = make_budget(amount="100")
        make_expense(amount="120")
        clock.move_to(datetime.datetime(2026, 4, 3, 12, tzinfo=datetime.UTC))

        make_refund(amount="50", date="2026-04-03")

        line = line_of()
        assert (line.spent, line.remaining, line.percentage) == (-50, 150, 0)
        assert line.level == "ok"
        assert spent(budget) == -50
        (before,) = summary.summary(ALICE, "2026-03").lines
        assert (before.spent, before.level) == (120, "exceeded")
        assert alerts() == ["budget_exceeded"]

    def test_a_refund_counts_on_its_own_day_with_rollover_too(self, clock):
        make_budget(amount="100", rollover={"mode": "both"})
        make_expense(amount="120")
        clock.move_to(datetime.datetime(2026, 4, 3, 12, tzinfo=datetime.UTC))

        make_refund(amount="50", date="2026-04-03")

        line = line_of()
        assert (line.limit, line.spent, line.remaining) == (80, -50, 130)
        assert (line.percentage, line.level) == (0, "ok")

    def test_a_void_refund_does_not_count(self):
        budget = make_budget(amount="100")
        refund = make_refund(amount="50")

        services.edit_expense(ALICE, refund.expense_id, status="void")

        assert spent(budget) == 0
        services.edit_expense(ALICE, refund.expense_id, status="cleared")
        assert spent(budget) == -50

    def test_a_refund_moves_the_budget_of_its_own_category_only(self):
        food = make_budget(amount="100")
        drinks = make_budget(category="Drinks", amount="100")
        make_expense(amount="40")

        make_refund(amount="30", category="Drinks")

        assert (spent(food), spent(drinks)) == (40, -30)

    def test_changing_the_kind_moves_the_budget_by_twice_the_amount(self):
        budget = make_budget(amount="100")
        expense = make_expense(amount="40")
        version = Budget.get(budget.budget_id).version

        services.edit_expense(ALICE, expense.expense_id, kind="refund")

        assert spent(budget) == -40
        assert Budget.get(budget.budget_id).version == version + 1

    def test_a_recount_agrees(self, clock):
        budget = make_budget(amount="100")
        make_expense(amount="40")
        make_refund(amount="70")
        clock.shift(60)

        assert budgets.recount(ALICE, budget.budget_id) is False
        assert spent(budget) == -30

    def test_a_new_budget_counts_existing_refunds(self):
        make_expense(amount="40")
        make_refund(amount="70")

        budget = make_budget(amount="100")

        assert (spent(budget), budget.level) == (-30, "ok")
        assert line_of().remaining == 130

    def test_deleting_and_restoring_a_refund(self):
        budget = make_budget(amount="100")
        refund = make_refund(amount="50")

        services.delete_expense(ALICE, refund.expense_id)
        assert spent(budget) == 0

        restored = services.restore_expense(ALICE, refund.expense_id)
        assert (restored.kind, spent(budget)) == ("refund", -50)

    def test_refunds_of_several_budgets_in_one_request(self):
        budget = make_budget(amount="100")
        rows = [
            {"amount": "80", "category": "Groceries"},
            {"amount": "30", "category": "Groceries", "kind": "refund"},
            {"amount": "5", "category": "Rent", "kind": "refund"},
        ]

        recorded = record_expenses(ALICE, rows).expenses

        assert [expense.kind for expense in recorded] == ["expense", "refund", "refund"]
        assert spent(budget) == 50


class TestStored:
    """The version before shows a refund as a negative amount, and adds it up."""

    def test_a_refund_differs_from_an_expense_in_nothing_but_its_sign(self):
        expense, refund = make_expense(amount="40"), make_refund(amount="40")

        differing = {"expense_id", "amount"}
        kept = {**raw(expense)}, {**raw(refund)}
        assert kept[0].keys() == kept[1].keys()
        assert {name for name in kept[0] if kept[0][name] != kept[1][name]} == differing
        assert raw(refund)["amount"] == {"N": "-40"}

    def test_a_negative_amount_that_was_stored_otherwise_is_a_refund(self):
        expense = make_expense(amount="40")
        expense.update([Expense.amount.set(Decimal(-40))])

        (listed,) = queries.list_expenses(ALICE, totals=True).items

        assert listed.kind == "refund"
        assert list_totals.list_expenses(ALICE).totals.total == -40

    def test_the_history_of_a_kind_has_the_attributes_of_the_version_before(self):
        expense = make_expense(amount="40")
        services.edit_expense(ALICE, expense.expense_id, kind="refund", amount="30")

        item = history.History.table_connection().get_item(
            history.History.id_of(expense.expense_id)
        )["Item"]

        assert '"was": {"amount": "40"}' in item["change_01"]["S"]


class TestEditing:
    @pytest.mark.parametrize(
        ("kind", "changes", "stored"),
        [
            ("expense", {"kind": "refund"}, -40),
            ("expense", {"kind": "refund", "amount": "30"}, -30),
            ("expense", {"kind": "expense", "amount": "30"}, 30),
            ("refund", {"amount": "30"}, -30),
            ("refund", {"kind": "expense"}, 40),
            ("refund", {"kind": "expense", "amount": "30"}, 30),
            ("refund", {"kind": "refund"}, -40),
            ("refund", {"amount": "40.00"}, -40),
            ("refund", {"category": "Rent"}, -40),
        ],
    )
    def test_the_kind_and_the_amount_change_alone_or_together(
        self, kind, changes, stored
    ):
        expense = make_expense(amount="40", kind=kind)

        edited = services.edit_expense(ALICE, expense.expense_id, **changes)

        assert edited.amount == stored
        assert Expense.get(expense.expense_id).amount == stored
        assert edited.kind == ("refund" if stored < 0 else "expense")

    def test_values_equal_to_the_stored_ones_change_nothing(self):
        refund = make_refund(amount="40")

        edited = services.edit_expense(
            ALICE, refund.expense_id, amount="40.00", kind="refund", refund_of=""
        )

        assert edited.version == refund.version

    def test_an_amount_with_more_decimals_than_the_currency_stays(self):
        yen = make_user(currency="JPY")
        refund = make_refund(yen, amount="40")
        refund.update([Expense.amount.set(Decimal("-40.25"))])

        edited = services.edit_expense(
            yen, refund.expense_id, amount="40.25", category="Rent"
        )
        assert (edited.amount, edited.category) == (Decimal("-40.25"), "Rent")

        with pytest.raises(InvalidError, match="at most 0 decimals"):
            services.edit_expense(yen, refund.expense_id, amount="40.5")

    @pytest.mark.parametrize("amount", ["-5", "0", "-0", "1000000000000", "0.001"])
    def test_what_users_enter_is_above_zero_and_within_the_limit(self, amount):
        with pytest.raises(InvalidError) as failure:
            make_refund(amount=amount)
        assert failure.value.field == "amount"

        refund = make_refund(amount="999999999999.99")
        assert refund.amount == Decimal("-999999999999.99")
        with pytest.raises(InvalidError):
            services.edit_expense(ALICE, refund.expense_id, amount=amount)

    @pytest.mark.parametrize("kind", ["Refund", "income", "-", ""])
    def test_another_kind_is_rejected(self, kind):
        with pytest.raises(InvalidError) as failure:
            make_expense(kind=kind)
        assert failure.value.field == "kind"

    def test_the_history_has_the_kind_and_the_amount_separately(self):
        expense = make_expense(amount="40")
        services.edit_expense(ALICE, expense.expense_id, kind="refund")
        services.edit_expense(ALICE, expense.expense_id, amount="30")
        services.edit_expense(ALICE, expense.expense_id, kind="expense", amount="20")

        edits = [
            [(edit.field, edit.before, edit.after) for edit in change.edits]
            for change in history.list_changes(ALICE, expense.expense_id)
        ]

        assert edits == [
            [("kind", "refund", "expense"), ("amount", 30, 20)],
            [("amount", 40, 30)],
            [("kind", "expense", "refund")],
            [],
        ]

    def test_a_bulk_change_and_its_undo_keep_the_kind(self):
        budget = make_budget(amount="100")
        refund = make_refund(amount="40")

        change = change_expenses(ALICE, [refund.expense_id], category="Rent")
        assert spent(budget) == 0
        undo(ALICE, change.undo_id)
        assert spent(budget) == -40
        change = delete_expenses(ALICE, [refund.expense_id])
        undo(ALICE, change.undo_id)

        assert spent(budget) == -40
        assert Expense.get(refund.expense_id).kind == "refund"

    def test_a_repeated_request_returns_the_refund(self):
        first = make_refund(amount="40", idempotency_key="k")

        again = make_refund(amount="40", idempotency_key="k")
        assert again.expense_id == first.expense_id
        for other in ({"kind": "expense"}, {"amount": "41"}):
            with pytest.raises(ConflictError):
                make_refund(**{"amount": "40", "idempotency_key": "k", **other})
        assert len(list(Expense.by_user.query(ALICE.user_id))) == 1


class TestLargeExpenses:
    @pytest.fixture
    def user(self):
        return make_user(large_expense_threshold=Decimal(100))

    def test_a_refund_is_no_large_expense(self, user):
        make_refund(user, amount="100")
        record_expenses(user, [{"amount": "500", "category": "Rent", "kind": "refund"}])

        assert alerts(user) == []

    def test_a_refund_that_becomes_an_expense_can_be_large(self, user):
        refund = make_refund(user, amount="100")

        services.edit_expense(user, refund.expense_id, kind="expense")
        services.edit_expense(user, refund.expense_id, kind="refund")
        services.edit_expense(user, refund.expense_id, kind="expense")

        assert alerts(user) == ["large_expense"]


class TestLists:
    @pytest.fixture
    def expenses(self):
        for number, (amount, kind) in enumerate(
            [
                ("10", "expense"),
                ("20", "refund"),
                ("30", "expense"),
                ("20", "expense"),
                ("40", "refund"),
            ],
            start=1,
        ):
            make_expense(
                amount=amount, kind=kind, date=f"2026-03-{number:02d}", description="x"
            )

    MARCH = {"start": datetime.date(2026, 3, 1), "end": datetime.date(2026, 3, 31)}

    def amounts(self, **filters):
        page = list_totals.list_expenses(ALICE, **{"sort": "oldest", **filters})
        amounts = [int(expense.amount) for expense in page.items]
        assert page.totals.total == sum(amounts)
        assert page.totals.count == len(amounts)
        return amounts

    @pytest.mark.parametrize("q", ["", "x"])
    @pytest.mark.parametrize(
        ("filters", "amounts"),
        [
            ({}, [10, -20, 30, 20, -40]),
            ({"kind": "refund"}, [-20, -40]),
            ({"kind": "expense"}, [10, 30, 20]),
            ({"min_amount": "20"}, [-20, 30, 20, -40]),
            ({"max_amount": "20"}, [10, -20, 20]),
            ({"min_amount": "20", "max_amount": "20"}, [-20, 20]),
            ({"min_amount": "20", "kind": "refund"}, [-20, -40]),
            ({"max_amount": "30", "kind": "refund"}, [-20]),
            ({"min_amount": "0"}, [10, -20, 30, 20, -40]),
            ({"max_amount": "0"}, []),
        ],
    )
    def test_filters_compare_the_amounts_that_users_see(
        self, expenses, filters, amounts, q
    ):
        assert self.amounts(**filters, q=q) == amounts

    def test_an_unknown_kind_is_rejected(self):
        with pytest.raises(InvalidError) as failure:
            queries.list_expenses(ALICE, kind="income")
        assert failure.value.field == "kind"

    @pytest.mark.parametrize("limit", [1, 2, 25])
    @pytest.mark.parametrize(
        ("sort", "amounts"),
        [
            ("largest", [-40, 30, 20, -20, 10]),
            ("smallest", [10, -20, 20, 30, -40]),
        ],
    )
    def test_sorting_compares_the_amounts_that_users_see(
        self, expenses, sort, amounts, limit
    ):
        listed, after = [], None
        while True:
            page = queries.list_expenses(
                ALICE, sort=sort, limit=limit, after=after, **self.MARCH
            )
            listed += [int(expense.amount) for expense in page.items]
            after = page.next
            if after is None:
                break

        assert listed == amounts
        assert page.totals.total == 0

    def test_the_signed_column_of_a_csv_adds_up_to_the_total(self, expenses):
        listed = list_totals.list_expenses(ALICE, sort="oldest")

        rows = [*csv.DictReader(export.selection_lines(listed.items, "USD"))]

        amounts = [row["Amount"] for row in rows]
        assert amounts == ["10.00", "20.00", "30.00", "20.00", "40.00"]
        assert [(row["Type"], row["Signed amount"]) for row in rows[:2]] == [
            ("expense", "10.00"),
            ("refund", "-20.00"),
        ]
        total = sum(Decimal(row["Signed amount"]) for row in rows)
        assert total == listed.totals.total == 0

    def test_a_text_that_looks_like_a_number_is_still_no_formula(self):
        refund = make_refund(category="-40.00", description="+1")

        *_, line = export.selection_lines([refund], "USD")

        assert line.strip().split(",")[1:4] == ["'-40.00", "'+1", "10.00"]


class TestLinks:
    def links(self, expense, user=ALICE):
        links = refunds.links_of(queries.get_expense(user, expense.expense_id))
        refunded = links.refunded and links.refunded.expense_id
        return refunded, [refund.expense_id for refund in links.refunds]

    def test_a_refund_and_its_expense_are_linked_both_ways(self):
        coat = make_expense(amount="100", category="Clothes")
        first = make_refund(amount="30", refund_of=coat.expense_id, date="2026-03-02")
        second = make_refund(amount="300", refund_of=coat.expense_id, date="2026-03-01")

        assert self.links(coat) == (None, [second.expense_id, first.expense_id])
        assert self.links(first) == (coat.expense_id, [])
        assert Expense.get(coat.expense_id).version == coat.version
        assert Expense.get(coat.expense_id).amount == 100

    def test_deleting_and_restoring_either_leaves_the_other_working(self):
        coat = make_expense(amount="100")
        refund = make_refund(amount="30", refund_of=coat.expense_id)
        both = [self.links(coat), self.links(refund)]

        services.delete_expense(ALICE, coat.expense_id)
        assert self.links(refund) == (None, [])
        services.edit_expense(ALICE, refund.expense_id, description="Too small")
        services.delete_expense(ALICE, refund.expense_id)
        services.restore_expense(ALICE, coat.expense_id)
        assert self.links(coat) == (None, [])
        services.edit_expense(ALICE, coat.expense_id, description="Coat")
        services.restore_expense(ALICE, refund.expense_id)

        assert [self.links(coat), self.links(refund)] == both

    def test_a_bulk_deletion_and_its_undo_keep_the_links(self):
        coat = make_expense(amount="100")
        refund = make_refund(amount="30", refund_of=coat.expense_id)
        both = [self.links(coat), self.links(refund)]

        deletion = delete_expenses(ALICE, [coat.expense_id, refund.expense_id])
        undo(ALICE, deletion.undo_id)

        assert [self.links(coat), self.links(refund)] == both

    def test_a_link_can_be_added_changed_and_removed(self):
        coat, shoes = make_expense(), make_expense()
        refund = make_refund()

        for target in (coat, shoes):
            services.edit_expense(ALICE, refund.expense_id, refund_of=target.expense_id)
            assert self.links(refund) == (target.expense_id, [])
            assert self.links(target) == (None, [refund.expense_id])
        assert self.links(coat) == (None, [])
        services.edit_expense(ALICE, refund.expense_id, refund_of="")

        assert [self.links(one) for one in (coat, shoes, refund)] == [(None, [])] * 3
        edits = [
            [(edit.field, edit.before, edit.after) for edit in change.edits]
            for change in history.list_changes(ALICE, refund.expense_id)
        ]
        assert edits == [
            [("refund_of", shoes.expense_id, None)],
            [("refund_of", coat.expense_id, shoes.expense_id)],
            [("refund_of", None, coat.expense_id)],
            [],
        ]

    def test_a_refund_that_becomes_an_expense_loses_its_link(self):
        coat = make_expense()
        refund = make_refund(refund_of=coat.expense_id)

        services.edit_expense(ALICE, refund.expense_id, kind="expense")
        assert self.links(coat) == self.links(refund) == (None, [])

        services.edit_expense(ALICE, refund.expense_id, kind="refund")
        assert self.links(refund) == (None, [])

    def test_an_expense_with_refunds_cannot_become_one(self):
        coat = make_expense()
        refund = make_refund(refund_of=coat.expense_id)

        with pytest.raises(InvalidError) as failure:
            services.edit_expense(ALICE, coat.expense_id, kind="refund")
        assert failure.value.field == "kind"

        services.delete_expense(ALICE, refund.expense_id)
        assert services.edit_expense(ALICE, coat.expense_id, kind="refund")

    @pytest.mark.parametrize(
        "target", ["missing", "refund", "void", "bobs", "malformed", "history", "own"]
    )
    def test_only_an_expense_of_the_user_can_be_refunded(self, target):
        own = make_refund()
        ids = {
            "missing": "0" * 32,
            "refund": make_refund().expense_id,
            "void": make_expense(status="void").expense_id,
            "bobs": make_expense(BOB).expense_id,
            "malformed": "x" * 3000,
            "history": f"history#{own.expense_id}",
            "own": own.expense_id,
        }

        def link():
            services.edit_expense(ALICE, own.expense_id, refund_of=ids[target])
            return make_refund(refund_of=ids[target])

        if target == "void":  # it was paid, whatever counts
            assert link().refund_of == ids[target]
            return
        with pytest.raises(InvalidError) as failure:
            link()
        assert failure.value.field == "refund_of"
        with pytest.raises(InvalidError):
            make_refund(refund_of=ids[target])
        assert Expense.get(own.expense_id).refund_of is None
        bobs = Expense.get(ids["bobs"])
        assert bobs.refunds is None

    def test_an_expense_is_no_refund_of_another(self):
        coat, shoes = make_expense(), make_expense()

        with pytest.raises(InvalidError) as failure:
            make_expense(refund_of=coat.expense_id)
        assert failure.value.field == "refund_of"
        with pytest.raises(InvalidError):
            services.edit_expense(ALICE, shoes.expense_id, refund_of=coat.expense_id)

    def test_an_expense_has_a_limited_number_of_refunds(self):
        coat = make_expense()
        for _ in range(MAX_REFUNDS):
            last = make_refund(refund_of=coat.expense_id)

        with pytest.raises(InvalidError, match="at most 50 refunds"):
            make_refund(refund_of=coat.expense_id)
        services.edit_expense(ALICE, last.expense_id, refund_of="")
        services.edit_expense(ALICE, last.expense_id, refund_of=coat.expense_id)
        assert len(self.links(coat)[1]) == MAX_REFUNDS

    def test_a_repeated_request_returns_the_refund_even_if_its_expense_is_gone(self):
        coat = make_expense()
        request = {"refund_of": coat.expense_id, "idempotency_key": "k"}
        refund = make_refund(**request)
        assert make_refund(**request).expense_id == refund.expense_id

        services.delete_expense(ALICE, coat.expense_id)

        assert make_refund(**request).expense_id == refund.expense_id
        with pytest.raises(ConflictError):
            make_refund(idempotency_key="k")

    def test_editing_an_expense_keeps_a_link_that_was_added_meanwhile(self):
        coat = make_expense()
        refund = None

        def link(_stored):
            nonlocal refund
            refund = refund or make_refund(refund_of=coat.expense_id)

        services.edit_expense(
            ALICE, coat.expense_id, description="Coat", precondition=link
        )

        assert self.links(coat) == (None, [refund.expense_id])

    def test_another_user_cannot_list_the_refunds(self):
        coat = make_expense()

        with pytest.raises(NotFoundError):
            refunds.list_refunds(BOB, coat.expense_id)


class TestApi:
    @pytest.fixture
    def user(self):
        return make_user("alice")

    @pytest.fixture
    def client(self, user):
        return client_for(user)

    def post(self, client, **body):
        body = {"amount": "50.00", "category": "Clothes", **body}
        return client.post("/api/expenses", body, content_type="application/json")

    def patch(self, client, expense, **body):
        path = f"/api/expenses/{expense['expense_id']}"
        return client.patch(path, body, content_type="application/json")

    def test_a_refund_has_a_positive_amount_and_its_kind(self, client):
        refund = self.post(client, kind="refund").json()

        assert (refund["amount"], refund["kind"]) == ("50.00", "refund")
        assert refund["refund_of"] is None
        (listed,) = client.get("/api/expenses?totals=true").json()["results"]
        assert listed == refund
        totals = client.get("/api/expenses?totals=true").json()["totals"]
        assert totals["total"] == "-50.00"
        assert self.post(client).json()["kind"] == "expense"

    def test_a_negative_amount_is_still_rejected(self, client):
        for kind in ("expense", "refund"):
            answer = self.post(client, amount="-5", kind=kind)
            assert answer.status_code == 400
            assert "amount" in answer.content.decode()

    @pytest.mark.parametrize("kind", [None, "income", "", 1, ["refund"]])
    def test_an_invalid_kind_is_rejected(self, client, kind):
        assert self.post(client, kind=kind).status_code == 400

    def test_patch_changes_the_kind_the_amount_or_both(self, client):
        expense = self.post(client).json()

        for body, shown in [
            ({"kind": "refund"}, ("50.00", "refund")),
            ({"amount": "40"}, ("40.00", "refund")),
            ({"amount": "30", "kind": "expense"}, ("30.00", "expense")),
        ]:
            answer = self.patch(client, expense, **body)
            assert answer.status_code == 200
            assert (answer.json()["amount"], answer.json()["kind"]) == shown
        changes = client.get(f"/api/expenses/{expense['expense_id']}/history").json()
        assert changes["results"][2]["edits"] == [
            {"field": "kind", "before": "expense", "after": "refund"}
        ]

    def test_the_refunds_of_an_expense(self, client):
        coat = self.post(client).json()
        refund = self.post(client, kind="refund", refund_of=coat["expense_id"]).json()

        assert refund["refund_of"] == coat["expense_id"]
        path = f"/api/expenses/{coat['expense_id']}/refunds"
        assert client.get(path).json() == {"results": [refund]}

        for none in (None, "", " "):
            unlinked = self.patch(client, refund, refund_of=none)
            assert unlinked.json()["refund_of"] is None
            assert client.get(path).json() == {"results": []}
            self.patch(client, refund, refund_of=coat["expense_id"])
            assert len(client.get(path).json()["results"]) == 1

    @pytest.mark.parametrize("refund_of", ["x", 1, "0" * 32, "0" * 31, "0" * 33])
    def test_an_invalid_link_is_rejected(self, client, refund_of):
        answer = self.post(client, kind="refund", refund_of=refund_of)

        assert answer.status_code == 400
        assert "refund_of" in answer.content.decode()

    def test_the_list_is_filtered_by_kind(self, client):
        self.post(client)
        refund = self.post(client, kind="refund").json()

        assert client.get("/api/expenses?kind=refund").json()["results"] == [refund]
        assert client.get("/api/expenses?kind=income").status_code == 400

    def test_bulk_rows_have_a_kind(self, client):
        rows = [
            {"amount": "5", "category": "Rent", "kind": kind}
            for kind in ("refund", "expense")
        ]

        answer = client.post(
            "/api/expenses/bulk", {"expenses": rows}, content_type="application/json"
        )

        kinds = [row["kind"] for row in answer.json()["results"]]
        assert kinds == ["refund", "expense"]
        rows[1]["kind"] = "income"
        answer = client.post(
            "/api/expenses/bulk", {"expenses": rows}, content_type="application/json"
        )
        assert answer.status_code == 400
        assert "/expenses/1/kind" in answer.content.decode()

    def test_a_refund_with_its_receipt(self, client):
        coat = self.post(client).json()
        answer = client.post(
            "/api/expenses/with-receipt",
            {
                "amount": "5",
                "category": "Clothes",
                "kind": "refund",
                "refund_of": coat["expense_id"],
                "file": SimpleUploadedFile("r.pdf", PDF, "application/pdf"),
            },
        )

        assert answer.status_code == 201, answer.content
        assert answer.json()["kind"] == "refund"
        assert answer.json()["refund_of"] == coat["expense_id"]
        assert answer.json()["receipt_url"]


class TestManyAtOnce:
    """Changes in several transactions, of two or three expenses each."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(Transaction, "MAX_ITEMS", 12)

    def rows(self, *amounts):
        return [
            {
                "amount": abs(amount),
                "kind": "refund" if amount < 0 else "expense",
                "category": "Groceries",
            }
            for amount in amounts
        ]

    def test_no_alert_is_caused_by_expenses_that_are_refunded_in_the_same_request(self):
        budget = make_budget(amount="100")

        record_expenses(ALICE, self.rows(*[50] * 10, *[-45] * 10))

        assert spent(budget) == 50
        assert alerts() == []

    def test_deleting_and_restoring_both_causes_no_alert(self):
        recorded = record_expenses(ALICE, self.rows(*[50] * 10, *[-45] * 10)).expenses
        budget = make_budget(amount="100")

        deletion = delete_expenses(ALICE, [one.expense_id for one in recorded])
        assert spent(budget) == 0
        undo(ALICE, deletion.undo_id)

        assert spent(budget) == 50
        assert alerts() == []


@pytest.mark.parametrize(
    ("kind", "refund_of", "status"),
    [
        ("expense", "", 201),
        ("refund", "", 201),
        ("refund", "{lunch}", 201),
        ("expense", "{lunch}", 400),
        ("refund", "x", 400),
    ],
)
def test_a_form_with_a_receipt_may_leave_the_refunded_expense_empty(
    kind, refund_of, status
):
    alice = make_user("alice")
    lunch = make_expense(alice, category="Food").expense_id
    sent = {
        "amount": "1.00",
        "category": "Food",
        "kind": kind,
        "refund_of": refund_of.format(lunch=lunch),
        "file": SimpleUploadedFile("a.pdf", PDF, "application/pdf"),
    }

    answer = client_for(alice).post("/api/expenses/with-receipt", sent)

    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["refund_of"] == (sent["refund_of"] or None)
