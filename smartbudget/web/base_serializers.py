"""What may be sent to the API: bodies and queries without anything unknown in them.

Why: docs/decisions.md#the-api-is-strict
"""

import itertools
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.fields import MultipleChoiceField, empty

from smartbudget.web.pagination import PAGING

ONCE = _("Give it once.")
MOST_FAULTS = 50  # of one kind that are named in an answer; more cost seconds


def having(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has a property, for `RULE`."""
    return {"properties": {name: {}}, "required": [name]}


class InputSerializer(serializers.Serializer[Any]):
    """Base of what is sent in: a field that it does not have is refused by name."""

    # What others look at.
    IGNORED: frozenset[str] = frozenset()
    # For the API's description: keywords of JSON Schema about several fields together.
    RULE: Mapping[str, Any] = {}

    def run_validation(self, data: Any = empty) -> Any:
        if self.parent is None and not isinstance(data, Mapping):
            raise ParseError(_("Send a JSON object."))
        return super().run_validation(self.flat(data))

    def flat(self, data: Any) -> Any:
        """Return a form as a mapping of texts: what is empty is so, not left out."""
        if not isinstance(data, QueryDict):
            return data
        twice = [name for name, values in data.lists() if len(values) > 1]
        if twice:
            raise serializers.ValidationError({name: [ONCE] for name in twice})
        return data.dict()

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(_("Send a JSON object."))
        known = {name for name, field in self.fields.items() if not field.read_only}
        strange = (each for each in data if each not in known | self.IGNORED)
        unknown = {
            str(name): [ErrorDetail(_("Unknown field."), "unknown")]
            for name in itertools.islice(strange, MOST_FAULTS)
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not unknown or not isinstance(error.detail, MutableMapping):
                raise
            raise serializers.ValidationError({**error.detail, **unknown}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class FormInput(InputSerializer):
    """Base of a form with a file; a browsable page sends its CSRF token in it too."""

    IGNORED = frozenset({"csrfmiddlewaretoken"})


class QueryInput(InputSerializer):
    """Base of the parameters of a query, and all of one that takes none.

    One that is empty or given twice is refused: read as left out, or as its last value,
    it would answer another question than the one that was meant.
    """

    IGNORED = frozenset({"format"})

    def flat(self, data: Any) -> Any:
        return data  # a parameter may come several times

    def to_internal_value(self, data: QueryDict) -> Any:
        if wrong := {name: [said] for name, said in self._wrong(data)}:
            raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)

    def _wrong(self, data: QueryDict) -> Iterator[tuple[str, Any]]:
        for name, values in data.lists():
            field = self.fields.get(name)
            if "" in values:
                yield name, _("Give it a value, or leave it out.")
            elif len(values) > 1 and not isinstance(field, MultipleChoiceField):
                yield name, ONCE


class ListQuery(QueryInput):
    """Base of the query of a list that comes in pages, and all of one without filters.

    `pagination.position` reads where the page begins.
    """

    IGNORED = QueryInput.IGNORED | {*PAGING}
