"""SES as the transport: mails sent, bounces and complaints."""

import dataclasses
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client

from notifications import ses, transports
from smartbudget.core.config import config
from tests import quick_moto
from tests.builders import client_for
from tests.lambdas.events import recorded
from tests.notifications import faults

SENDER = "Smart Budget Planner <alerts@example.com>"


@dataclasses.dataclass(frozen=True)
class Sent:
    """A mail as passed to SES."""

    request: dict

    @property
    def to(self) -> list[str]:
        return self.request["Destination"]["ToAddresses"]

    @property
    def subject(self) -> str:
        return self.request["Content"]["Simple"]["Subject"]["Data"]

    @property
    def text(self) -> str:
        return self.request["Content"]["Simple"]["Body"]["Text"]["Data"]

    @property
    def html(self) -> str:
        return self.request["Content"]["Simple"]["Body"]["Html"]["Data"]

    @property
    def headers(self) -> dict[str, str]:
        return _pairs(self.request["Content"]["Simple"]["Headers"])

    @property
    def tags(self) -> dict[str, str]:
        return _pairs(self.request["EmailTags"])

    @property
    def link(self) -> str:
        """The path of its link to unsubscribe."""
        match = re.search(rf"{config.app_url}(/notifications/un\S+)", self.text)
        assert match, self.text
        return match[1]

    @property
    def account_link(self) -> str:
        """The path of the link in an account mail."""
        match = re.search(rf"{config.app_url}(/accounts/\S+)", self.text)
        assert match, self.text
        return match[1]


@contextmanager
def using_ses(transport: str = "ses") -> Iterator[list[Sent]]:
    """Send mails through SES; yield the list of mails sent.

    transport: of the notifications. Account mails go through SES whatever it is.
    """
    quick_moto.asked.add("email")
    quick_moto.backend("ses").verify_email_identity(SENDER)
    settings = dataclasses.replace(
        config,
        email_transport=transport,
        email_sender=SENDER,
        ses_configuration_set="smart-budget-mail",
    )
    sent: list[Sent] = []

    def keep(request, operation):
        sent.append(Sent(json.loads(request.body)))

    with pytest.MonkeyPatch.context() as patch, faults.hooked("SendEmail", keep):
        for module in (transports, ses):
            patch.setattr(module, "config", settings)
        yield sent


def follow(link: str, client: Client | None = None):
    """Open a link of an account mail and press its button; return the last page."""
    client = client or client_for()
    page = client.get(link)
    assert page.status_code == 302, page
    return client.post(page.headers["Location"])


def event(name: str, mail: Sent, **changes: object) -> dict:
    """Return a recorded `ses_bounce` or `ses_complaint` for a mail that was sent.

    changes: fields of the bounce or complaint.
    """
    sqs_event = recorded(name)
    (record,) = sqs_event["Records"]
    body = json.loads(record["body"])
    tags = body["mail"]["tags"]
    del tags["subscription"]
    tags |= {name: [value] for name, value in mail.tags.items()}
    body[body["eventType"].lower()].update(changes)
    record["body"] = json.dumps(body)
    return sqs_event


def _pairs(values: list[dict[str, str]]) -> dict[str, str]:
    return {header["Name"]: header["Value"] for header in values}
