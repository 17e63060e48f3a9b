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

# The largest bulk has 1,000 rows of five values. Small ones take a hundred times their
# size in memory: a body of the size that is allowed could be 800,000 of them.
MOST_VALUES = 20_000
_TEXT = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class JSONParser(BaseParser):
    """JSON whose decimals stay exact: 12.10 is Decimal("12.10"), never a float.

    Raises RequestDataTooBig where there are more values than anything takes.
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
                parse_constant=_refuse_constant,
                object_pairs_hook=_once_each,
            )
        except (ValueError, DecimalException, RecursionError) as error:
            raise ParseError(_("The body is not valid JSON.")) from error


def _has_too_many_values(text: str) -> bool:
    """Check whether a body has too many values, before parsing; a string is one."""
    if len(text) <= MOST_VALUES:
        return False
    rest = _TEXT.sub("", text)
    return sum(map(rest.count, "[{,")) > MOST_VALUES


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    # Half of a UTF-16 pair is no text: an error that names it could not be sent.
    "".join(found).encode()
    return found
