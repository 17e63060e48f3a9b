"""Check that SES can send."""

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import Plan

MAILS_A_SECOND = 5  # that one run of notification_processor sends at most


def check_mail(plan: Plan) -> Iterator[Finding]:
    """Check sender, identity, production access and quota."""
    sender, identity = plan.get("EmailSender"), plan.get("EmailIdentity")
    if plan.get("EmailTransport") == "ses" and not sender:
        yield stop("EmailTransport is ses, which needs EmailSender and EmailIdentity")
        return
    if not sender and not identity:
        yield warning("without EmailSender, passwords cannot be reset by e-mail")
        return
    address = parseaddr(sender)[1]
    if not address or not _belongs(address, identity):
        yield stop(
            f"the address of EmailSender ({address or 'none'}) must be in EmailIdentity"
            f" ({identity or 'none'})"
        )
        return
    ses = plan.client("sesv2")
    yield from _identity(ses, identity)
    yield from _account(plan, ses.get_account())


def _belongs(address: str, identity: str) -> bool:
    """Return whether an identity, an address or a domain, includes an address."""
    domain = address.rpartition("@")[2].lower()
    return address == identity or domain == identity or domain.endswith(f".{identity}")


def _identity(ses: Any, identity: str) -> Iterator[Finding]:
    try:
        described = ses.get_email_identity(EmailIdentity=identity)
    except ses.exceptions.NotFoundException:
        yield stop(
            f"{identity} is not an identity of SES in this region",
            f"aws sesv2 create-email-identity --email-identity {identity}",
        )
        return
    if not described.get("VerifiedForSendingStatus"):
        yield stop(
            f"SES has not verified {identity}: its DNS records are missing",
            f"aws sesv2 get-email-identity --email-identity {identity}"
            " --query DkimAttributes.Tokens",
        )
    elif described.get("DkimAttributes", {}).get("Status") != "SUCCESS":
        yield warning(f"e-mails of {identity} are not signed with DKIM")
    else:
        yield ok(f"SES has verified {identity}")


def _account(plan: Plan, account: Any) -> Iterator[Finding]:
    if not account.get("SendingEnabled"):
        yield stop("SES has paused sending for this account and region")
    if account.get("EnforcementStatus", "HEALTHY") != "HEALTHY":
        yield warning(f"SES reports the account as {account['EnforcementStatus']}")
    if not account.get("ProductionAccessEnabled"):
        yield warning(
            "SES is in its sandbox: it sends only to addresses that you verified",
            "aws sesv2 put-account-details --production-access-enabled --mail-type"
            f" TRANSACTIONAL --website-url {plan.get('AppUrl')}",
        )
    quota = account.get("SendQuota", {})
    day, second = quota.get("Max24HourSend", 0), quota.get("MaxSendRate", 0)
    yield ok(f"SES sends {day:.0f} e-mails a day, {second:.0f} a second")
    workers = int(plan.get("NotificationConcurrency"))
    if workers > 2 and workers * MAILS_A_SECOND > second:
        fewer = max(2, int(second // MAILS_A_SECOND))
        yield warning(
            f"{workers} Lambdas send faster than SES allows, and are slowed down",
            f'"NotificationConcurrency": "{fewer}"',
        )
