"""Translations: complete, up to date, and with the same placeholders."""

import re

import pytest

from smartbudget.local import catalogs

PLACES = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%[sd%]|</?\w+|\n")

every_language = pytest.mark.parametrize("code", catalogs.TRANSLATED)


@every_language
def test_the_catalog_has_the_messages_of_the_code(code):
    stored = catalogs.path_of(code).read_bytes()

    # Not in the assertion: pytest takes minutes to describe how such texts differ.
    is_current = stored == catalogs.written(catalogs.updated(code))
    assert is_current, "run make messages"


@every_language
def test_the_compiled_catalog_is_up_to_date(code):
    compiled = catalogs.path_of(code).with_suffix(".mo").read_bytes()

    assert compiled == catalogs.compiled(catalogs.read(code)), "run make messages"


@every_language
def test_every_message_is_translated(code):
    assert catalogs.untranslated(catalogs.read(code)) == []


@every_language
def test_a_translation_has_the_placeholders_of_its_message(code):
    for message in catalogs.read(code):
        if not message.id:
            continue
        forms = message.id if message.pluralizable else (message.id,)
        strings = message.string if message.pluralizable else (message.string,)
        allowed = set().union(*(PLACES.findall(form) for form in forms))
        for string in strings:
            assert set(PLACES.findall(string)) <= allowed, message.id
        assert sorted(PLACES.findall(forms[-1])) == sorted(
            PLACES.findall(strings[-1])
        ), message.id
