"""Cursors: signed positions in one user's list."""

import pytest
from django.http import QueryDict
from django.test import RequestFactory

from smartbudget.core.errors import InvalidError
from smartbudget.core.pagination import Page
from smartbudget.core.user import User
from smartbudget.web import pagination

ALICE = User("a1", "alice", "alice@example.com")
BOB = User("b1", "bob", "bob@example.com")
KEY = {"user_id": {"S": "a1"}, "expense_id": {"S": "e1"}, "date": {"S": "2026-11-22"}}


def request_for(address):
    return RequestFactory().get(address)


def cursor_in(link):
    return QueryDict(link.partition("?")[2])["cursor"]


def test_a_cursor_decodes_to_its_key():
    cursor = pagination.encode(KEY, "a1", backwards=True)

    assert pagination.decode(cursor, "a1") == (KEY, True)


@pytest.mark.parametrize("cursor", ["x", "a.b.c", "é", ":" * 9, "\x00"])
def test_a_forged_cursor_is_rejected(cursor):
    with pytest.raises(InvalidError) as caught:
        pagination.decode(cursor, "a1")

    assert caught.value.field == "cursor"


def test_a_cursor_signed_with_an_older_secret_is_accepted(settings):
    cursor = pagination.encode(KEY, "a1")

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"

    assert pagination.decode(cursor, "a1") == (KEY, False)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidError):
        pagination.decode(cursor, "a1")


def test_another_users_cursor_is_rejected():
    cursor = pagination.encode(KEY, "a1")

    with pytest.raises(InvalidError):
        pagination.decode(cursor, "b1")


def test_a_cursor_with_another_users_key_is_rejected():
    cursor = pagination.encode(KEY, "b1")

    with pytest.raises(InvalidError):
        pagination.decode(cursor, "b1")


def test_links_keep_the_filters_in_both_directions():
    request = request_for("/api/expenses?status=void&page_size=2")
    body = pagination.body(request, ALICE, Page([1, 2], next=KEY, previous=KEY), [1, 2])

    assert body["results"] == [1, 2]
    onward = request_for(body["next"])
    assert onward.path == "/api/expenses"
    assert onward.GET["status"] == "void"
    assert pagination.position(onward, ALICE) == {
        "limit": 2,
        "after": KEY,
        "backwards": False,
    }
    assert pagination.position(request_for(body["previous"]), ALICE)["backwards"]


def test_the_ends_of_a_list_have_no_links():
    links = pagination.links(request_for("/api/expenses"), ALICE, Page([]))

    assert links == {"next": None, "previous": None}


@pytest.mark.parametrize(
    "address", ["/api/budgets?", "/api/expenses?status=void&", "/api/expenses?start=1&"]
)
def test_a_cursor_is_valid_only_for_its_list(address):
    link = pagination.links(request_for("/api/expenses"), ALICE, Page([], next=KEY))[
        "next"
    ]

    with pytest.raises(InvalidError):
        pagination.position(request_for(f"{address}cursor={cursor_in(link)}"), ALICE)


def test_urls_with_and_without_trailing_slash_share_cursors():
    link = pagination.links(request_for("/api/expenses/"), ALICE, Page([], next=KEY))[
        "next"
    ]
    request = request_for(f"/api/expenses?cursor={cursor_in(link)}&page_size=7")

    assert pagination.position(request, ALICE)["after"] == KEY


def test_a_list_starts_with_25_items():
    assert pagination.position(request_for("/x"), BOB) == {
        "limit": 25,
        "after": None,
        "backwards": False,
    }


@pytest.mark.parametrize("size", ["1", "100"])
def test_valid_page_sizes(size):
    position = pagination.position(request_for(f"/x?page_size={size}"), BOB)

    assert position["limit"] == int(size)


@pytest.mark.parametrize(
    "size", ["0", "101", "-1", "", "x", "1.5", "1e1", "²", "9" * 99]
)
def test_invalid_page_sizes(size):
    with pytest.raises(InvalidError) as caught:
        pagination.position(request_for(f"/x?page_size={size}"), BOB)

    assert caught.value.field == "page_size"
