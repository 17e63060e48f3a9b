"""Path converters for ids in URLs."""


class _Unchanged:
    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ItemIdConverter(_Unchanged):
    """An item's id: 32 hexadecimal digits."""

    regex = "[0-9a-f]{32}"


class LinkKeyConverter(_Unchanged):
    """The secret in a mail's link: 32 random bytes from secrets.token_urlsafe."""

    regex = "[A-Za-z0-9_-]{43}"


class DigestConverter(_Unchanged):
    """The id of a session or API token: a SHA-256 in hexadecimal."""

    regex = "[0-9a-f]{64}"
