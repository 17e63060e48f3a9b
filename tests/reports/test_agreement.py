"""A PDF says what the API says, to the cent; the whole of it runs with `make soak`."""

import datetime
import io
import os
import re
from decimal import Decimal

import pypdf
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import queries as budgets
from reports import pdf
from reports.services import make_report
from smartbudget.core.language import speaking
from smartbudget.core.money import format_amount
from tests.builders import client_for, make_user
from tests.conftest import empty_aws
from tests.money_builders import NOON, make_budget, make_expense
from tests.reports.builders import ask

SOAK = bool(os.environ.get("SOAK"))
pytestmark = pytest.mark.soak

CATEGORIES = ("Groceries", "GROCERIES", "Rent", "Ψώνια", "餐饮")
FIRST = datetime.date(2026, 2, 1)

expense = st.tuples(
    st.integers(1, 99_999_999).map(lambda cents: Decimal(cents) / 100),
    st.sampled_from(CATEGORIES),
    st.integers(0, 58).map(lambda day: FIRST + datetime.timedelta(days=day)),
    st.sampled_from(["pending", "cleared", "void"]),
)


# How a number is brought to the API's form, and what is said around numbers.
WRITTEN = {
    "en": ({",": ""}, "{} of {}", "${}", "No expenses"),
    "de": ({".": "", ",": "."}, "{} von {}", "{} $", "keine Ausgaben"),
}


@pytest.mark.parametrize("language", WRITTEN)
@given(
    found=st.lists(expense, max_size=40),
    limits=st.dictionaries(
        st.sampled_from(CATEGORIES[1:]), st.integers(1, 100_000), max_size=4
    ),
)
@settings(
    max_examples=200 if SOAK else 6,
    derandomize=not SOAK,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_text_and_numbers_of_a_pdf_are_those_of_the_api(language, found, limits):
    with empty_aws(), time_machine.travel(NOON, tick=False):
        alice = make_user("alice")
        for category, amount in limits.items():
            make_budget(alice, category=category, amount=f"{amount}.00")
        for amount, category, day, status in found:
            make_expense(
                alice, amount=amount, category=category, date=day, status=status
            )
        said = client_for(alice).get("/api/summary?month=2026-03").json()
        question = ask(NOON.date(), report_type="monthly", year=2026, month=3)
        with speaking(language):
            report = make_report(alice, question, today=NOON.date())
            made = pdf.draw(report, username="alice", app_url="http://x")
        lines = budgets.summary(alice, "2026-03").lines

    signs, of, total, nothing = WRITTEN[language]
    plain = "\n".join(page.extract_text() for page in _pages(made))
    plain = plain.replace("\u00a0", " ")
    for sign, instead in signs.items():
        plain = re.sub(rf"(?<=\d){re.escape(sign)}(?=\d)", instead, plain)

    assert format_amount(report.total, "USD") == said["total_spent"]
    assert format_amount(report.previous_total, "USD") == said["previous_spent"]
    if report.count:
        assert total.format(said["total_spent"]) in plain
    else:
        assert nothing in plain
    if report.previous_count:
        assert said["previous_spent"] in plain
    assert [each.line for each in report.budgets] == lines
    for line in said["budgets"]:
        assert of.format(line["spent"], line["amount"]) in plain
        assert line["category"] in plain
    for line in said["unbudgeted"]:
        assert re.search(
            rf"{line['category']}\s+\d+\s+{re.escape(line['spent'])}", plain, re.I
        )
    for amount, _, day, status in found:
        if status != "void" and day in question.period:
            assert format_amount(amount, "USD") in plain


def _pages(made):
    return pypdf.PdfReader(io.BytesIO(made)).pages
