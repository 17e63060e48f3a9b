"""Parse the API's JSON bodies."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

# The largest bulk request has 1,000 rows of five values. A small value takes a hundred
# times its size in memory, and a body of the allowed size could have 800,000 of them.
MAX_VALUES = 20_000
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class JSONParser(BaseParser):
    """A parser of JSON with exact decimals: 12.10 is Decimal("12.10"), not a float.

    Raises RequestDataTooBig for more than MAX_VALUES values.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            text = stream.read().decode()
            if parser_context:
                parser_context["request"].typed = text  # shown again on browsable pages
            if _has_too_many_values(text):
                raise RequestDataTooBig
            return json.loads(
                text,
                parse_float=Decimal,
                parse_constant=_reject_constant,
                object_pairs_hook=_dict_of,
            )
        except (ValueError, DecimalException, RecursionError) as error:
            raise ParseError(_("The body is not valid JSON.")) from error


def _has_too_many_values(text: str) -> bool:
    """Check whether a body has too many values, before parsing; a string is one."""
    if len(text) <= MAX_VALUES:
        return False
    without_strings = _STRING.sub("", text)
    return sum(map(without_strings.count, "[{,")) > MAX_VALUES


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _dict_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object as a dict. Raises ValueError for repeated or invalid names."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name appears twice")
    # A lone surrogate cannot be encoded, not even in the error that names the field.
    "".join(values).encode()
    return values
