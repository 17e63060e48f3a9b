"""The mailbox keeps and shows what SNS and SES send, and confirms subscriptions."""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from smartbudget.local import mailbox
from tests.stack import WAIT_SECONDS

ALICE = "alice+tag@example.com"


@pytest.fixture
def server(tmp_path) -> Iterator[mailbox.Server]:
    yield from serving(mailbox.Server(0, tmp_path, "http://127.0.0.1:1"))


def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def call(server: mailbox.Server, path: str, body: bytes | None = None, **options):
    request = urllib.request.Request(server.url + path, data=body, **options)
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
        return response.read().decode()


def deliver(server: mailbox.Server, to: str = ALICE, **fields: str) -> None:
    data = {"Type": "Notification", "Message": "Over budget", **fields}
    path = f"/inbox/{urllib.parse.quote(to, safe='')}"
    call(server, path, json.dumps(data).encode(), method="POST")


def messages(server: mailbox.Server, to: str = ALICE) -> list[dict[str, Any]]:
    quoted = urllib.parse.quote(to)
    return json.loads(call(server, f"/api/messages?to={quoted}"))


def status_of(server: mailbox.Server, path: str, body: bytes | None = None) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(server, path, body)
    with refused.value:
        return refused.value.code


def test_a_notification_becomes_a_message(server):
    deliver(server, Subject="Food", Message="80 % spent")

    [message] = messages(server)

    assert message.pop("received_at").endswith("+00:00")
    assert message == {
        "to": ALICE,
        "subject": "Food",
        "body": "80 % spent",
        "html": None,
        "kind": "notification",
        "confirm_url": None,
    }


def deliver_mail(server: mailbox.Server, to: str = ALICE, html: str = "") -> None:
    mail = EmailMessage()
    mail["Subject"] = "Paßwort"
    mail.set_content("Follow http://localhost/x?a=1&b")
    if html:
        mail.add_alternative(html, subtype="html")
    path = f"/mail/{urllib.parse.quote(to, safe='')}"
    call(server, path, mail.as_bytes(), method="POST")


def test_an_e_mail_of_ses_becomes_a_message_with_text_and_html(server):
    deliver_mail(server, html='<a href="http://localhost/x">Reset</a>')

    [message] = messages(server)

    assert (message["to"], message["subject"]) == (ALICE, "Paßwort")
    assert message["body"] == "Follow http://localhost/x?a=1&b\n"
    assert message["html"] == '<a href="http://localhost/x">Reset</a>\n'
    assert (message["kind"], message["confirm_url"]) == ("mail", None)


def test_the_page_shows_the_link_of_an_e_mail_and_its_html(server):
    deliver_mail(server, html="<h1>Reset</h1><script>alert(1)</script>")

    page = call(server, "/")
    assert '<a href="http://localhost/x?a=1&amp;b">' in page
    (path,) = re.findall('href="(/html/[^"]+)"', page)
    with urllib.request.urlopen(server.url + path, timeout=WAIT_SECONDS) as response:
        policy = response.headers["Content-Security-Policy"]
        assert b"<h1>Reset</h1>" in response.read()

    assert policy.startswith("default-src 'none'")  # so no script runs


def test_an_e_mail_without_html_has_no_page_of_its_own(server):
    deliver_mail(server)

    assert messages(server)[0]["html"] is None
    assert "/html/" not in call(server, "/")


def test_messages_are_listed_by_kind(server):
    deliver(server)
    deliver_mail(server)

    listed = json.loads(call(server, "/api/messages?kind=mail"))

    assert [message["subject"] for message in listed] == ["Paßwort"]


def test_messages_are_listed_by_address_with_the_newest_last(server):
    deliver(server, Message="first")
    deliver(server, "bob@example.com")
    deliver(server, Message="second")

    assert [m["body"] for m in messages(server)] == ["first", "second"]
    assert len(json.loads(call(server, "/api/messages"))) == 3


def test_messages_survive_a_restart(server, tmp_path):
    deliver(server, Message="kept")

    again = mailbox.Inbox(tmp_path / "messages.jsonl")

    assert [m.body for m in again.messages(ALICE)] == ["kept"]


def test_a_truncated_line_loses_only_its_message(server, tmp_path):
    deliver(server, Message="kept")
    with (tmp_path / "messages.jsonl").open("a") as file:
        file.write('{"to": "al')

    again = mailbox.Inbox(tmp_path / "messages.jsonl")

    assert [m.body for m in again.messages()] == ["kept"]


def test_only_the_newest_messages_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(mailbox, "MAX_MESSAGES", 3)
    inbox = mailbox.Inbox(tmp_path / "messages.jsonl")

    for number in range(20):
        inbox.add(mailbox.Message(ALICE, "s", str(number), "notification", "now"))

    assert [m.body for m in inbox.messages()] == ["17", "18", "19"]
    assert len((tmp_path / "messages.jsonl").read_text().splitlines()) <= 6


def test_deleting_clears_one_address_or_all(server):
    deliver(server)
    deliver(server, "bob@example.com")

    call(server, "/api/messages?to=bob@example.com", method="DELETE")
    assert len(messages(server)) == 1

    call(server, "/api/messages", method="DELETE")
    assert messages(server) == []


def test_the_page_escapes_content_and_links_urls(server):
    deliver(server, Subject="<script>alert(1)</script>", Message="see http://x/?a=1&b")

    html = call(server, "/")

    assert "<script>" not in html
    assert '<a href="http://x/?a=1&amp;b">' in html


def test_a_lone_surrogate_does_not_break_the_page(server):
    deliver(server, Subject="\ud800 Food")

    assert "? Food" in call(server, "/")


def test_an_empty_mailbox_says_so(server):
    assert "No mail yet" in call(server, "/")


def test_a_confirmation_link_confirms_only_at_the_local_aws(tmp_path):
    requests: list[str] = []

    class Aws(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    for aws in serving(HTTPServer(("127.0.0.1", 0), Aws)):
        url = f"http://127.0.0.1:{aws.server_port}"
        for server in serving(mailbox.Server(0, tmp_path, url)):
            deliver(
                server,
                Type="SubscriptionConfirmation",
                SubscribeURL="http://elsewhere.example/?Action=Confirm&Token=t",
            )
            [message] = messages(server)
            html = call(server, message["confirm_url"].removeprefix(server.url))

    assert message["kind"] == "confirmation"
    assert "Subscription confirmed" in html
    assert requests == ["/?Action=Confirm&Token=t"]


def test_a_confirmation_reports_that_the_local_aws_is_down(server):
    deliver(server, Type="SubscriptionConfirmation", SubscribeURL="http://x/?a=b")
    [message] = messages(server)

    path = message["confirm_url"].removeprefix(server.url)

    assert status_of(server, path) == 502


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/inbox/alice@example.com", b"not json", 400),
        ("/inbox/alice@example.com", b"[]", 400),
        ("/inbox/alice@example.com", b'{"Type": "Notification"}', 400),
        ("/inbox/", b"{}", 404),
        ("/mail/", b"x", 404),
        ("/mail/alice@example.com", b"Content-Type: image/png\n\nx", 400),
        ("/elsewhere", b"{}", 404),
        ("/confirm/unknown", None, 404),
        ("/html/unknown", None, 404),
        ("/elsewhere", None, 404),
    ],
)
def test_other_requests_are_rejected(server, path, body, status):
    assert status_of(server, path, body) == status
    assert json.loads(call(server, "/api/messages")) == []


def test_an_oversized_body_is_rejected_unread(server, monkeypatch):
    monkeypatch.setattr(mailbox, "MAX_BODY_BYTES", 10)

    assert status_of(server, "/inbox/a@example.com", b"x" * 11) == 413
