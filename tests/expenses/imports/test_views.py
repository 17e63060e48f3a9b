"""The pages of imports, each step of them through HTTP."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses.imports import commit, services
from expenses.imports.profiles import MAX_PROFILES
from expenses.models import Expense
from profiles import export
from tests.builders import client_for, make_user
from tests.expenses.imports.builders import csv, make_profile
from tests.money_builders import make_budget, make_expense, spent

pytestmark = pytest.mark.usefixtures("aws", "clock")

IMPORTS = "/expenses/import"
ROWS = (
    "2026-03-02,CAFE XY 4711,-4.50",
    "2026-03-03,REWE SAGT DANKE,-25.10",
    "2026-03-03,REWE SAGT DANKE,-25.10",
    "2026-03-04,ACME SALARY,2000.00",
)


@pytest.fixture
def alice():
    return make_user()


@pytest.fixture
def client(alice):
    return client_for(alice)


def upload(client, *rows, content=None, name="bank.csv"):
    """Upload a file; return the response."""
    file = SimpleUploadedFile(name, csv(*rows) if content is None else content)
    return client.post(IMPORTS, {"file": file})


def page_of(client, *rows, **options):
    """Upload a file; return the path and the text of the page that follows."""
    response = upload(client, *rows, **options)
    assert response.status_code == 302, response.content.decode()
    path = response["Location"]
    return path, text(client.get(path))


def text(response):
    """Return a page as users read it."""
    assert response.status_code == 200
    main = re.search("<main.*</main>", response.content.decode(), re.DOTALL)[0]
    without_tags = re.sub(r"<[^>]*>", " ", main)
    return " ".join(unescape(without_tags).split())


def posted(html):
    """Return what the browser sends of the form with the rows."""
    data = {"rows": [], "take": []}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name, value = attributes.get("name"), unescape(attributes.get("value", ""))
        if name == "take" and " checked" not in tag:
            continue
        if name in data:
            data[name].append(value)
        elif name and name != "csrfmiddlewaretoken":
            data[name] = value
    return data


def send(client, path, query="", **changes):
    """Send the rows of a page with some changes; return the response."""
    html = client.get(f"{path}{query}").content.decode()
    return client.post(path, {**posted(html), **changes})


def stored(user):
    return sorted(
        Expense.by_user.query(user.user_id), key=lambda e: (e.date, e.category)
    )


def result_of(client, path, **changes):
    """Import, and return the page of the result."""
    response = send(client, path, go="commit", **changes)
    assert (response.status_code, response["Location"]) == (302, path)
    return text(client.get(path))


def test_the_list_of_expenses_leads_to_an_import(client):
    assert f'href="{IMPORTS}"' in client.get("/expenses").content.decode()
    assert "You'll see each row before anything is imported." in text(
        client.get(IMPORTS)
    )


def test_a_known_bank_needs_a_file_and_two_buttons(client, alice):
    budget = make_budget(alice, category="Uncategorized", amount="500.00")

    path, page = page_of(client, *ROWS)
    assert (
        "CSV file, Mar 2 – 4, 2026: 4 transactions, commas, decimal point, year first"
        in page
    )
    assert "New 3 Skipped 1 Not transactions 1" in page
    assert "Import 3 expenses, $54.70" in page
    assert stored(alice) == []

    result = result_of(client, path)
    assert "Imported 3 expenses" in result
    assert "New 3, $54.70 Skipped 1 Transactions 4" in result
    assert spent(budget) == Decimal("54.70")
    assert "bank.csv" in text(client.get(IMPORTS))
    assert "4 transactions" in text(client.get(IMPORTS))


def test_the_preview_names_the_budgets_that_will_be_over(client, alice):
    make_budget(alice, category="Uncategorized", amount="54.69")
    path, page = page_of(client, *ROWS)
    assert "1 budget will be over its limit Uncategorized: $0.01 over" in page

    categories = ["Fun", "Uncategorized"]
    make_budget(alice, category=None, categories=categories, amount="50.00")
    page = text(client.get(path))
    assert "2 budgets will be over their limits" in page
    assert "Fun and Uncategorized: $4.70 over" in page

    send(client, path, take=[])
    assert "will be over" not in text(client.get(path))


def test_rows_of_another_currency_are_shown_first_and_in_it(client):
    content = b"Date,Description,Amount,Currency\n2026-03-02,CAFE,-4.50,EUR\n"
    content += b"2026-03-03,REWE,-1234.50,EUR\n2026-03-04,BAR,-7.00,R$\n"
    _path, page = page_of(client, content=content)
    assert "Can't be imported 3 Not transactions 1" in page
    assert "This is in EUR, and your currency is USD. €1,234.50" in page
    assert "This is in R$, and your currency is USD. 7.00 R$" in page
    assert "Nothing to import." in page


def test_the_same_file_has_nothing_new(client, alice):
    path, _page = page_of(client, *ROWS)
    result_of(client, path)

    path, page = page_of(client, *ROWS)
    assert "Already here 3" in page
    assert "Nothing to import." in page
    assert "Import 3" not in page
    answer = send(client, path, go="commit")
    assert answer.status_code == 302
    assert len(stored(alice)) == 3


def test_the_result_has_what_was_added_since_another_tab_was_faster(client, alice):
    first, _page = page_of(client, *ROWS)
    second, page = page_of(client, *ROWS, "2026-03-05,BAR,-1.00")
    assert "Import 4 expenses" in page
    result_of(client, first)

    result = result_of(client, second)

    assert "Imported 1 expense " in result
    assert "New 1, $1.00 Already here 3 Skipped 1 Transactions 5" in result
    question = text(client.get(f"{second}/undo"))
    assert "Deletes the 1 expense that it added." in question
    client.post(f"{second}/undo")
    assert len(stored(alice)) == 3


def test_an_unticked_row_is_left_out_and_a_ticked_one_imported(client, alice):
    path, _page = page_of(client, *ROWS)
    send(client, path, "?show=new", take=["3", "4"], go="show=left_out")
    left_out = client.get(f"{path}?show=left_out").content.decode()
    assert "CAFE XY" in left_out
    taken = [*re.findall('name="take" value="([0-9]+)"', left_out)]
    assert taken == ["2", "5"]

    result = result_of(client, f"{path}", take=["3", "4"])
    assert "Imported 2 expenses" in result
    assert {expense.amount for expense in stored(alice)} == {Decimal("25.10")}


def test_money_received_becomes_a_refund_if_it_is_ticked(client, alice):
    path, _page = page_of(client, *ROWS)
    assert "it becomes a refund" in text(client.get(f"{path}?show=left_out"))
    send(client, path, "?show=left_out", take=["5"], go="show=new")
    assert "Refund You chose this. +$2,000.00" in text(client.get(path))

    result_of(client, path)

    assert min(expense.amount for expense in stored(alice)) == Decimal("-2000.00")


def test_a_category_is_set_for_all_rows_of_the_merchant(client, alice):
    path, _page = page_of(client, *ROWS)

    result_of(client, path, **{"category-3": "Groceries", "merchant-2": "Cafe"})

    assert [(e.merchant, e.category) for e in stored(alice)] == [
        ("Cafe", "Uncategorized"),
        ("REWE SAGT DANKE", "Groceries"),
        ("REWE SAGT DANKE", "Groceries"),
    ]


def test_the_users_categories_are_offered(client, alice):
    make_budget(alice, category="Fun")
    make_expense(alice, category="Groceries")
    path, _page = page_of(client, *ROWS)

    html = client.get(path).content.decode()

    options = re.findall('<option value="([^"]*)"></option>', html)
    assert options == ["Fun", "Groceries"]


def test_enter_in_a_field_saves_and_stays_on_the_page(client):
    path, _page = page_of(client, *ROWS)
    html = client.get(f"{path}?show=new").content.decode()
    first_button = re.search('<button[^>]*name="go" value="([^"]*)"', html)[1]

    answer = send(client, path, go=first_button, **{"category-2": "Fun"})

    assert answer["Location"] == f"{path}?show=new"
    assert 'value="Fun"' in client.get(path).content.decode()


def test_an_expense_entered_by_hand_is_offered_as_the_same(client, alice):
    lunch = make_expense(alice, amount="4.50", date="2026-03-03", category="Lunch")
    path, page = page_of(client, *ROWS)
    assert "Entered by you 1" in page
    html = client.get(f"{path}?show=match").content.decode()
    assert f'href="/expenses/{lunch.expense_id}/edit"' in html

    result = result_of(client, path)

    assert "Entered by you 1, marked as cleared" in result
    kept = Expense.get(lunch.expense_id)
    assert (kept.category, kept.status) == ("Lunch", "cleared")


def test_another_expense_is_imported_beside_the_one_entered_by_hand(client, alice):
    make_expense(alice, amount="4.50", date="2026-03-03")
    path, _page = page_of(client, *ROWS)
    send(client, path, "?show=match", **{"decision-2": "new"}, go="show=match")

    assert "Imported 3 expenses" in result_of(client, path)
    assert len(stored(alice)) == 4


def test_a_row_that_must_be_decided_comes_first_and_blocks_the_import(client, alice):
    path, _page = page_of(client, "2026-03-02,REWE SAGT DANKE 4711,-3.50")
    result_of(client, path)
    path, page = page_of(client, "2026-03-02,REWE,-3.50")

    assert "Please check 1" in page
    assert "Decide what to do with 1 row first." in page
    response = send(client, path, go="commit")
    refused = text(client.get(response["Location"]))
    assert "Decide what to do with 1 row first." in refused
    assert len(stored(alice)) == 1

    send(client, path, go="commit", **{"decision-2": "new"})
    assert len(stored(alice)) == 2


def test_one_question_at_a_time_is_asked_and_nothing_imported_before(client, alice):
    rows = ("01/02/2026,SHOP,5.00", "02/02/2026,SHOP,7.00")
    path, page = page_of(client, *rows)
    assert "The file can be read in more than one way." in page
    assert "What do these dates mean?" in page
    assert "Are these payments?" not in page

    assert client.post(path, {"answer": "no such"}).status_code == 400
    assert client.post(path, {"go": "commit"}).status_code == 200
    assert client.post(path, {"answer": "mdy"})["Location"] == path
    assert "Are these payments?" in text(client.get(path))
    client.post(path, {"answer": "positive_is_paid"})

    page = text(client.get(path))
    assert "month first, payments without a minus sign" in page
    result_of(client, path)
    assert [e.date for e in stored(alice)] == ["2026-01-02", "2026-02-02"]
    assert "What do" not in page_of(client, *rows, "03/02/2026,SHOP,9.00")[1]


def test_a_file_is_read_again_with_another_mapping(client, alice):
    path, _page = page_of(client, *ROWS)
    send(client, path, take=["3", "4"], go="show=new")
    form = client.get(f"{path}/mapping").content.decode()
    assert "Description" in form

    answer = client.post(
        f"{path}/mapping",
        {
            "profile": "Checking",
            "delimiter": ",",
            "decimal": ".",
            "date_format": "ymd",
            "sign": "positive_is_paid",
            "encoding": "utf-8",
            "column_date": "0",
            "column_amount": "2",
            "column_text": ["1"],
        },
    )

    assert answer["Location"] == path
    page = text(client.get(path))
    assert "CSV file from Checking" in page
    assert "payments without a minus sign" in page
    assert "New 1" in page


def test_a_mapping_without_dates_or_amounts_is_refused(client):
    path, _page = page_of(client, *ROWS)

    answer = client.post(f"{path}/mapping", {"delimiter": ",", "column_date": ""})

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Choose the column of dates." in page
    assert "Choose the column of amounts." in page


def test_an_unchanged_mapping_changes_nothing(client, alice):
    path, _page = page_of(client, *ROWS)
    form = client.get(f"{path}/mapping").content.decode()
    selects = re.findall('<select name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL)
    data = {}
    for name, options in selects:
        chosen = re.search('<option value="([^"]*)" selected', options)
        data[name] = unescape(chosen[1]) if chosen else ""
    data["column_text"] = re.findall('value="([0-9]+)"[^>]*checked', form)
    data["profile"] = re.search('name="profile" value="([^"]*)"', form)[1]
    revision = services.get_import(alice, path[-32:]).revision

    assert client.post(f"{path}/mapping", data)["Location"] == path
    assert services.get_import(alice, path[-32:]).revision == revision


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7", "This is a PDF."),
        (b"nothing here", "No row of this file has a date and an amount."),
        (b"x" * (5 * 1024 * 1024 + 1), "The file is larger than 5 MB."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_its_field(client, content, reason):
    response = upload(client, content=content)

    assert response.status_code == 400
    assert reason in unescape(response.content.decode())


def test_a_form_without_a_file_asks_for_one(client):
    response = client.post(IMPORTS, {})

    assert response.status_code == 400
    assert "Fill in this field." in response.content.decode()


def test_rows_that_cannot_be_read_are_listed_with_the_reason(client):
    path, page = page_of(client, *ROWS, "2026-03-05,SHOP,twelve")
    assert "Can't be imported 1" in page

    wrong = text(client.get(f"{path}?show=wrong"))

    assert "Line 6" in wrong
    assert "twelve" in wrong


def test_fifty_rows_are_on_a_page_and_edits_are_kept(client, alice):
    rows = [f"2026-03-{1 + n % 9:02},SHOP {n}a,-{n + 1}.00" for n in range(60)]
    path, page = page_of(client, *rows)
    assert "1-50 of 60" in page

    answer = send(client, path, go="show=new&first=51", **{"category-2": "Fun"})
    assert answer["Location"] == f"{path}?show=new&first=51"
    assert "51-60 of 60" in text(client.get(answer["Location"]))

    assert "Imported 60 expenses" in result_of(client, path)
    assert sum(e.category == "Fun" for e in stored(alice)) == 1


@pytest.mark.parametrize(
    "query",
    ["?show=nonsense", "?first=x", "?first=-1", "?first=99999", "?show=new&first=²"],
)
def test_a_mistyped_address_shows_a_page_of_rows(client, query):
    path, _page = page_of(client, *ROWS)

    assert client.get(f"{path}{query}").status_code == 200


@pytest.mark.parametrize("go", ["", "nonsense", "show=x", "show=new&first=x", "//x.y"])
def test_a_button_leads_to_a_page_of_the_import_only(client, go):
    path, _page = page_of(client, *ROWS)

    answer = send(client, path, go=go)

    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{path}?")


def test_rows_and_decisions_that_do_not_exist_are_refused(client, alice):
    make_expense(alice, amount="4.50", date="2026-03-03")
    path, _page = page_of(client, *ROWS)
    data = {"rows": ["2", "99", "x"], "decision-2": "nonsense", "go": "show=new"}
    revision = services.get_import(alice, path[-32:]).revision

    answer = client.post(path, {**data, "revision": revision})

    assert "Choose one of" in text(client.get(answer["Location"]))
    assert services.get_import(alice, path[-32:]).revision == revision


def test_changes_from_an_old_page_are_refused(client):
    path, _page = page_of(client, *ROWS)
    old = posted(client.get(path).content.decode())
    send(client, path, go="show=new", **{"category-2": "Fun"})

    answer = client.post(path, {**old, "category-2": "Old", "go": "commit"})

    page = client.get(answer["Location"]).content.decode()
    assert "This import was changed in the meantime." in page
    assert 'value="Fun"' in page


def test_a_long_import_continues_by_itself_until_it_is_done(client, alice, monkeypatch):
    monkeypatch.setattr(commit, "MAX_ROWS", 2)
    path, _page = page_of(client, *ROWS)
    send(client, path, go="commit")

    progress = client.get(path)
    assert "2 of 3 expenses" in text(progress)
    refresh = progress["Refresh"].partition("url=")[2]
    assert refresh == f"{path}/continue"

    assert client.get(refresh)["Location"] == path
    assert "Imported 3 expenses" in text(client.get(path))
    assert "Refresh" not in client.get(path)
    client.get(refresh)  # repeated
    assert len(stored(alice)) == 3


def test_a_preview_is_not_begun_by_a_link(client, alice):
    path, _page = page_of(client, *ROWS)

    assert client.get(f"{path}/continue")["Location"] == path

    assert stored(alice) == []
    assert client.post(f"{path}/continue").status_code == 405


def test_a_preview_is_discarded_after_a_question(client, alice):
    path, _page = page_of(client, *ROWS)
    assert f'href="{path}/discard"' in client.get(path).content.decode()
    assert f'href="{path}/discard"' in client.get(IMPORTS).content.decode()
    assert "Discard bank.csv?" in text(client.get(f"{path}/discard"))

    assert client.post(f"{path}/discard")["Location"] == IMPORTS

    page = client.get(IMPORTS).content.decode()
    assert "Discarded bank.csv. Nothing was imported." in page
    assert f'href="{path}"' not in page
    assert client.get(path).status_code == 404
    assert "New 3" in page_of(client, *ROWS)[1]


def test_a_file_that_asks_a_question_is_discarded(client):
    path, _page = page_of(client, "01/02/2026,SHOP,5.00", "02/02/2026,SHOP,7.00")
    assert f'href="{path}/discard"' in client.get(path).content.decode()

    client.post(f"{path}/discard")

    assert client.get(path).status_code == 404


def test_an_import_that_was_begun_is_not_discarded(client, alice):
    path, _page = page_of(client, *ROWS)
    result_of(client, path)

    assert client.get(f"{path}/discard")["Location"] == path
    assert client.post(f"{path}/discard")["Location"] == path
    page = client.get(path).content.decode()
    assert "This import has already started. Undo it instead." in page
    assert f'href="{path}/discard"' not in client.get(IMPORTS).content.decode()
    assert len(stored(alice)) == 3


def test_an_import_is_undone_after_a_question(client, alice):
    path, _page = page_of(client, *ROWS)
    result_of(client, path)
    assert "Deletes the 3 expenses that it added." in text(client.get(f"{path}/undo"))
    assert len(stored(alice)) == 3

    assert client.post(f"{path}/undo")["Location"] == path

    assert "Import undone" in text(client.get(path))
    assert stored(alice) == []
    assert "New 3" in page_of(client, *ROWS)[1]


def test_a_long_undo_continues_by_itself(client, alice, monkeypatch):
    path, _page = page_of(client, *ROWS)
    result_of(client, path)
    monkeypatch.setattr(commit, "MAX_ROWS", 1)
    monkeypatch.setattr(commit, "_READ", 1)

    client.post(f"{path}/undo")
    progress = client.get(path)
    assert "Undoing the import 1 of 3 expenses" in text(progress)
    while "Refresh" in progress:
        client.get(progress["Refresh"].partition("url=")[2])
        progress = client.get(path)

    assert stored(alice) == []


def test_the_undo_of_an_unfinished_import_counts_what_was_written(client, monkeypatch):
    path, _page = page_of(client, *ROWS)
    monkeypatch.setattr(commit, "MAX_ROWS", 2)
    send(client, path, go="commit")
    monkeypatch.setattr(commit, "MAX_ROWS", 1)
    monkeypatch.setattr(commit, "_READ", 1)

    client.post(f"{path}/undo")

    assert "Undoing the import 1 of 2 expenses" in text(client.get(path))


def test_expenses_changed_since_are_listed_and_undone_if_they_are_selected(
    client, alice
):
    path, _page = page_of(client, *ROWS)
    result_of(client, path)
    changed = stored(alice)[0]
    client.post(
        f"/expenses/{changed.expense_id}/edit",
        {
            "amount": "4.80",
            "category": "Coffee",
            "date": changed.date,
            "status": "cleared",
            "kind": "expense",
            "version": str(changed.version),
        },
    )

    page = text(client.post(f"{path}/undo"))
    assert "1 expense has changed since the import." in page
    assert "Coffee, $4.80" in page
    assert len(stored(alice)) == 1
    assert "1 expense has changed since the import and was kept." in text(
        client.get(path)
    )

    client.post(f"{path}/undo", {"selected": changed.expense_id})
    assert stored(alice) == []


def test_an_import_that_is_done_is_not_changed(client, alice):
    path, _page = page_of(client, *ROWS)
    data = posted(client.get(path).content.decode())
    result_of(client, path)

    for address in (path, f"{path}/mapping"):
        assert (
            client.post(address, {**data, "take": [], "go": "commit"})["Location"]
            == path
        )
    assert client.get(f"{path}/mapping")["Location"] == path
    assert len(stored(alice)) == 3


def test_another_users_import_is_not_found(client, alice):
    path, _page = page_of(client, *ROWS)
    other = client_for(make_user())

    steps = ("", "/mapping", "/undo", "/discard")
    for address in (f"{path}/continue", *(f"{path}{step}" for step in steps)):
        assert other.get(address).status_code == 404
    for address in (f"{path}{step}" for step in steps):
        assert other.post(address, {"go": "commit"}).status_code == 404
    assert "bank.csv" not in text(other.get(IMPORTS))
    assert stored(alice) == []


def test_texts_of_a_file_are_shown_as_text(client):
    path, _page = page_of(client, "2026-03-02,<script>alert(1)</script>,-4.50")

    html = client.get(path).content.decode()

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


RULES = f"{IMPORTS}/rules"
RULE = {"match": "contains", "text": "rewe", "category": "Groceries"}


def test_a_rule_applies_to_the_next_file_until_it_is_deleted(client):
    assert client.post(RULES, RULE)["Location"] == RULES
    html = client.get(RULES).content.decode()
    assert "Text contains “rewe”" in html
    assert "category Groceries" in html
    path, page = page_of(client, *ROWS)
    assert "One of your rules." in page
    assert 'value="Groceries"' in client.get(path).content.decode()

    rule_id = re.search('name="delete" value="([^"]+)"', html)[1]
    client.post(RULES, {"delete": rule_id})

    assert "Text contains" not in text(client.get(RULES))
    assert "One of your rules." not in page_of(client, *ROWS)[1]


def test_a_rule_without_an_effect_is_refused(client):
    client.post(RULES, RULE)

    response = client.post(RULES, {"match": "is", "text": "rewe"})

    assert response.status_code == 400
    assert "Choose what the rule does." in response.content.decode()


def test_rules_are_the_users_own(client):
    client.post(RULES, RULE)
    other = client_for(make_user())

    assert "rewe" not in text(other.get(RULES))
    other.post(RULES, {"delete": "0" * 32})
    assert "rewe" in text(client.get(RULES))


def test_one_click_makes_a_rule_of_a_typed_category(client):
    path, _page = page_of(client, *ROWS)
    html = client.get(path).content.decode()
    assert 'name="always" value="3"' in html

    answer = send(client, path, always="3", **{"category-3": "Groceries"})

    assert answer["Location"] == f"{path}?show=new#row-3"
    html = client.get(path).content.decode()
    assert "“REWE SAGT DANKE” always gets the category Groceries." in html
    assert f'href="{RULES}' in html
    assert html.count("One of your rules.") == 2
    assert 'name="always" value="3"' not in html
    assert "Text is “REWE SAGT DANKE”" in text(client.get(RULES))


def test_one_click_ends_suggestions(client, alice):
    for day in "123":
        make_expense(alice, merchant="CAFE XY", category="Fun", date=f"2026-02-0{day}")
    path, page = page_of(client, *ROWS)
    assert "Your last three expenses at CAFE XY are in Fun." in page

    send(client, path, never="2")

    html = client.get(path).content.decode()
    assert "No more suggestions for “CAFE XY”." in html
    assert 'value="Fun"' not in html.partition("<datalist")[0]
    rules_page = client.get(RULES).content.decode()
    assert "suggest no category" in rules_page
    rule_id = re.search('name="delete" value="([^"]+)"', rules_page)[1]
    client.post(RULES, {"delete": rule_id})
    assert "Your last three expenses" in page_of(client, *ROWS)[1]


@pytest.mark.parametrize("row", ["2", "1", "99", "x", "²", "-1", "1" * 20])
def test_a_click_that_makes_no_rule_changes_nothing(client, row):
    path, _page = page_of(client, *ROWS)

    answer = send(client, path, always=row)

    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{path}?show=new")
    assert "Text is" not in text(client.get(RULES))


def test_a_click_on_an_old_page_makes_no_rule(client):
    path, _page = page_of(client, *ROWS)
    old = posted(client.get(path).content.decode())
    send(client, path, go="show=new", **{"category-2": "Fun"})

    answer = client.post(path, {**old, "always": "2"})

    assert "changed in the meantime" in client.get(answer["Location"]).content.decode()
    assert "Text is" not in text(client.get(RULES))


ACCOUNTS = f"{IMPORTS}/accounts"


def test_a_bank_account_is_renamed_and_deleted(client, alice):
    assert "Your first import adds one." in text(client.get(ACCOUNTS))
    path, _page = page_of(client, *ROWS)
    result_of(client, path)
    page = client.get(ACCOUNTS).content.decode()
    [address] = re.findall(f'href="({ACCOUNTS}/[0-9a-f]+)"', page)
    assert 'value="CSV"' in client.get(address).content.decode()

    assert client.post(address, {"name": "Sparkasse"})["Location"] == ACCOUNTS
    page = client.get(ACCOUNTS).content.decode()
    assert "The account is now called Sparkasse." in page
    assert "CSV file from Sparkasse" not in page
    assert "CSV file from Sparkasse" in page_of(client, *ROWS)[1]

    assert "Delete Sparkasse?" in text(client.get(f"{address}/delete"))
    assert client.post(f"{address}/delete")["Location"] == ACCOUNTS
    page = client.get(ACCOUNTS).content.decode()
    assert "Deleted Sparkasse. Its expenses stay." in page
    assert client.get(address).status_code == 404
    assert len(stored(alice)) == 3
    assert "Already here 3" in page_of(client, *ROWS)[1]


def test_a_bank_account_needs_a_name_of_its_own(client, alice):
    make_profile(alice, "Joint")
    address = f"{ACCOUNTS}/{make_profile(alice, 'Own').source}"

    for name, reason in (
        ("", "Fill in this field."),
        ("joint", "Another bank account has this name."),
    ):
        response = client.post(address, {"name": name})
        assert response.status_code == 400
        assert reason in response.content.decode()


def test_a_file_of_one_account_too_many_is_refused(client, alice):
    for number in range(MAX_PROFILES):
        make_profile(alice, f"{number}", base=f"{number}")

    response = upload(client, *ROWS)

    assert response.status_code == 400
    assert "You can have at most 30 bank accounts." in response.content.decode()


def test_bank_accounts_are_the_users_own(client, alice):
    address = f"{ACCOUNTS}/{make_profile(alice, 'Joint').source}"
    other = client_for(make_user())

    assert "Joint" not in text(other.get(ACCOUNTS))
    for path in (address, f"{address}/delete"):
        assert other.get(path).status_code == 404
        assert other.post(path, {"name": "x"}).status_code == 404
    assert "Joint" in text(client.get(ACCOUNTS))


def test_an_own_export_has_no_account_in_its_description(client, alice):
    make_expense(alice, amount="12.34")
    content = b"".join(export.csv_chunks(alice))

    _path, page = page_of(client, content=content, name="expenses.csv")

    assert "Your own CSV export, Mar" in page


CZECH = csv(
    "2026-03-02,ALBERT,-4.50",
    "2026-03-03,Žižkov Čeština,-5.50",
    "2026-03-04,BILLA,-6.50",
    "2026-03-05,Kavárna,-7.50",
).decode()


def test_a_guessed_encoding_is_shown_and_chosen_by_its_letters(client, alice):
    path, page = page_of(client, content=CZECH.encode("cp1250"))
    assert "Do the letters in the first rows look right?" in page
    names = re.findall('name="merchant-[0-9]+" value="([^"]+)"', shown(client, path))
    assert names == ["Žižkov Èeština", "Kavárna", "ALBERT", "BILLA"]

    form = client.get(f"{path}/mapping").content.decode()
    assert "Žižkov Èeština · Kavárna (CP1252)" in form
    assert "Žižkov Čeština · Kavárna (CP1250)" in form
    data = {"profile": "CSV", "column_date": "0", "column_amount": "2"}
    data |= {"column_text": ["1"], "delimiter": ",", "decimal": "."}
    data |= {"date_format": "ymd", "sign": "negative_is_paid"}
    assert client.post(f"{path}/mapping", data).status_code == 400
    assert client.post(f"{path}/mapping", {**data, "encoding": "x"}).status_code == 400
    answer = client.post(f"{path}/mapping", {**data, "encoding": "cp1250"})

    assert answer["Location"] == path
    html = shown(client, path)
    assert 'value="Žižkov Čeština"' in html
    assert "Do the letters" not in html
    result_of(client, path)
    assert "Do the letters" not in page_of(client, content=CZECH.encode("cp1250"))[1]


def test_a_guessed_encoding_is_right_once_its_file_was_imported(client):
    content = CZECH.replace("Č", "É").encode("cp1252")
    path, page = page_of(client, content=content)
    assert "Do the letters" in page

    result_of(client, path)

    _path, page = page_of(client, content=content)
    assert "Already here 4" in page
    assert "Do the letters" not in page


def test_the_same_encoding_can_be_confirmed(client):
    content = CZECH.replace("Č", "É").encode("cp1252")
    path, page = page_of(client, content=content)
    assert "Do the letters" in page
    data = {"profile": "CSV", "column_date": "0", "column_amount": "2"}
    data |= {"column_text": ["1"], "encoding": "cp1252"}

    client.post(f"{path}/mapping", data)

    assert "Do the letters" not in text(client.get(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_certain_encoding_is_not_asked_about(client, encoding):
    path, page = page_of(client, content=CZECH.encode(encoding))

    assert "Do the letters" not in page
    names = re.findall('name="merchant-[0-9]+" value="([^"]+)"', shown(client, path))
    assert names == ["ALBERT", "Žižkov Čeština", "BILLA", "Kavárna"]


def shown(client, path):
    return unescape(client.get(f"{path}?show=new").content.decode())
