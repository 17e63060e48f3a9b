"""Test data: a user with everything that pages can show."""

import datetime
from typing import Any

from tests.expenses.receipts.pictures import PDF, picture
from tests.integration.people import PASSWORD, Person
from tests.stack import wait_until

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"[:50]
HUGE = "999999999999.99"
ADDRESS = "https://example.com/" + "very-long-path/" * 12


def everything(stack: Any) -> Person:
    """Create a user with long words, large sums, and every level and status."""
    person = Person(stack, subscribed=True)
    today = datetime.datetime.now(datetime.UTC).date()
    budgets = (
        (LONG_WORD, HUGE, "monthly"),
        ("Groceries", "100.00", "weekly"),
        ("Fun", "10.00", "monthly"),
        ("Rent", "12000.00", "yearly"),
    )
    for category, amount, period in budgets:
        person.post("budgets", category=category, amount=amount, period=period)
    expenses = (
        (LONG_WORD, HUGE, "W" * 500),
        (LONG_WORD, HUGE, ADDRESS),
        ("Groceries", "85.00", ""),
        ("Fun", "11.00", "Two lines\nof text"),
        ("No budget " + "x" * 40, HUGE, "Short"),
    )
    stored = [
        person.post(
            "expenses", category=category, amount=amount, description=description
        )
        for category, amount, description in expenses
    ]
    person.post(
        "expenses",
        category="Credit " + "x" * 40,
        amount=HUGE,
        kind="refund",
        refund_of=stored[0]["expense_id"],
    )
    person.post("expenses", category="Fun", amount="1.00", status="pending")
    for name, content in (("bill.pdf", PDF), ("photo.jpg", picture())):
        data = {"amount": "4.00", "category": "Fun", "date": f"{today}"}
        answer = person.request(
            "POST", "expenses", data=data, files={"file": (name, content)}
        )
        assert answer.status_code == 201, answer.text
    person.post(
        "tokens",
        password=PASSWORD,
        name=LONG_WORD,
        scopes=["read", "write", "reports", "account"],
        expires_in_days=366,
    )
    # On a slow machine a report may be rejected with "please try again".
    wait_until(
        lambda: (
            person.request(
                "POST", "reports/generate", json={"report_type": "monthly"}
            ).ok
        ),
    )
    person.mails(4)  # the security notice about the token goes through SES
    return person
