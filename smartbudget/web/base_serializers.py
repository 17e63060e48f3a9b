"""Base classes of input serializers, which reject unknown fields.

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
MOST_FAULTS = 50  # per kind in a response; more would take seconds


def having(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has a property, for `RULE`."""
    return {"properties": {name: {}}, "required": [name]}


class InputSerializer(serializers.Serializer[Any]):
    """Base of what is sent in: a field that it does not have is refused by name."""

    # Fields that are read elsewhere.
    IGNORED: frozenset[str] = frozenset()
    # For the schema: JSON Schema keywords about several fields together.
    RULE: Mapping[str, Any] = {}

    def run_validation(self, data: Any = empty) -> Any:
        if self.parent is None and not isinstance(data, Mapping):
            raise ParseError(_("Send a JSON object."))
        return super().run_validation(self.flat(data))

    def flat(self, data: Any) -> Any:
        """Return a form as a dict, since DRF treats empty fields of a form as missing.

        Raises ValidationError for repeated fields.
        """
        if not isinstance(data, QueryDict):
            return data
        repeated = [name for name, values in data.lists() if len(values) > 1]
        if repeated:
            raise serializers.ValidationError({name: [ONCE] for name in repeated})
        return data.dict()

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(_("Send a JSON object."))
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown_names = (name for name in data if name not in known | self.IGNORED)
        unknown = {
            str(name): [ErrorDetail(_("Unknown field."), "unknown")]
            for name in itertools.islice(unknown_names, MOST_FAULTS)
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
    """Base class of a form with a file. Browsable pages add a CSRF token."""

    IGNORED = frozenset({"csrfmiddlewaretoken"})


class QueryInput(InputSerializer):
    """Base class of query parameters; used itself for a query without parameters.

    Empty or repeated parameters are rejected: ignoring them would return results that
    were not requested.
    """

    IGNORED = frozenset({"format"})

    def flat(self, data: Any) -> Any:
        return data  # some parameters may be repeated

    def to_internal_value(self, data: QueryDict) -> Any:
        if errors := {name: [message] for name, message in self._errors_in(data)}:
            raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def _errors_in(self, data: QueryDict) -> Iterator[tuple[str, Any]]:
        for name, values in data.lists():
            field = self.fields.get(name)
            if "" in values:
                yield name, _("Give it a value, or leave it out.")
            elif len(values) > 1 and not isinstance(field, MultipleChoiceField):
                yield name, ONCE


class ListQuery(QueryInput):
    """Base class of a paginated list's parameters; used itself without filters.

    `pagination.position` parses the parameters of pagination.
    """

    IGNORED = QueryInput.IGNORED | {*PAGING}
