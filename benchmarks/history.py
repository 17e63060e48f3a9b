"""A history of expenses that is the same in every run and on every machine."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

DAYS = 3000  # some eight years, of which each day has as many expenses
CATEGORIES = (
    "Groceries",
    "Eating out",
    "Rent",
    "Transport",
    "Clothes",
    "Health",
    "Travel",
    "Insurance",
    "Subscriptions",
    "Gifts",
    "Home",
    "Fun",
)
RARE = "telescope"  # in the description of the oldest expense


class Payment(NamedTuple):
    """One expense of the history."""

    day: datetime.date
    category: str
    description: str
    amount: Decimal


def spread(count: int, last: datetime.date) -> Iterator[Payment]:
    """Yield expenses spread evenly over DAYS up to `last`, oldest first.

    Each category has a twelfth of them.
    """
    first = last - datetime.timedelta(days=DAYS - 1)
    for number in range(count):
        day = first + datetime.timedelta(days=number * DAYS // count)
        word = RARE if number == 0 else "bread"
        yield Payment(
            day,
            CATEGORIES[number % len(CATEGORIES)],
            f"Number {number}, {word} bought on the way home",
            Decimal(number * 37 % 9973 + 100) / 100,
        )
