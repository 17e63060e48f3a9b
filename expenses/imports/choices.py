"""Apply the category of one row to the other rows of its merchant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from expenses.imports import services
from expenses.imports.merchant_names import merchant_key
from expenses.imports.preview import Choice, ImportRow


def with_same_merchant(
    rows: Sequence[ImportRow], choices: Mapping[int, Choice]
) -> dict[int, Choice]:
    """Return choices that also set the category of the merchant's other rows.

    Only of rows without a category, and as many as one request may change.
    """
    chosen = {
        merchant_key(row.merchant, row.text): choice.category
        for row in rows
        if (choice := choices.get(row.number)) and choice.category
    }
    result = dict(choices)
    for row in rows:
        if len(result) >= services.MAX_CHANGED:
            break
        choice = result.get(row.number, Choice())
        is_open = not row.category and row.category_because != "in_file"
        if not row.amount or not is_open or choice.category is not None:
            continue
        if category := chosen.get(merchant_key(row.merchant, row.text)):
            result[row.number] = replace(choice, category=category)
    return result
