"""Mails as text and HTML, for any notification text."""

from html.parser import HTMLParser

import pytest

from notifications import mails
from smartbudget.core.config import config

UNSUBSCRIBE = "https://budget.example.com/notifications/unsubscribe/u/k"
BUDGETS = f"{config.app_url}/budgets/"


class Page(HTMLParser):
    """The tags, links and visible text of an HTML mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def made(message: str, subject: str = "Over budget: Food") -> mails.Mail:
    return mails.notification(subject, message, UNSUBSCRIBE, "en")


def test_a_notification_has_one_button_and_an_unsubscribe_link():
    mail = made(f"You have spent it all.\n\n$2.00 over.\n\n{BUDGETS}\n")
    page = Page(mail.html)

    assert page.links == [BUDGETS, UNSUBSCRIBE]
    assert "See your budgets" in page.text
    assert BUDGETS not in page.text  # the text of the button
    for text in ("You have spent it all.", "$2.00 over.", BUDGETS, UNSUBSCRIBE):
        assert text in mail.text


def test_the_first_paragraph_is_the_preview_text():
    page = Page(made(f"You have spent it all.\n\n{BUDGETS}").html)

    body = page.text.split("Over budget: Food", 1)[1]
    assert body.strip().startswith("You have spent it all.")


def test_without_a_link_there_is_no_button():
    assert Page(made("Your password was changed.").html).links == [UNSUBSCRIBE]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/budgets/",
        f"{config.app_url}.evil.example/",
        f"{config.app_url}/budgets/ and more",
        "javascript:alert(1)",
    ],
)
def test_only_our_own_links_become_the_button(link):
    assert Page(made(f"Spent.\n\n{link}").html).links == [UNSUBSCRIBE]


@pytest.mark.parametrize(
    "category",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</title></p></body>{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt; & <b>",
        "Food " * 100,
        "🍕 مطعم 日本",
    ],
)
def test_user_input_is_escaped(category):
    plain = Page(made(f"In Food.\n\n{BUDGETS}", "About Food").html)
    mail = made(f"In {category}.\n\n{BUDGETS}", f"About {category}")
    page = Page(mail.html)

    assert page.tags == plain.tags
    assert page.links == plain.links
    assert f"In {category}." in page.text
    assert f"In {category}." in mail.text
    assert mail.subject == f"About {category}"


def test_lines_are_kept_with_their_writing_direction():
    html = made("Groceries: 12.00\nFun: 3.00\n\nسطر").html

    assert "Groceries: 12.00<br>Fun: 3.00</p>" in html
    assert html.count('<p dir="auto"') == 2


def test_html_loads_nothing_external():
    page = Page(made(f"Spent.\n\n{BUDGETS}").html)

    assert not {"img", "link", "script", "style", "table"} & set(page.tags)
