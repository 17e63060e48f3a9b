import pytest

from expenses.imports import limits
from expenses.imports.bookings import (
    MAX_TEXT_LENGTH,
    account_id,
    account_label,
    limit_text,
    shown_label,
)
from smartbudget.core.errors import InvalidError


def test_an_accounts_id_does_not_contain_its_number():
    number = "DE89 3704 0044 0532 0130 00"

    assert "3704" not in account_id("BANK", number)
    assert account_id("BANK", number) == account_id("bank", number.replace(" ", ""))
    assert account_id("BANK", number) != account_id("BANK", number[:-1])
    assert account_label(number) == "3000"


@pytest.mark.parametrize(
    ("label", "shown"),
    [("3000", "…3000"), ("Checking 1111", "Checking 1111"), ("Giro", "Giro"), ("", "")],
)
def test_only_the_end_of_a_number_is_shown_as_one(label, shown):
    assert shown_label(label) == shown


@pytest.mark.parametrize("numbers", [(), ("",), ("", " ")])
def test_a_file_without_account_has_no_id(numbers):
    assert account_id(*numbers) == ""


def test_a_text_is_one_line_of_limited_length():
    assert limit_text("REWE\n  SAGT\tDANKE ") == "REWE SAGT DANKE"
    assert len(limit_text("x" * (MAX_TEXT_LENGTH + 1))) == MAX_TEXT_LENGTH


def test_limits_accept_the_largest_and_reject_one_more():
    limits.check_bytes(limits.MAX_BYTES)
    limits.check_rows(limits.MAX_ROWS)

    with pytest.raises(InvalidError, match="larger than 5 MB"):
        limits.check_bytes(limits.MAX_BYTES + 1)
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        limits.check_rows(limits.MAX_ROWS + 1)
