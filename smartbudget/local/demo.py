"""Load demo data: a user with budgets, e-mail alerts and a year of expenses.

The expenses of a day depend only on the date, so loading again after an interruption,
even on another day, adds only what is missing.
"""

import datetime
import itertools
import json
import random
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts import services as accounts
from accounts import sessions
from budgets import services as budgets
from budgets import updates
from expenses import queries as expenses
from expenses.bulk_create import record_expenses
from notifications import subscriptions
from profiles import services
from smartbudget.core.config import config
from smartbudget.core.errors import ConflictError
from smartbudget.core.user import User
from smartbudget.local.settings import DEMO_PASSWORD, DEMO_USERNAME, LocalError

EMAIL = f"{DEMO_USERNAME}@example.com"
DAYS = 365
PAYDAY = "2026-01-02"  # a Friday
CLEARED_AFTER = 10  # days until an expense is on a statement

BUDGETS: tuple[dict[str, Any], ...] = (
    {"category": "Rent", "amount": "1200.00", "alert_thresholds": [100]},
    {
        "category": "Groceries",
        "amount": "480.00",
        "alert_thresholds": [50, 80, 100],
        "rollover": {"mode": "both", "cap": "100.00"},
        "everyday": True,
    },
    {"category": "Eating out", "amount": "160.00", "alert_thresholds": [75]},
    {"category": "Transport", "amount": "140.00", "alert_thresholds": [90]},
    {"category": "Utilities", "amount": "260.00", "alert_thresholds": [90]},
    {
        "category": "Coffee",
        "amount": "15.00",
        "period": "weekly",
        "everyday": True,
    },
    {
        "category": "Fun",
        "amount": "60.00",
        "period": "biweekly",
        "anchor": PAYDAY,
        "alert_thresholds": [50, 80, 100],
        "rollover": {"mode": "surplus", "cap": "120.00"},
        "note": "From payday to payday",
    },
    {
        "category": "Clothes",
        "amount": "90.00",
        "paused": True,
        "note": "Until the sales",
    },
    {"category": "Travel", "amount": "2200.00", "period": "yearly"},
    {
        "categories": ["Fun", "Gifts", "Streaming"],
        "amount": "150.00",
        "period": "semimonthly",
        "rollover": {"mode": "overspend"},
    },
)

# Category, description, day of the month, lowest and highest amount.
MONTHLY = (
    ("Rent", "Flat, Mill Lane 4", 1, 1150, 1150),
    ("Utilities", "Electricity", 5, 58, 96),
    ("Utilities", "Water and heating", 8, 70, 110),
    ("Phone", "Mobile plan", 12, 19, 19),
    ("Streaming", "Films and series", 15, 12, 14),
    ("Transport", "Monthly bus pass", 2, 49, 49),
    ("Insurance", "Household insurance", 20, 31, 31),
)

# Category, descriptions, probability per day, lowest and highest amount.
IRREGULAR = (
    (
        "Groceries",
        ("Supermarket", "Farmers' market", "Bakery", "Corner shop"),
        0.42,
        9,
        78,
    ),
    (
        "Eating out",
        ("Pizza with Sam", "Ramen bar", "Lunch near work", ""),
        0.16,
        11,
        46,
    ),
    ("Coffee", ("Espresso and cake", "Flat white ☕", ""), 0.3, 3, 8),
    ("Transport", ("Taxi home", "Train to Leeds", "Bike repair"), 0.07, 8, 52),
    ("Clothes", ("Winter coat", "Running shoes", "T-shirts"), 0.03, 18, 140),
    ("Health", ("Pharmacy", "Dentist", "Glasses"), 0.025, 8, 120),
    ("Gifts", ("Birthday present", "Flowers", "Книга для Ольги"), 0.03, 10, 70),
    ("Travel", ("Weekend in Porto", "Hotel in Kyoto 京都", "Flight"), 0.012, 90, 420),
    ("Fun", ("Cinema", "Concert", "Museum", "Board game"), 0.07, 8, 60),
)

# {description: merchant}
MERCHANTS = {
    "Electricity": "City Power",
    "Mobile plan": "Callwell",
    "Films and series": "Reelhouse",
    "Monthly bus pass": "Leeds Buses",
    "Household insurance": "Northgate Mutual",
    "Supermarket": "Greenfield",
    "Farmers' market": "Abel's farm",
    "Bakery": "Miller & Sons",
    "Corner shop": "Singh's",
    "Ramen bar": "Noodle Yard",
    "Espresso and cake": "Café Nord",
    "Flat white ☕": "Café Nord",
    "Train to Leeds": "Northern Rail",
    "Winter coat": "Holt",
    "Running shoes": "Holt",
    "Pharmacy": "Well & Co",
    "Glasses": "Well & Co",
    "Flowers": "Rosa's",
    "Hotel in Kyoto 京都": "Hotel Kamo",
    "Cinema": "Odeon Square",
}

# Once a month, at a supermarket that also sells other things.
SPLIT_DAY = 7
SPLIT = {
    "amount": Decimal("84.30"),
    "merchant": "Greenfield",
    "description": "Weekly shop",
    "parts": [
        {"category": "Groceries", "amount": "61.80"},
        {"category": "Household", "amount": "16.50", "note": "Detergent, light bulbs"},
        {"category": "Gifts", "amount": "6.00", "note": "Card for Olga"},
    ],
}

REFUND = {
    "amount": Decimal("35.00"),
    "kind": "refund",
    "category": "Clothes",
    "merchant": "Holt",
    "description": "Shoes, sent back",
    "notes": "Sent back in the shop on the 14th, receipt in the box.\nToo small.",
}
REFUND_DAYS = ("02-14", "05-14", "08-14", "11-14")


def load() -> None:
    """Create what is missing; safe to repeat after an interruption."""
    user = _demo_user()
    today = user.today()
    for month, days in itertools.groupby(_days(today), lambda day: f"{day:%Y-%m}"):
        rows = [fields for day in days for fields in _expenses_of(day, today)]
        record_expenses(
            user, rows, idempotency_key=f"demo {month}", is_same_request=True
        )
    for values in BUDGETS:
        try:
            _create_budget(user, next(_days(today)), **values)
        except ConflictError:
            continue  # created before the interruption


def _create_budget(user: User, first: datetime.date, **values: Any) -> None:
    """Create a budget before the first expense, then begin its current period."""
    before = _UserOnDay(**vars(user), day=first - datetime.timedelta(days=1))
    budget = budgets.create_budget(before, **values)
    spendings = expenses.spending(user.user_id, updates.to_count(user, budget))
    _, outcome = updates.correct(user, budget, spendings)
    updates.enqueue_follow_ups(user, outcome)


@dataclass(frozen=True)
class _UserOnDay(User):
    """A user on another day than today."""

    day: datetime.date = datetime.date.max

    def today(self, instant: datetime.datetime | None = None) -> datetime.date:
        return self.day


def _demo_user() -> User:
    """Create or log in the user, who subscribes to e-mails; return it."""
    try:
        login = accounts.register(
            username=DEMO_USERNAME, email=EMAIL, password=DEMO_PASSWORD
        )
    except ConflictError:
        login = accounts.log_in(
            identifier=DEMO_USERNAME, password=DEMO_PASSWORD, address="127.0.0.1"
        )
    user = services.update_profile(
        login.user, large_expense_threshold=Decimal(1000)
    ).user
    if subscriptions.subscribe(user).subscription_status == "pending":
        _follow_confirmation_link()
        subscriptions.refresh(user)
    sessions.log_out(login.session_key)
    return user


def _follow_confirmation_link() -> None:
    """Open the link in the confirmation mail, as the user would."""
    inbox = f"{config.mailbox_url}/api/messages?to={urllib.parse.quote(EMAIL)}"
    for _ in range(50):
        with urllib.request.urlopen(inbox, timeout=5) as response:
            links = [message["confirm_url"] for message in json.load(response)]
        link = next(filter(None, reversed(links)), None)
        if link:
            urllib.request.urlopen(link, timeout=5).close()
            return
        time.sleep(0.1)
    raise LocalError("The demo user's confirmation mail did not arrive.")


def _days(today: datetime.date) -> Iterator[datetime.date]:
    """Yield the days from the start of a month, as rows are numbered within one."""
    day = (today - datetime.timedelta(days=DAYS)).replace(day=1)
    while day <= today:
        yield day
        day += datetime.timedelta(days=1)


def _expenses_of(
    day: datetime.date, today: datetime.date
) -> Iterator[dict[str, object]]:
    generator = random.Random(day.isoformat())
    purchases = [
        (category, description, low, high)
        for category, description, due, low, high in MONTHLY
        if day.day == due
    ]
    purchases += [
        (category, generator.choice(descriptions), low, high)
        for category, descriptions, probability, low, high in IRREGULAR
        if generator.random() < probability
    ]
    for category, description, low, high in purchases:
        cents = 0 if low == high else generator.randrange(100)
        yield {
            "amount": Decimal(generator.randint(low, high)) + Decimal(cents) / 100,
            "category": category,
            "merchant": MERCHANTS.get(description, ""),
            "description": description,
            "date": day,
            "status": _status(day, today),
        }
    if day.day == SPLIT_DAY:
        yield {**SPLIT, "date": day, "status": _status(day, today)}
    if f"{day:%m-%d}" in REFUND_DAYS:
        yield {**REFUND, "date": day, "status": _status(day, today)}


def _status(day: datetime.date, today: datetime.date) -> str:
    return "cleared" if (today - day).days > CLEARED_AFTER else "pending"


if __name__ == "__main__":
    load()
