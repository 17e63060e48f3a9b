"""Base classes of input serializers, which reject unknown fields.

Why: docs/decisions.md#the-api-is-strict
"""

import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.fields import MultipleChoiceField, empty

from smartbudget.core import i18n
from smartbudget.web.pagination import PAGING

ONCE = _("Send this only once.")
MAX_FAULTS = 50  # per kind in a response; more would take seconds


def having(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has a property, for `RULE`."""
    return {"properties": {name: {}}, "required": [name]}


class InputSerializer(serializers.Serializer[Any]):
    """Base of the serializers that read requests; rejects unknown fields by name."""

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

        A list is JSON in a form, as OpenAPI describes it. Raises ValidationError for
        repeated fields.
        """
        if not isinstance(data, QueryDict):
            return data
        repeated = [name for name, values in data.lists() if len(values) > 1]
        if repeated:
            raise serializers.ValidationError({name: [ONCE] for name in repeated})
        values: dict[str, Any] = data.dict()
        for name, field in self.fields.items():
            if isinstance(field, serializers.ListField) and name in values:
                text = values.pop(name)
                if text:
                    values[name] = _parse_list(text)
        return values

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(_("Send a JSON object."))
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown_names = (name for name in data if name not in known | self.IGNORED)
        unknown = {
            str(name): [ErrorDetail(_("Unknown field."), "unknown")]
            for name in itertools.islice(unknown_names, MAX_FAULTS)
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


def _parse_list(text: str) -> Any:
    """Return the list in JSON, or anything else as it is, which is then rejected."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return text


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
                yield name, _("Enter a value, or leave it out.")
            elif len(values) > 1 and not isinstance(field, MultipleChoiceField):
                yield name, ONCE


class ListQuery(QueryInput):
    """Base class of a paginated list's parameters; used itself without filters.

    `pagination.position` parses the parameters of pagination.
    """

    IGNORED = QueryInput.IGNORED | {*PAGING}


def validate(
    serializer: type[InputSerializer], data: object, *, partial: bool = False
) -> dict[str, Any]:
    """Return the validated values of a body or query. Raises DRF's ValidationError.

    partial: allow required fields to be missing, as in PATCH.
    """
    # DRF's messages keep the language in which they are first written.
    reader = _serializers.get(serializer, i18n.current(), partial=partial)
    values: dict[str, Any] = reader.run_validation(data)
    return values


def represent(
    serializer: type[serializers.Serializer[Any]],
    item: object,
    context: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return an item's JSON. context: what the fields need, such as the currency."""
    return represent_all(serializer, [item], context)[0]


def represent_all(
    serializer: type[serializers.Serializer[Any]],
    items: Iterable[object],
    context: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the JSON of each item, as `represent` does."""
    options = tuple((context or {}).items())
    writer = _serializers.get(serializer, context=options)
    return [writer.to_representation(item) for item in items]


class _Serializers(threading.local):
    """A thread's serializers: creating one takes longer than using it."""

    MAX_SIZE = 100  # of each thread; about 2 MB

    def __init__(self) -> None:
        self.get: Callable[..., Any] = functools.lru_cache(self.MAX_SIZE)(_create)


def _create(
    serializer: type[serializers.Serializer[Any]],
    language: str = "",
    *,
    partial: bool = False,
    context: tuple[tuple[str, str], ...] = (),
) -> serializers.Serializer[Any]:
    return serializer(partial=partial, context=dict(context))


_serializers = _Serializers()
