"""The layout of charts, which templates draw as SVG.

Positions and lengths are strings such as `42.50%` of the drawing's width or height, so
one drawing fits phones and desktops without scaling its text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from budgets.charts import percent
from reports.summary import Summary
from reports.trend import MonthTotal
from smartbudget.core.i18n import short_number
from smartbudget.core.money import CURRENCIES

MAX_CATEGORIES = 8  # shown at first; the others are collapsed

# Of a trend's fourteen columns, two are for the scale, the others for the months.
SCALE_COLUMNS = 2
TOP, BOTTOM = Decimal(6), Decimal(86)  # percent of the height; month names go below
COLUMN_WIDTH = Decimal("0.7")  # share of a month's space
MAX_STEPS = 4

_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True)
class CategoryBar:
    """A category's spending as a bar, relative to that of the largest category."""

    category: str
    spent: Decimal
    length: str
    is_budgeted: bool


@dataclass(frozen=True)
class Column:
    """One month of a trend."""

    month: MonthTotal
    x: str
    width: str
    y: str
    height: str
    middle: str


@dataclass(frozen=True)
class Rule:
    """A horizontal line of a trend and its short label."""

    label: str
    y: str


@dataclass(frozen=True)
class Trend:
    """Months as columns over a scale."""

    columns: list[Column]
    rules: list[Rule]  # from zero up
    scale_end: str  # where the months begin
    highest: Column


def category_bars(summary: Summary) -> list[CategoryBar]:
    """Return the bars of a month's spending by category, largest first.

    Without the categories of `credits`.
    """
    unbudgeted = {name for name, _ in summary.unbudgeted}
    categories = [(name, spent) for name, spent in summary.categories if spent >= 0]
    # Not zero: refunds may equal expenses in every category.
    largest = max((spent for _, spent in categories), default=0) or 1
    return [
        CategoryBar(name, spent, percent(spent * 100 / largest), name not in unbudgeted)
        for name, spent in categories
    ]


def credits(summary: Summary) -> list[tuple[str, Decimal]]:
    """Return the categories with more refunds than expenses, the largest first."""
    return [(name, spent) for name, spent in summary.categories[::-1] if spent < 0]


def trend(months: Sequence[MonthTotal], currency: str) -> Trend | None:
    """Return months as columns, oldest first, or None if nothing was spent.

    A month with more refunds than expenses has an empty column.
    """
    top = max((month.spent for month in months), default=Decimal(0))
    if top <= 0:
        return None
    values = [*_scale(top, currency)]
    step = Decimal(100) / (len(months) + SCALE_COLUMNS)  # from column to column

    def y(value: Decimal) -> Decimal:
        return BOTTOM - (BOTTOM - TOP) * value / values[-1]

    columns = []
    for number, month in enumerate(months, start=SCALE_COLUMNS):
        middle = (number + Decimal("0.5")) * step
        top_end = y(max(month.spent, Decimal(0)))
        columns.append(
            Column(
                month=month,
                x=percent(middle - step * COLUMN_WIDTH / 2),
                width=percent(step * COLUMN_WIDTH),
                y=percent(top_end),
                height=percent(BOTTOM - top_end),
                middle=percent(middle),
            )
        )
    return Trend(
        columns=columns,
        rules=[Rule(short_number(value), percent(y(value))) for value in values],
        scale_end=percent(step * SCALE_COLUMNS),
        highest=max(columns, key=lambda column: column.month.spent),
    )


def _scale(top: Decimal, currency: str) -> Iterator[Decimal]:
    """Yield zero and round values at even distances, the last at `top` or above."""
    smallest = Decimal(1).scaleb(-CURRENCIES[currency])
    unit = Decimal(1).scaleb((top / MAX_STEPS).adjusted())
    step = next(unit * factor for factor in _STEPS if unit * factor * MAX_STEPS >= top)
    step = max(step, smallest)
    for number in range(int((top / step).to_integral_value(ROUND_CEILING)) + 1):
        yield step * number
