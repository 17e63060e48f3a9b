"""Mails as text and HTML, made from the templates in templates/email.

They are Jinja2's, not Django's, which the Lambdas do without.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications.texts import NAME
from smartbudget.core.config import config

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "email"

# What the button says, by the page that the link leads to.
_BUTTONS = {
    "accounts": "Change your password",
    "budgets": "See your budgets",
    "expenses": "See your expenses",
    "notifications": "See your notifications",
    "reports": "Open the report",
}


@dataclass(frozen=True)
class Mail:
    """What one mail says, in both forms."""

    subject: str
    text: str
    html: str


def notification(subject: str, message: str, unsubscribe_url: str) -> Mail:
    """Make the mail of a notification.

    message: paragraphs, parted by empty lines; a last one that is a link of ours
    becomes the button.
    """
    paragraphs = [part.strip("\n") for part in message.split("\n\n") if part.strip()]
    link = paragraphs.pop() if paragraphs and _is_ours(paragraphs[-1]) else None
    return _render(
        "notification",
        subject,
        message=message.strip("\n"),
        paragraphs=paragraphs,
        preheader=paragraphs[0] if paragraphs else subject,
        link=link,
        button=_button(link),
        unsubscribe_url=unsubscribe_url,
    )


def confirmation(email: str, link: str) -> Mail:
    """Make the mail that asks whether notifications may come to this address."""
    return _render(
        "confirmation",
        "Confirm your e-mail address",
        email=email,
        link=link,
        button="Confirm",
        preheader=f"The link that starts e-mails from {NAME}.",
    )


def _render(template: str, subject: str, **values: object) -> Mail:
    text, html = (
        _templates()
        .get_template(f"{template}.{form}")
        .render(subject=subject, name=NAME, **values)
        for form in ("txt", "html")
    )
    return Mail(subject, text, html)


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _is_ours(paragraph: str) -> bool:
    return paragraph.startswith(f"{config.app_url}/") and len(paragraph.split()) == 1


def _button(link: str | None) -> str:
    page = (link or "").removeprefix(f"{config.app_url}/").partition("/")[0]
    return _BUTTONS.get(page, f"Open {NAME}")
