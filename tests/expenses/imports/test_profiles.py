"""Bank accounts of imports: recognized, listed, renamed and deleted."""

import json

import pytest

from expenses.fields import CATEGORY, MERCHANT
from expenses.imports import profiles, services
from expenses.imports.bookings import MAX_TEXT_LENGTH
from expenses.imports.contents import MAX_ANSWERS_LENGTH
from expenses.imports.profiles import MAX_DELETED, MAX_NAME_LENGTH, MAX_PROFILES
from expenses.imports.rules import MAX_RULES
from profiles import export
from smartbudget.core.errors import InvalidError, NotFoundError
from tests.expenses.imports.builders import (
    commit_all,
    csv,
    decisions,
    make_profile,
    upload,
)
from tests.money_builders import ALICE, BOB, make_expense

pytestmark = pytest.mark.usefixtures("aws", "clock")

ROWS = ("2026-03-02,CAFE XY,-4.50", "2026-03-03,REWE,-25.10")
DAYS = ("01/02/2026,SHOP,-5.00", "02/02/2026,SHOP,-7.00")  # in either order


def imported(user=ALICE, *rows, **options):
    """Import a file, and return its profile."""
    record = upload(user, *(rows or ROWS), **options)
    commit_all(user, record)
    return profiles.get_profile(user, record.source)


def again(user=ALICE, *rows, **options):
    """Return the source and the decisions of a file that is uploaded again."""
    record = upload(user, *(rows or ROWS), **options)
    return record.source, decisions(user, record)[1:]


def names(user=ALICE):
    return [profile.name for profile in profiles.list_profiles(user)]


def test_the_account_used_last_comes_first(clock):
    for name in ("A", "B", "A"):
        imported(profile=name)
        clock.shift(60)

    assert names() == ["A", "B"]


def test_accounts_without_a_number_get_different_names():
    columns = ("Date,Text,Amount", "Day,Text,Amount", "Booked on,Text,Amount")
    files = [f"{heading}\n2026-03-02,CAFE,-4.50\n".encode() for heading in columns]
    records = []
    for content in files:
        records.append(services.create_import(ALICE, content, "bank.csv"))
        commit_all(ALICE, records[-1])

    assert [record.profile for record in records] == ["CSV", "CSV 2", "CSV 3"]
    again = services.create_import(ALICE, files[1], "bank.csv")
    assert (again.profile, again.source) == ("CSV 2", records[1].source)


def test_a_renamed_account_is_still_recognized():
    first = imported()

    renamed = profiles.rename_profile(ALICE, first.source, "  Joint   account ")

    assert (renamed.name, renamed.source) == ("Joint account", first.source)
    assert names() == ["Joint account"]
    assert again() == (first.source, ["duplicate"] * 2)
    assert again(profile="joint ACCOUNT") == (first.source, ["duplicate"] * 2)


def test_an_import_leaves_the_new_name():
    first = imported()
    pending = upload(ALICE, "2026-03-04,X,-1.00")
    profiles.rename_profile(ALICE, first.source, "Joint")

    commit_all(ALICE, pending)

    assert names() == ["Joint"]


def test_the_old_name_is_free_for_another_account():
    first = imported(profile="Joint")
    profiles.rename_profile(ALICE, first.source, "Shared")

    second = imported(profile="Joint")

    assert second.source != first.source
    assert {*names()} == {"Shared", "Joint"}
    assert again(profile="Joint") == (second.source, ["duplicate"] * 2)
    assert again(profile="Shared") == (first.source, ["duplicate"] * 2)


@pytest.mark.parametrize("name", ["", "  ", "x" * (MAX_NAME_LENGTH + 1), "a\x07"])
def test_a_name_that_cannot_be_is_refused(name):
    first = imported(profile="Joint")

    with pytest.raises(InvalidError) as refused:
        profiles.rename_profile(ALICE, first.source, name)

    assert refused.value.field == "name"
    assert names() == ["Joint"]


def test_accounts_with_files_alike_have_different_names():
    first, _second = imported(profile="A"), imported(profile="B")
    other = make_profile(ALICE, "C", base="camt")

    with pytest.raises(InvalidError, match="Another bank account has this name"):
        profiles.rename_profile(ALICE, first.source, "b")

    profiles.rename_profile(ALICE, first.source, "a")
    profiles.rename_profile(ALICE, other.source, "B")
    assert sorted(names()) == ["B", "B", "a"]


def test_a_deleted_account_is_asked_about_again_and_imports_nothing_twice():
    record = upload(ALICE, *DAYS)
    services.change_mapping(ALICE, record.import_id, mapping={"date_format": "dmy"})
    commit_all(ALICE, record)
    assert not services.questions_of(upload(ALICE, *DAYS))

    profiles.delete_profile(ALICE, record.source)

    assert names() == []
    record = upload(ALICE, *DAYS)
    assert [question.about for question in services.questions_of(record)] == [
        "date_format"
    ]
    services.change_mapping(ALICE, record.import_id, mapping={"date_format": "dmy"})
    assert decisions(ALICE, record)[1:] == ["duplicate"] * 2


@pytest.mark.parametrize("named", ["", "Joint", "Shared", "Something else"])
def test_a_deleted_account_is_recognized_under_any_name_if_no_other_is_like_it(named):
    first = imported(profile="Joint")
    profiles.rename_profile(ALICE, first.source, "Shared")
    profiles.delete_profile(ALICE, first.source)

    assert again(profile=named) == (first.source, ["duplicate"] * 2)

    record = upload(ALICE, *ROWS)
    services.change_mapping(ALICE, record.import_id, profile="New name")
    assert decisions(ALICE, record)[1:] == ["duplicate"] * 2
    commit_all(ALICE, record)
    assert names() == ["New name"]


def test_a_deleted_account_beside_others_is_recognized_by_its_name():
    first, other = imported(profile="Joint"), imported(profile="Own")
    profiles.rename_profile(ALICE, first.source, "Shared")
    profiles.delete_profile(ALICE, first.source)

    assert again(profile="shared") == (first.source, ["duplicate"] * 2)
    assert again(profile="own") == (other.source, ["duplicate"] * 2)
    source, rows = again(profile="Third")
    assert source not in (first.source, other.source)
    assert rows == ["new"] * 2


def test_the_names_of_deleted_accounts_are_not_stored():
    imported(profile="Secret name")
    profiles.delete_profile(ALICE, profiles.list_profiles(ALICE)[0].source)

    settings = profiles.read_settings(ALICE)
    assert len(settings.deleted) == 1
    assert "ecret" not in json.dumps([vars(one) for one in settings.deleted])


def test_an_import_of_an_account_deleted_meanwhile_adds_it_again():
    first = imported()
    pending = upload(ALICE, "2026-03-04,X,-1.00")
    profiles.delete_profile(ALICE, first.source)

    commit_all(ALICE, pending)

    assert [one.source for one in profiles.list_profiles(ALICE)] == [first.source]
    assert profiles.read_settings(ALICE).deleted == []


def test_a_deletion_is_noticed_when_it_is_repeated():
    first = imported()
    profiles.delete_profile(ALICE, first.source)

    for use in (profiles.delete_profile, profiles.get_profile):
        with pytest.raises(NotFoundError):
            use(ALICE, first.source)
    with pytest.raises(NotFoundError):
        profiles.rename_profile(ALICE, first.source, "x")


def test_changes_at_once_lose_nothing(monkeypatch):
    first, second = imported(profile="A"), imported(profile="B")
    store = profiles._store

    def store_second(user, settings):
        monkeypatch.setattr(profiles, "_store", store)
        profiles.rename_profile(ALICE, first.source, "C")
        store(user, settings)

    monkeypatch.setattr(profiles, "_store", store_second)
    profiles.delete_profile(ALICE, second.source)

    assert names() == ["C"]


def test_another_user_has_their_own_accounts():
    first = imported()
    imported(BOB)
    profiles.rename_profile(BOB, first.source, "Bob's")  # files alike: the same id

    assert names() == ["CSV"]
    profiles.delete_profile(BOB, first.source)
    assert names() == ["CSV"]
    assert names(BOB) == []


def fill(count, user=ALICE):
    for number in range(count):
        make_profile(user, f"Account {number}", base=f"{number}")


def test_the_last_account_there_is_room_for_is_imported_and_one_more_refused(clock):
    fill(MAX_PROFILES - 1)
    imported(profile="Last")

    with pytest.raises(InvalidError, match="at most 30 bank accounts"):
        upload(ALICE, *ROWS, profile="One more")
    record = upload(ALICE, *ROWS)  # of the last one
    with pytest.raises(InvalidError, match="at most 30 bank accounts"):
        services.change_mapping(ALICE, record.import_id, profile="One more")

    profiles.delete_profile(ALICE, profiles.list_profiles(ALICE)[-1].source)
    imported(profile="One more")
    assert len(names()) == MAX_PROFILES


def test_files_uploaded_at_once_leave_no_more_accounts_than_there_may_be(clock):
    fill(MAX_PROFILES - 1)
    records = [upload(ALICE, *ROWS, profile=name) for name in ("X", "Y")]
    for record in records:
        clock.shift(60)
        commit_all(ALICE, record)

    assert len(names()) == MAX_PROFILES
    assert names()[:2] == ["Y", "X"]
    assert "Account 0" not in names()


def test_as_many_deleted_accounts_are_kept_as_are_needed(monkeypatch):
    monkeypatch.setattr(profiles, "MAX_DELETED", 2)
    assert MAX_DELETED > MAX_PROFILES
    sources = [make_profile(ALICE, f"{n}", base=f"{n}").source for n in range(3)]
    for source in sources:
        profiles.delete_profile(ALICE, source)

    deleted = profiles.read_settings(ALICE).deleted
    assert [one.source for one in deleted] == sources[1:]


def test_own_exports_are_no_bank_account(alice):
    make_expense(alice, amount="12.34")
    content = b"".join(export.csv_chunks(alice))

    commit_all(BOB, services.create_import(BOB, content, "expenses.csv"))

    assert names(BOB) == []


def test_a_remembered_encoding_is_not_used_once_the_files_have_their_own():
    rows = ("2026-03-02,Kč Žižka,-4.50", "2026-03-03,REWE,-25.10")
    content = csv(*rows).decode()
    old = services.create_import(ALICE, content.encode("cp1250"), "a.csv")
    services.change_mapping(ALICE, old.import_id, mapping={"encoding": "cp1250"})
    commit_all(ALICE, old)
    assert text_of(content.encode("cp1250")) == "Kč Žižka"

    assert text_of(content.encode()) == "Kč Žižka"


def text_of(content):
    record = services.create_import(ALICE, content, "a.csv")
    return services.list_rows(ALICE, record.import_id, first=2).rows[0].text


def longest_answers(name="reversals"):
    """Return answers of the length that can be stored; `reversals` reads as before."""
    empty = len(json.dumps({name: ""}))
    return {name: "x" * (MAX_ANSWERS_LENGTH - empty)}


def test_settings_of_the_greatest_length_are_stored():
    emoji = "\N{GRINNING FACE}"
    for number in range(MAX_PROFILES + MAX_DELETED):
        name = f"{number:03}".ljust(MAX_NAME_LENGTH, emoji)
        profile = make_profile(ALICE, name, mapping=longest_answers(), base="0" * 32)
        if number < MAX_DELETED:
            profiles.delete_profile(ALICE, profile.source)
    rule = {
        "text": emoji * MAX_TEXT_LENGTH,
        "category": emoji * CATEGORY.max_length,
        "merchant": emoji * MERCHANT.max_length,
        "source": "0" * 32,
        "match": "contains",
        "min_amount": "1000000.00",
        "max_amount": "1000000.00",
    }

    profiles.save_rules(ALICE, [rule] * MAX_RULES)

    settings = profiles.read_settings(ALICE)
    lengths = len(settings.profiles), len(settings.deleted), len(settings.rules)
    assert lengths == (MAX_PROFILES, MAX_DELETED, MAX_RULES)


def test_answers_are_limited_in_all():
    longest = longest_answers()
    record = upload(ALICE, *ROWS, mapping=longest)

    services.change_mapping(ALICE, record.import_id, mapping=longest)
    with pytest.raises(InvalidError, match="too long"):
        services.change_mapping(ALICE, record.import_id, mapping={"day": "x"})
    with pytest.raises(InvalidError, match="too long"):
        upload(ALICE, *ROWS, mapping={"reversals": longest["reversals"] + "x"})

    services.change_mapping(ALICE, record.import_id, mapping={"reversals": ""})
    commit_all(ALICE, record)
    assert profiles.get_profile(ALICE, record.source).mapping == {"reversals": ""}


def test_remembered_answers_give_way_to_long_ones():
    imported(mapping={"sign": "negative_is_paid"})

    short, long = {"decimal": "."}, longest_answers()

    assert imported(mapping=short).mapping == {"sign": "negative_is_paid", **short}
    assert imported(mapping=long).mapping == long


def test_only_answers_of_a_mapping_are_kept():
    record = upload(ALICE, *ROWS)
    mapping = {**services.mapping_of(record), "decimal": ".", "more": "x" * 4000}

    changed = services.change_mapping(ALICE, record.import_id, mapping=mapping)

    given = json.loads(changed.mapping)["given"]
    assert given["decimal"] == "."
    assert {"more", "headings"}.isdisjoint(given)
