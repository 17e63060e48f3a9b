import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses.queries import get_expense, list_expenses
from tests.builders import client_for, make_user, token_of
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import make_budget, make_expense, spent
from tests.problems import messages_of, problem

pytestmark = pytest.mark.usefixtures("aws")

URL = "/api/expenses"
FIELDS = {
    "expense_id",
    "amount",
    "kind",
    "category",
    "parts",
    "description",
    "merchant",
    "notes",
    "date",
    "receipt_url",
    "status",
    "refund_of",
    "source",
    "external_id",
    "created_at",
    "updated_at",
}
LUNCH = {"amount": "12.50", "category": "Eating out", "date": "2026-03-17"}


def post(client, body, **headers):
    return client.post(URL, body, content_type="application/json", headers=headers)


def patch(client, expense, body):
    return client.patch(
        f"{URL}/{expense.expense_id}", body, content_type="application/json"
    )


def test_a_new_expense_returns_all_fields_and_its_location(client, alice):
    response = post(client, {**LUNCH, "description": "Café ☕\n早餐"})

    body = response.json()
    assert response.status_code == 201
    assert set(body) == FIELDS
    assert response["Location"].endswith(f"{URL}/{body['expense_id']}")
    assert client.get(response["Location"]).json() == body
    assert body["amount"] == "12.50"
    assert body["description"] == "Café ☕\n早餐"
    assert (body["date"], body["status"]) == ("2026-03-17", "pending")
    assert body["receipt_url"] is None


def test_date_description_and_status_are_optional(client):
    body = post(client, {"amount": 5, "category": "Rent"}).json()

    assert body["date"] == "2026-03-18"
    assert body["description"] == ""
    assert body["amount"] == "5.00"


@pytest.mark.parametrize(
    "written", ['"12.10"', "12.10", "12.1", "1.21e1", '" 12.10 "', "1210e-2"]
)
def test_an_amount_is_exact_as_a_string_or_a_number(client, written):
    response = post(client, f'{{"amount": {written}, "category": "Rent"}}')

    assert response.json()["amount"] == "12.10"


@pytest.mark.parametrize(
    ("currency", "amount", "answered"),
    [
        ("USD", 999999999999.99, "999999999999.99"),
        ("USD", "999999999999.99", "999999999999.99"),
        ("JPY", "12", "12"),
        ("KWD", "0.001", "0.001"),
        ("KWD", "1.5", "1.500"),
    ],
)
def test_amounts_have_the_currencys_decimals(currency, amount, answered):
    client = client_for(make_user(currency=currency))

    body = post(client, {"amount": amount, "category": "Rent"}).json()

    assert body["amount"] == answered
    assert client.get(URL).json()["results"][0]["amount"] == body["amount"]


WRONG_VALUES = {
    "amount": [
        *("0", 0, "-0.01", "0.001", "1000000000000", 10**30, "1e400", "NaN"),
        *("Infinity", "1_000", "12,50", "ten", "", "9" * 100, None, True, [], {}),
    ],
    "category": [
        *("", "   ", "a" * 51, "a\u0000b", "a\nb", "\ud800"),
        *(None, 5, True, ["Rent"], {"name": "Rent"}),
    ],
    "description": ["a" * 501, "a\u0007b", None, 5, []],
    "date": [
        *("2016-03-17", "2027-03-19", "2026-02-29", "2026-3-1", "2026-W12-3", ""),
        *("2026-03-18T00:00", "yesterday", None, 20260318, ["2026-03-18"]),
    ],
    "status": ["lost", "", None, 1, {}],
    "kind": ["income", "Refund", "", None, 1, {}],
    "refund_of": ["0" * 31, "history#" + "0" * 24, "0" * 3000, 5, [], {}],
    "receipt_url": ["receipts/alice/1.pdf", 5],
    "expense_id": ["0" * 32],
    "created_at": ["2026-03-18T12:00:00+00:00"],
    "user_id": ["alice"],
    "color": ["red"],
}


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_an_invalid_field_is_named_and_nothing_is_stored(client, alice, field):
    for value in WRONG_VALUES[field]:
        response = post(client, json.dumps({**LUNCH, field: value}))

        body = messages_of(response)
        assert (response.status_code, list(body)) == (400, [field]), value
        assert all(sentence.endswith(".") for sentence in body[field])
    assert list_expenses(alice).items == []


@pytest.mark.parametrize("field", sorted(set(WRONG_VALUES) - {"category"}))
def test_an_invalid_change_is_named_and_changes_nothing(client, alice, field):
    expense = make_expense(alice)

    for value in WRONG_VALUES[field]:
        response = patch(client, expense, json.dumps({"category": "b", field: value}))

        assert (response.status_code, list(messages_of(response))) == (400, [field]), (
            value
        )
    assert get_expense(alice, expense.expense_id).version == expense.version


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", ["0.01", "999999999999.99"]),
        ("category", ["a", "a" * 50, "🍜" * 50]),
        ("description", ["", "a" * 500, "two\nlines\tand a tab"]),
        ("date", ["2016-03-18", "2027-03-18", "2024-02-29"]),
        ("status", ["pending", "cleared", "void"]),
    ],
)
def test_values_at_the_limits_are_accepted(client, field, values):
    for value in values:
        response = post(client, {**LUNCH, field: value})

        assert (response.status_code, response.json()[field]) == (201, value)


def test_an_empty_receipt_url_is_none(client):
    created = [post(client, {**LUNCH, "receipt_url": key}).json() for key in (None, "")]

    assert [expense["receipt_url"] for expense in created] == [None, None]


def test_all_errors_are_reported_at_once(client):
    response = post(client, {"amount": "ten", "color": "red"})

    assert set(messages_of(response)) == {"amount", "category", "color"}


def test_a_body_other_than_a_json_object_is_rejected(client, alice):
    bodies = ["", "{", "[]", "null", '"text"', "5", '{"amount": NaN}', '{"a":1,"a":2}']

    statuses = [post(client, body).status_code for body in bodies]

    assert set(statuses) == {400}
    assert list_expenses(alice).items == []


def test_an_oversized_body_is_rejected(client):
    response = post(client, {**LUNCH, "description": "a" * 2_500_001})

    assert response.status_code == 413
    assert problem(response)["detail"].endswith(".")


def test_other_content_types_are_rejected(client):
    response = client.post(URL, "amount: 5", content_type="application/yaml")

    assert response.status_code == 415


def test_the_same_key_returns_the_same_expense(client, alice):
    first = post(client, LUNCH, idempotency_key="one")
    again = post(client, LUNCH, idempotency_key="one")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(list_expenses(alice).items) == 1


def test_a_different_key_or_user_creates_another_expense(client, alice):
    bob = client_for(make_user("bob"))

    created = [
        post(client, LUNCH, idempotency_key="one").json(),
        post(client, LUNCH, idempotency_key="two").json(),
        post(bob, LUNCH, idempotency_key="one").json(),
    ]

    assert len({expense["expense_id"] for expense in created}) == 3


def test_a_key_used_for_another_expense_is_rejected(client, alice):
    post(client, LUNCH, idempotency_key="one")

    response = post(client, {**LUNCH, "amount": "13.00"}, idempotency_key="one")

    assert response.status_code == 422
    assert len(list_expenses(alice).items) == 1


def test_a_key_has_limits(client):
    for key in ("k" * 256, "", " ", "a\tb"):
        response = post(client, LUNCH, idempotency_key=key)

        assert response.status_code == 400
        assert list(messages_of(response)) == ["Idempotency-Key"]
    assert post(client, LUNCH, idempotency_key="k" * 255).status_code == 201


def test_the_list_is_newest_first_and_pages_both_ways(client, alice):
    for day in range(1, 6):
        make_expense(alice, date=f"2026-03-0{day}", category=f"c{day}")

    first = client.get(URL, {"page_size": "2"}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    back = client.get(third["previous"]).json()

    pages = [
        [expense["category"] for expense in page["results"]]
        for page in (first, second, third, back)
    ]
    assert pages == [["c5", "c4"], ["c3", "c2"], ["c1"], ["c3", "c2"]]
    assert first["next"].startswith(f"http://testserver{URL}?page_size=2&")
    assert (first["previous"], third["next"]) == (None, None)


def test_an_empty_list_is_a_page(client):
    assert client.get(URL).json() == {"results": [], "next": None, "previous": None}


def test_the_list_filters(client, alice):
    make_expense(alice, date="2026-03-01", category="Rent", description="a")
    make_expense(alice, date="2026-03-02", category="Food", description="b")
    make_expense(
        alice, date="2026-03-03", category="rent", description="c", status="void"
    )

    def search(**query):
        results = client.get(URL, query).json()["results"]
        return "".join(expense["description"] for expense in results)

    assert search(start="2026-03-02") == "cb"
    assert search(end="2026-03-02") == "ba"
    assert search(start="2026-03-02", end="2026-03-02") == "b"
    assert search(category="RENT") == "ca"
    assert search(category="nothing") == ""
    assert search(status="void") == "c"
    assert search(status="pending", category="rent", end="2026-03-31") == "a"
    assert search(format="json") == "cba"


def test_links_keep_the_filters(client, alice):
    for day in range(1, 4):
        make_expense(alice, date=f"2026-03-0{day}", category="Rent")
    make_expense(alice, date="2026-03-03", category="Food")

    query = {"category": "rent", "page_size": "2", "end": "2026-03-31"}
    first = client.get(URL, query).json()
    second = client.get(first["next"]).json()

    assert [expense["date"] for expense in second["results"]] == ["2026-03-01"]
    assert "category=rent" in second["previous"]


WRONG_PARAMETERS = {
    "start": ["2026-02-29", "2026-W12-3"],
    "end": ["today", "2026-03-18T00:00"],
    "category": ["a" * 51, "a\u0000"],
    "status": ["lost"],
    "page_size": ["0", "101", "ten", "-1", ""],
    "cursor": ["forged"],
    "color": ["red"],
    "limit": ["5"],
}


def test_an_invalid_parameter_is_named(client):
    for name, values in WRONG_PARAMETERS.items():
        for value in values:
            response = client.get(URL, {name: value})

            assert (response.status_code, list(messages_of(response))) == (400, [name])


def test_an_end_before_the_start_is_rejected(client):
    response = client.get(URL, {"start": "2026-03-02", "end": "2026-03-01"})

    assert response.status_code == 400
    assert list(messages_of(response)) == ["end"]


def test_another_users_cursor_is_rejected(client, alice):
    for _ in range(3):
        make_expense(alice)
    address = client.get(URL, {"page_size": "2"}).json()["next"]

    response = client_for(make_user("bob")).get(address)

    assert response.status_code == 400
    assert list(messages_of(response)) == ["cursor"]


def test_a_patch_changes_only_the_given_fields(client, alice):
    expense = make_expense(alice, description="kept")

    response = patch(client, expense, {"amount": "11.00", "status": "cleared"})

    body = response.json()
    assert response.status_code == 200
    assert set(body) == FIELDS
    assert (body["amount"], body["status"]) == ("11.00", "cleared")
    assert (body["category"], body["description"]) == ("Groceries", "kept")
    assert client.get(f"{URL}/{expense.expense_id}").json() == body


def test_an_empty_patch_changes_nothing(client, alice):
    expense = make_expense(alice)

    for body in ({}, {"receipt_url": None}, {"amount": "10"}):
        response = patch(client, expense, body)

        assert response.status_code == 200
        assert response.json()["updated_at"] == expense.updated_at


def test_a_deleted_expense_is_gone(client, alice):
    expense = make_expense(alice)

    first = client.delete(f"{URL}/{expense.expense_id}")
    again = client.delete(f"{URL}/{expense.expense_id}")

    assert (first.status_code, first.content) == (204, b"")
    assert again.status_code == 404
    assert list_expenses(alice).items == []


def test_every_write_updates_the_budget(client, alice):
    budget = make_budget(alice)

    address = post(client, {"amount": "30", "category": "groceries"})["Location"]
    after_adding = spent(budget)
    client.patch(address, {"amount": "20"}, content_type="application/json")
    after_editing = spent(budget)
    client.delete(address)

    assert (after_adding, after_editing, spent(budget)) == (30, 20, 0)


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_another_users_expense_is_not_found(client, alice, method):
    expense = make_expense(alice)
    bob = client_for(make_user("bob"))

    response = getattr(bob, method)(
        f"{URL}/{expense.expense_id}",
        {"amount": "1.00"} if method == "patch" else None,
        content_type="application/json",
    )

    assert response.status_code == 404
    assert problem(response)["detail"].endswith(".")
    assert get_expense(alice, expense.expense_id).version == expense.version


def test_another_users_expenses_are_not_listed(alice):
    make_expense(alice)

    assert client_for(make_user("bob")).get(URL).json()["results"] == []


STRANGE_IDS = [
    *("0" * 32, "0" * 31, "0" * 33, "A" * 32, "a" * 1000),
    *("%00", "%0a", "..", "%C3%A9", "%FF", "0" * 31 + "%0a"),
]


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_unknown_id_is_not_found(client, method):
    for strange in STRANGE_IDS:
        ask = getattr(client, method)
        response = ask(f"{URL}/{strange}", content_type="application/json")

        assert response.status_code == 404, strange
        assert problem(response)["code"] == "not_found"


def test_unauthenticated_requests_get_401(aws):
    client, item = client_for(), f"{URL}/{'0' * 32}"

    answers = [
        client.get(URL),
        client.post(URL, LUNCH, content_type="application/json"),
        client.get(item),
        client.patch(item, LUNCH, content_type="application/json"),
        client.delete(item),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {problem(answer)["code"] for answer in answers} == {"not_authenticated"}


def test_a_write_needs_the_csrf_token(alice):
    expense = make_expense(alice)
    client = client_for(alice, csrf=True)
    address = f"{URL}/{expense.expense_id}"

    statuses = [
        post(client, LUNCH).status_code,
        patch(client, expense, {"amount": "1.00"}).status_code,
        client.delete(address).status_code,
    ]

    assert statuses == [403, 403, 403]
    assert [stored.version for stored in list_expenses(alice).items] == [
        expense.version
    ]
    assert client.delete(address, headers=token_of(client)).status_code == 204


def test_other_methods_are_rejected(client, alice):
    item = f"{URL}/{make_expense(alice).expense_id}"

    answers = [
        *(client.put(URL), client.patch(URL), client.delete(URL)),
        *(client.put(item), client.post(item)),
    ]

    assert {answer.status_code for answer in answers} == {405}


def test_a_trailing_slash_is_accepted(client, alice):
    expense = make_expense(alice)

    assert client.get(f"{URL}/").status_code == 200
    assert client.get(f"{URL}/{expense.expense_id}/").status_code == 200


def test_the_api_can_be_browsed(client, alice):
    make_expense(alice, description="<b>bold</b>")

    response = client.get(URL, headers={"accept": "text/html"})

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    assert b"<b>bold" not in response.content


@pytest.mark.parametrize("sha256", [None, "", hashlib.sha256(PDF).hexdigest()])
def test_an_expense_and_its_receipt_can_be_sent_in_one_form(client, sha256):
    data = {"category": "Fun", "amount": "2", "file": pdf(), "sha256": sha256}
    form = {name: value for name, value in data.items() if value is not None}

    answer = client.post("/api/expenses/with-receipt", form)

    assert answer.status_code == 201, answer.content
    assert client.get(answer.headers["Location"]).json() == answer.json()
    assert answer.json()["receipt_url"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"file": ""}, "file"),
    ],
)
def test_expense_and_receipt_are_stored_together_or_not_at_all(client, change, field):
    form = {"category": "Fun", "amount": "2", "file": pdf(), **change}

    answer = client.post("/api/expenses/with-receipt", form)

    assert set(messages_of(answer)) == {field}
    assert client.get("/api/expenses").json()["results"] == []
    sent_as_json = client.post(answer.request["PATH_INFO"], {}, "application/json")
    assert sent_as_json.status_code == 415


def pdf():
    return SimpleUploadedFile("a.pdf", PDF, "application/pdf")


def test_the_list_searches_and_sorts(client, alice):
    make_expense(alice, date="2026-03-01", description="Tea", amount="3.00")
    make_expense(alice, date="2026-03-02", description="tea pot", amount="30.00")
    make_expense(alice, date="2026-03-03", category="TEA", amount="300.00")

    def listed(query):
        answer = client.get(f"/api/expenses?{query}")
        assert answer.status_code == 200, answer.content
        return [expense["amount"] for expense in answer.json()["results"]]

    assert listed("q=TEA&ordering=date") == ["3.00", "30.00", "300.00"]
    assert listed("q=tea&min_amount=3.01&max_amount=300") == ["300.00", "30.00"]
    wrong = client.get("/api/expenses?ordering=price&min_amount=x")
    assert wrong.status_code == 400
    assert set(messages_of(wrong)) == {"ordering", "min_amount"}
