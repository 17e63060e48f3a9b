"""The next release: the same program, but every stored item has one more attribute.

gunicorn serves it in its own process, as `tests.integration.newer:application`.
"""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import MetaModel

NAME = "added_later"  # the attribute unknown to this release
VALUE = "by the newer release"

_make = MetaModel.__new__


def _with_one_more(
    meta: Any, name: str, bases: Any, members: Any, **options: Any
) -> Any:
    if "Meta" in members:
        members[NAME] = UnicodeAttribute(null=True, default=VALUE)
    return _make(meta, name, bases, members, **options)


MetaModel.__new__ = _with_one_more

from smartbudget.wsgi import application  # noqa: E402 - the models come after that

__all__ = ["application"]
