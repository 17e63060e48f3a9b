"""Refunds on pages: the form, the list, the links, the messages, the dashboard."""

import html
import re

import pytest

from expenses import queries, refunds
from expenses.models import Expense
from tests.builders import client_for, make_user
from tests.money_builders import TODAY, make_budget, make_expense


@pytest.fixture
def alice(aws):
    return make_user("alice")


@pytest.fixture
def client(alice):
    return client_for(alice)


def words(answer) -> str:
    """Return a page's text on one line."""
    assert answer.status_code == 200, answer.content
    text = html.unescape(re.sub(r"<[^>]*>", " ", answer.text))
    return " ".join(text.split())


def value_of(answer, name):
    """Return the value of a form's field or of its checked radio button."""
    for tag in re.findall(rf'<input[^>]* name="{name}"[^>]*>', answer.text):
        if 'type="radio"' not in tag or "checked" in tag:
            return html.unescape(re.search(r'value="([^"]*)"', tag)[1])
    return None


FORM = {"amount": "50", "category": "Clothes", "date": str(TODAY), "description": ""}


def the_expense(alice, **filters):
    (expense,) = queries.list_expenses(alice, **filters).items
    return expense


class TestForm:
    def test_a_choice_adds_a_refund(self, client, alice):
        page = client.get("/expenses/add")
        assert value_of(page, "kind") == "expense"
        radios = re.findall(r'type="radio" name="kind" value="(\w+)"', page.text)
        assert radios == ["expense", "refund"]

        answer = client.post("/expenses/add", {**FORM, "kind": "refund"}, follow=True)

        assert "Added a refund to Clothes: +$50.00." in words(answer)
        assert the_expense(alice).amount == -50

    @pytest.mark.parametrize("sent", [{}, {"kind": "expense"}, {"kind": ""}])
    def test_an_expense_is_the_default(self, client, alice, sent):
        client.post("/expenses/add", {**FORM, **sent})

        assert the_expense(alice).amount == 50

    def test_another_kind_is_an_error_at_its_field(self, client, alice):
        answer = client.post("/expenses/add", {**FORM, "kind": "income"})

        assert answer.status_code == 400
        assert "Choose one of the options." in answer.text

    def test_a_negative_amount_is_an_error(self, client, alice):
        answer = client.post("/expenses/add", {**FORM, "amount": "-5"})

        assert answer.status_code == 400
        assert "Amount must be above zero." in answer.text

    def test_the_kind_of_a_stored_one_can_be_changed(self, client, alice):
        refund = make_expense(alice, amount="40", kind="refund")
        path = f"/expenses/{refund.expense_id}/edit"

        page = client.get(path)
        assert "Edit refund" in words(page)
        assert value_of(page, "kind") == "refund"
        assert value_of(page, "amount") == "40.00"

        form = {**FORM, "status": "pending", "kind": "expense", "amount": "40.00"}
        answer = client.post(path, form, follow=True)
        assert "Saved: Clothes, $40.00." in words(answer)
        assert Expense.get(refund.expense_id).amount == 40
        page = words(client.get(path))
        assert "Type changed from Refund to Expense" in page
        assert "Amount changed" not in page

    def test_a_form_without_the_choice_keeps_the_kind(self, client, alice):
        refund = make_expense(alice, amount="40", kind="refund")
        path = f"/expenses/{refund.expense_id}/edit"

        client.post(path, {**FORM, "status": "cleared", "amount": "41"})

        assert Expense.get(refund.expense_id).amount == -41

    def test_a_concurrent_change_of_the_kind_is_shown(self, client, alice):
        expense = make_expense(alice, amount="40", category="Clothes")
        path = f"/expenses/{expense.expense_id}/edit"
        form = {**FORM, "status": "pending", "version": "1", "amount": "40"}
        client.post(path, {**form, "kind": "refund"})

        answer = client.post(path, {**form, "kind": "expense", "category": "Shoes"})

        assert answer.status_code == 409
        text = re.sub(r"<[^>]*>", " ", answer.text)
        assert re.search(r"Type\s+Refund\s+Expense", text)
        assert re.search(r"Category\s+Clothes\s+Shoes", text)


class TestLinks:
    @pytest.fixture
    def coat(self, alice):
        return make_expense(alice, amount="100", category="Clothes", description="Coat")

    def path(self, expense, action="edit"):
        return f"/expenses/{expense.expense_id}/{action}"

    def refunds_of(self, expense):
        return refunds.links_of(Expense.get(expense.expense_id)).refunds

    def test_a_refund_starts_with_the_values_of_its_expense(self, client, alice, coat):
        page = client.get(self.path(coat))
        assert self.path(coat, "refund") in page.text

        page = client.get(self.path(coat, "refund"))
        assert "Refund of Clothes, $100.00 , Mar 18, 2026" in words(page)
        assert value_of(page, "kind") == "refund"
        assert value_of(page, "amount") == "100.00"
        assert value_of(page, "category") == "Clothes"
        assert value_of(page, "date") == str(TODAY)
        assert "Coat</textarea>" in page.text
        assert "drop_link" not in page.text

        client.post(self.path(coat, "refund"), {**FORM, "kind": "refund"})
        (refund,) = self.refunds_of(coat)
        assert (refund.amount, refund.refund_of) == (-50, coat.expense_id)

    def test_both_pages_show_the_link(self, client, alice, coat):
        refund = make_expense(
            alice, amount="30", kind="refund", refund_of=coat.expense_id
        )
        void = make_expense(
            alice,
            amount="5",
            category="Fees",
            status="void",
            kind="refund",
            refund_of=coat.expense_id,
        )

        page = client.get(self.path(coat))
        assert "Refunds Mar 18, 2026 : +$30.00 , Groceries" in words(page).replace(
            " , ", ", "
        ).replace("+$30.00,", "+$30.00 ,")
        assert "+$5.00, Fees (Void)" in words(page).replace(" ,", ",")
        assert self.path(refund) in page.text
        assert self.path(void) in page.text
        page = client.get(self.path(refund))
        assert "Refund of Clothes, $100.00" in words(page)
        assert self.path(coat) in page.text
        assert "Record a refund" not in page.text

    def test_a_link_can_be_removed(self, client, alice, coat):
        refund = make_expense(
            alice, amount="30", kind="refund", refund_of=coat.expense_id
        )
        form = {**FORM, "status": "pending", "kind": "refund"}

        client.post(self.path(refund), form)
        assert len(self.refunds_of(coat)) == 1
        client.post(self.path(refund), {**form, "drop_link": "on"})

        assert self.refunds_of(coat) == []
        page = words(client.get(self.path(refund)))
        assert "No longer linked to an expense" in page
        assert "Refund of" not in page

    def test_a_refund_of_a_deleted_expense_shows_no_link(self, client, alice, coat):
        refund = make_expense(
            alice, amount="30", kind="refund", refund_of=coat.expense_id
        )
        client.post(self.path(coat, "delete"))

        page = client.get(self.path(refund))

        assert "Refund of" not in words(page)
        assert self.path(coat) not in page.text

    def test_choosing_expense_in_the_form_links_nothing(self, client, alice, coat):
        answer = client.post(self.path(coat, "refund"), {**FORM, "kind": "expense"})

        assert answer.status_code == 302
        assert self.refunds_of(coat) == []

    def test_an_invalid_refund_is_shown_again_with_its_expense(self, client, coat):
        form = {**FORM, "kind": "refund", "amount": "0"}

        answer = client.post(self.path(coat, "refund"), form)

        assert answer.status_code == 400
        assert "Refund of" in answer.text
        assert value_of(answer, "kind") == "refund"

    def test_a_refund_has_no_refund(self, client, alice):
        refund = make_expense(alice, kind="refund")

        assert client.get(self.path(refund, "refund")).status_code == 404
        form = {**FORM, "kind": "refund"}
        assert client.post(self.path(refund, "refund"), form).status_code == 404

    def test_an_expense_with_refunds_cannot_become_one(self, client, alice, coat):
        make_expense(alice, kind="refund", refund_of=coat.expense_id)
        form = {**FORM, "status": "pending", "kind": "refund"}

        answer = client.post(self.path(coat), form)

        assert answer.status_code == 400
        assert "This expense has refunds" in answer.text

    def test_a_copy_of_a_refund_is_a_refund_without_the_link(self, client, coat, alice):
        refund = make_expense(alice, kind="refund", refund_of=coat.expense_id)

        page = client.get(self.path(refund, "duplicate"))

        assert value_of(page, "kind") == "refund"
        assert "Refund of" not in page.text


class TestList:
    @pytest.fixture(autouse=True)
    def expenses(self, alice):
        make_expense(alice, amount="80", category="Rent")
        return make_expense(alice, amount="30", category="Clothes", kind="refund")

    def test_a_refund_has_a_plus_sign_and_a_word(self, client):
        page = client.get("/expenses")

        assert "Refund +$30.00" in words(page)
        assert "+$80.00" not in page.text
        assert "2 expenses, $50.00" in words(page)
        assert sorted(re.findall(r'data-minor-units="([^"]*)"', page.text)) == [
            "-3000",
            "8000",
        ]

    def test_the_list_is_filtered_by_type(self, client):
        page = client.get("/expenses?kind=refund")

        assert "1 expense, \u2212$30.00" in words(page)
        assert "Type: Refund" in words(page)
        assert "+$30.00" not in client.get("/expenses?kind=expense").text

    def test_the_category_and_status_of_a_refund_change_in_its_row(
        self, client, alice, expenses
    ):
        form = {"selected": expenses.expense_id, "action": "cleared"}
        client.post("/expenses/selected", form)
        form |= {"action": "category", "category": "Shoes"}
        client.post("/expenses/selected", form)

        refund = Expense.get(expenses.expense_id)
        assert (refund.amount, refund.status, refund.category) == (
            -30,
            "cleared",
            "Shoes",
        )

    def test_deleting_and_undoing_show_the_refund(self, client, expenses):
        path = f"/expenses/{expenses.expense_id}"

        page = client.post(f"{path}/delete", follow=True)
        assert "Deleted Clothes, +$30.00." in words(page)
        page = client.post(f"{path}/restore", follow=True)
        assert "Restored Clothes, +$30.00." in words(page)

    def test_a_selection_to_delete_shows_the_refund(self, client, alice, expenses):
        ids = [expense.expense_id for expense in queries.list_expenses(alice).items]

        page = client.post("/expenses/selected", {"selected": ids, "action": "delete"})

        assert "Clothes, +$30.00" in words(page)


class TestDashboard:
    def test_refunds_are_beside_the_net_total(self, client, alice):
        for amount in ("100", "200"):
            make_expense(alice, amount=amount)
        make_expense(alice, amount="50", kind="refund")

        page = words(client.get("/"))

        assert "Spent $250.00 $50.00 refunded" in page
        assert "Refund +$50.00" in page
        body = client.get("/api/summary").json()
        assert (body["total_spent"], body["refunded"]) == ("250.00", "50.00")

    def test_without_refunds_nothing_is_said_about_them(self, client, alice):
        make_expense(alice)

        page = words(client.get("/"))

        assert "refunded" not in page
        assert "Credit" not in page
        assert client.get("/api/summary").json()["refunded"] == "0.00"

    def test_a_category_below_zero_is_listed_as_credit(self, client, alice):
        make_expense(alice, amount="20")
        make_expense(alice, amount="90", category="Clothes", kind="refund")

        page = words(client.get("/"))

        assert "Spent \u2212$70.00 $90.00 refunded" in page
        assert "Credit More refunds than expenses." in page
        assert "Clothes +$90.00" in page

    def test_a_month_of_refunds_only(self, client, alice):
        make_expense(alice, amount="90", category="Clothes", kind="refund")
        make_budget(alice, category="Clothes", amount="100")

        page = words(client.get("/"))

        assert "Clothes +$90.00" in page
        assert "$190.00 left" in page
        assert "\u2212$90.00 of $100.00, 0%" in page
        assert "Nothing was spent" in words(client.get("/trend"))
        assert "\u2212$90.00" in words(client.get("/expenses/categories"))

    def test_expenses_and_refunds_that_cancel_out(self, client, alice):
        make_expense(alice, amount="90")
        make_expense(alice, amount="90", kind="refund")

        page = words(client.get("/"))

        assert "Spent $0.00 $90.00 refunded" in page
        assert words(client.get("/trend"))
