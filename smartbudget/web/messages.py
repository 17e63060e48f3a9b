"""Store messages for the next page in a signed cookie."""

from django.contrib.messages.storage.cookie import CookieStorage

from smartbudget.core.config import config


class MessageStorage(CookieStorage):
    """Django's cookie storage, bound to this host over HTTPS like the other cookies."""

    cookie_name = "messages" if config.local else "__Host-messages"
