"""What stands for an item in an address."""


class ItemIdConverter:
    """An id as all of ours are, a UUID's 32 digits; anything else is not found."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
