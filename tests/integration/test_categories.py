"""Renaming categories on the local AWS: real transactions and the alert e-mail."""

import json

from tests.integration.people import Person

COUNT = 1000


def test_renaming_a_category_of_a_thousand_expenses_sends_one_mail(stack):
    alice = Person(stack, subscribed=True)
    for category in ("Food", "Snacks"):
        alice.post("budgets", category=category, amount="800.00")
    rows = [{"category": "Snacks", "amount": "0.50"}] * COUNT
    alice.post("expenses/bulk", expenses=rows)
    alice.post("expenses", category="Food", amount="400.00")

    refused = alice.request(
        "POST", "categories/rename", json={"from": "Snacks", "to": "Food"}
    )
    merged = alice.post(
        "categories/merge", **{"from": ["Snacks"], "into": "Food", "budgets": "keep"}
    )
    again = alice.post(
        "categories/merge", **{"from": ["Snacks"], "into": "Food", "budgets": "keep"}
    )

    assert refused.status_code == 409
    assert merged == {"changed": COUNT, "left": False, "alerts": 1}
    assert again["alerts"] == 0
    (budget,) = alice.get("summary")["budgets"]
    assert (budget["category"], budget["spent"]) == ("Food", "900.00")
    assert [use["expenses"] for use in alice.get("categories")["results"]] == [1001]
    (mail,) = alice.mails(1)
    assert "Food" in json.dumps(mail)
    everything = alice.request("GET", "export.json").json()
    assert len(everything["history"]) == COUNT
