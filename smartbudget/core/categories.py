"""What a budget covers: one category, several, or all of them."""

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import pgettext
from smartbudget.core.text import casefold_key

ALL = "all"  # in place of a list of names


@dataclass(frozen=True)
class Categories:
    """One or more categories as typed, each once; or all of them, if there are none."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return categories without those that look the same as an earlier one."""
        by_key: dict[str, str] = {}
        for name in names:
            by_key.setdefault(casefold_key(name), name)
        return cls(tuple(by_key.values()))

    @classmethod
    def from_json(cls, stored: str | Collection[str]) -> Self:
        """Return the categories that `to_json` returned."""
        return cls() if stored == ALL else cls(tuple(stored))

    def to_json(self) -> str | list[str]:
        """Return the names, or ALL."""
        return [*self.names] or ALL

    @property
    def are_all(self) -> bool:
        """Check whether every category is covered."""
        return not self.names

    @property
    def is_one(self) -> bool:
        """Check whether it is a single category."""
        return len(self.names) == 1

    @functools.cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys that categories are compared by; none if it is all of them."""
        return tuple(map(casefold_key, self.names))

    def covers(self, category_key: str) -> bool:
        """Check whether expenses of a category count."""
        return not self.names or category_key in self.keys

    @property
    def text(self) -> str:
        """The names in one text, whatever the language; `*` for all of them."""
        return ", ".join(self.names) or "*"

    @property
    def in_words(self) -> str:
        """The names as users read them, such as "Food and Drinks"."""
        return i18n.join_list(self.names) or _("Everything")

    @property
    def before_budget(self) -> str:
        """The names as users read them before the word budget: "your Food budget"."""
        return self.in_words if self.names else pgettext("before budget", "overall")

    def renamed(self, keys: Collection[str], name: str) -> Self:
        """Return the categories after those with some keys were renamed."""
        if self.are_all:
            return self
        return self.of(name if casefold_key(old) in keys else old for old in self.names)


EVERYTHING = Categories()
