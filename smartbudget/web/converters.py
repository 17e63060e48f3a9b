"""Path converters for ids in URLs."""


class _AsItIs:
    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ItemIdConverter(_AsItIs):
    """An item's id, 32 hexadecimal digits; anything else is not found."""

    regex = "[0-9a-f]{32}"


class LinkKeyConverter(_AsItIs):
    """The secret in a mail's link: 32 random bytes, as secrets.token_urlsafe has it."""

    regex = "[A-Za-z0-9_-]{43}"


class DigestConverter(_AsItIs):
    """A SHA-256 in hexadecimal, as sessions and API tokens are named."""

    regex = "[0-9a-f]{64}"
