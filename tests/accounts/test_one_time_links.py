"""One-time links: good once, for a while, and only the newest."""

import pytest
import time_machine

from accounts import one_time_links
from accounts.models import NewestLink, OneTimeLink
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import GoneError

HALF_HOUR = 1800


@pytest.fixture(autouse=True)
def _aws(aws):
    pass


def create(owner="u1", kind="reset"):
    return one_time_links.create(
        kind, owner=owner, email="a@example.com", lifetime_seconds=HALF_HOUR
    )


def use(link, kind="reset"):
    transaction = Transaction()
    one_time_links.use(kind, link, transaction)
    transaction.commit()


def test_a_link_names_its_account_and_address():
    link = one_time_links.find("reset", create())

    assert (link.owner, link.email) == ("u1", "a@example.com")


def test_the_token_itself_is_not_stored():
    token = create()

    for model in (OneTimeLink, NewestLink):
        stored = [str(item.attribute_values) for item in model.scan()]
        assert stored
        assert not any(token in item for item in stored)


def test_a_used_link_is_refused():
    token = create()
    use(one_time_links.find("reset", token))

    with pytest.raises(GoneError, match="already been used"):
        one_time_links.find("reset", token)


def test_of_two_requests_with_one_link_one_wins():
    token = create()
    first, second = (one_time_links.find("reset", token) for _ in range(2))
    use(first)

    with pytest.raises(WriteConflictError):
        use(second)


def test_a_newer_link_replaces_the_older_one():
    older, newer = create(), create()

    with pytest.raises(GoneError, match="newer link"):
        one_time_links.find("reset", older)
    assert one_time_links.find("reset", newer)


def test_a_link_replaced_while_it_is_open_cannot_be_used():
    opened = one_time_links.find("reset", create())
    create()

    with pytest.raises(WriteConflictError):
        use(opened)


def test_links_of_other_kinds_and_accounts_stay():
    token = create()
    create(kind="verify")
    create(owner="u2")

    assert one_time_links.find("reset", token)


def test_a_link_of_another_kind_is_unknown():
    token = create(kind="verify")

    with pytest.raises(GoneError, match="expired"):
        one_time_links.find("reset", token)


def test_a_link_works_until_its_last_second():
    with time_machine.travel(dates.now(), tick=False) as clock:
        token = create()
        clock.shift(HALF_HOUR - 1)
        assert one_time_links.find("reset", token)

        clock.shift(1)

        with pytest.raises(GoneError, match="expired"):
            one_time_links.find("reset", token)


@pytest.mark.parametrize("token", ["", "x" * 43, "x" * 5000, "../reset", "ünïcode"])
def test_a_forged_link_is_unknown(token):
    with pytest.raises(GoneError, match="expired"):
        one_time_links.find("reset", token)


def test_all_links_of_an_account_are_deleted(clock):
    older, newer, bobs = create(), create(kind="verify"), create("u2")
    several = [
        one_time_links.create(
            "undo-email",
            owner="u1",
            email="a@example.com",
            lifetime_seconds=HALF_HOUR,
            replaces_older=False,
        )
        for _ in range(2)
    ]
    use(one_time_links.find("reset", older))

    assert sum(one_time_links.delete_all("u1")) == 7  # four links, and three lists
    assert list(one_time_links.delete_all("u1")) == []

    assert [link.owner for link in OneTimeLink.scan(OneTimeLink.owner.exists())] == [
        "u2"
    ]
    for kind, token in (("verify", newer), *(("undo-email", one) for one in several)):
        with pytest.raises(GoneError):
            one_time_links.find(kind, token)
    assert one_time_links.find("reset", bobs)


def test_the_list_of_links_forgets_the_expired_ones(clock):
    create()
    clock.shift(HALF_HOUR)
    create()

    (newest,) = NewestLink.scan(NewestLink.user_id == "newest-reset#u1")
    assert len(newest.links) == 1
