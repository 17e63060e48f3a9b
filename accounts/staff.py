"""Staff: people who look after the service, and see nobody's money."""

import logging

from accounts import services
from accounts.models import Account, User
from smartbudget.core.errors import ForbiddenError
from smartbudget.core.tables import retry_lost_races

logger = logging.getLogger(__name__)


def require_staff(user: User) -> None:
    """Refuse everybody else. Raises ForbiddenError."""
    if not user.is_staff:
        raise ForbiddenError("Only staff may do this.")


def set_staff(username: str, *, is_staff: bool) -> Account:
    """Make somebody staff, or no longer; live sessions know it at once.

    Raises NotFoundError. Safe to repeat.
    """

    def attempt() -> Account:
        account = services.get_account_by_username(username)
        services.change_account(account, {"is_staff": is_staff})
        return account

    account = retry_lost_races(attempt)
    logger.info("staff set user_id=%s is_staff=%s", account.user_id, is_staff)
    return account
