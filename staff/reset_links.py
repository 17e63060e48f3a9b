"""Create links to reset a user's password, for staff to hand over."""

import logging

from accounts import services
from accounts.password_reset import services as password_reset
from accounts.step_up import services as step_up
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User
from staff.users import require_staff

logger = logging.getLogger(__name__)


def create(staff: User, user_id: str, *, password: str | None = None) -> str:
    """Create a link that resets a user's password, and return it.

    It is shown only once. The user gets a security notice, and still needs the second
    factor to log in. password: of the staff user; needed unless their login is recent.

    Raises ForbiddenError, NotFoundError, InvalidError naming `password`,
    ThrottledError, StepUpRequiredError, and ConflictError for a locked user and for
    staff, so that a stolen staff session cannot take over the others.
    """
    require_staff(staff)
    step_up.verify(staff, services.get_account(staff.user_id), password)
    if services.get_account(user_id).is_staff:
        raise ConflictError(
            _("Staff can't get a link. Run `manage.py staff remove` first.")
        )
    link = password_reset.create_link_for_staff(user_id)
    logger.warning(
        "reset link created by staff user_id=%s target=%s", staff.user_id, user_id
    )
    return link
