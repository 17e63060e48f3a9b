"""Leases: one owner at a time, taken over only after they expire."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from smartbudget.core.dynamodb import Table, UsersMeta, conditional_write
from smartbudget.core.lease import Lease, new_owner
from tests.conftest import empty_aws
from tests.notifications import faults

NOW = 1_000


class Job(Table):
    """An item that holds a lease, in the users table."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)


LEASE = Lease(owner=Job.lease_owner, until=Job.lease_until)


def take(owner: str, now: int, *, until: int) -> bool:
    return conditional_write(
        lambda: Job("job#1").update(
            LEASE.take(owner, until), LEASE.available_to(owner, now)
        )
    )


def release(owner: str) -> bool:
    return conditional_write(
        lambda: Job("job#1").update(LEASE.release(), LEASE.held_by(owner))
    )


def test_each_owner_is_unique():
    assert new_owner() != new_owner()


def test_a_second_owner_waits_until_the_lease_expires(aws):
    assert take("first", NOW, until=NOW + 60)

    assert not take("second", NOW + 59, until=NOW + 119)
    assert take("second", NOW + 60, until=NOW + 120)


def test_a_released_lease_is_free_at_once(aws):
    take("first", NOW, until=NOW + 60)

    assert release("first")

    assert take("second", NOW, until=NOW + 60)


def test_an_owner_that_lost_the_lease_can_neither_release_nor_renew_it(aws):
    take("slow", NOW, until=NOW + 60)
    take("next", NOW + 60, until=NOW + 120)

    assert not release("slow")
    assert not take("slow", NOW + 61, until=NOW + 121)
    assert release("next")


def test_taking_again_after_a_lost_reply_succeeds(aws):
    with faults.reply_lost("UpdateItem"):
        assert take("first", NOW, until=NOW + 60)

    assert take("first", NOW, until=NOW + 60)
    assert not take("second", NOW, until=NOW + 60)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 70)),
        max_size=12,
    )
)
def test_at_most_one_owner_holds_the_lease_at_any_time(steps):
    held_until = dict.fromkeys("abc", 0)
    now = NOW
    with empty_aws():
        for owner, takes, seconds in steps:
            now += seconds
            if not takes:
                if release(owner):
                    held_until[owner] = 0
            elif take(owner, now, until=now + 60):
                held_until[owner] = now + 60

            assert sum(until > now for until in held_until.values()) <= 1
