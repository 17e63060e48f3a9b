"""The local stack's mailbox, to which SNS and SES deliver instead of sending e-mail.

    python -m smartbudget.local.mailbox --port 8025 --dir .local/mailbox \
        --aws-url http://127.0.0.1:4566

    POST   /inbox/<address>            SNS's HTTP deliveries, address URL-quoted
    POST   /mail/<address>             SES's e-mails as MIME, address URL-quoted
    GET    /                           the messages, newest first
    GET    /html/<token>               the HTML of a message
    GET    /confirm/<token>            confirms a subscription, as the mailed link does
    GET    /api/messages[?to=&kind=]   [{to, subject, body, html, kind, confirm_url,
                                       received_at}], newest last
    DELETE /api/messages[?to=address]  deletes them (for tests)

`kind` is "confirmation" (from SNS, with a `confirm_url` to follow with a plain GET),
"notification" (from SNS) or "mail" (from SES, with `html`). The others are null.
Messages survive a restart.
"""

import argparse
import datetime
import email
import email.policy
import html
import json
import os
import re
import secrets
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MAX_MESSAGES = 1000
MAX_BODY_BYTES = 2 * 1024 * 1024  # bytes; SNS sends at most 1 MiB plus an envelope
LINK = re.compile(r"https?://[^\s<>\"']+")
CONFIRMATIONS = {"SubscriptionConfirmation", "UnsubscribeConfirmation"}


class DeliveryError(ValueError):
    """The request is not an SNS delivery; the message is the reason."""


@dataclass(frozen=True)
class Message:
    """One mail."""

    to: str
    subject: str
    body: str
    kind: str  # confirmation, notification or mail
    received_at: str  # UTC, ISO 8601
    token: str | None = None  # of the mailbox's link to confirm it, or to its HTML
    subscribe_url: str | None = None  # the URL from SNS that the link follows
    html: str | None = None  # from SES only

    def public(self, base_url: str) -> dict[str, str | None]:
        """Return the mail as a dict for the API."""
        shown = asdict(self)
        token = shown.pop("token")
        can_confirm = bool(shown.pop("subscribe_url"))
        confirm_url = f"{base_url}/confirm/{token}" if can_confirm else None
        return {**shown, "confirm_url": confirm_url}


class Inbox:
    """The messages, in memory and in a file with one line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque(self._load(), maxlen=MAX_MESSAGES)
        self._lines = MAX_MESSAGES * 2  # rewrite the file at the first message

    def add(self, message: Message) -> None:
        """Store a message; it is on disk when this returns."""
        with self._lock:
            self._messages.append(message)
            if self._lines >= MAX_MESSAGES * 2:
                self._rewrite()
                return
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(message)) + "\n")
            self._lines += 1

    def messages(self, to: str | None = None, kind: str | None = None) -> list[Message]:
        """Return the messages to an address and of a kind, or all, newest last."""
        with self._lock:
            return [
                message
                for message in self._messages
                if to in {None, message.to} and kind in {None, message.kind}
            ]

    def find(self, token: str) -> Message | None:
        """Return the message with this token, or None."""
        return next((m for m in self.messages() if m.token == token), None)

    def clear(self, to: str | None = None) -> None:
        """Delete the messages of one address, or all."""
        with self._lock:
            remaining = [m for m in self._messages if to is not None and m.to != to]
            self._messages = deque(remaining, maxlen=MAX_MESSAGES)
            self._rewrite()

    def _load(self) -> list[Message]:
        messages = []
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                try:
                    messages.append(Message(**json.loads(line)))
                except (ValueError, TypeError):
                    continue  # incomplete, since the machine stopped while writing
        return messages

    def _rewrite(self) -> None:
        draft = self._path.with_suffix(".draft")
        lines = [json.dumps(asdict(message)) + "\n" for message in self._messages]
        draft.write_text("".join(lines))
        draft.replace(self._path)
        self._lines = len(lines)


def read_delivery(address: str, body: bytes) -> Message:
    """Parse an SNS HTTP delivery into a mail.

    Raises DeliveryError for anything else.
    """
    try:
        sent = json.loads(body)
        kind, text = sent["Type"], sent["Message"]
    except (ValueError, TypeError, KeyError) as exc:
        raise DeliveryError("The body is not an SNS delivery.") from exc
    if kind in CONFIRMATIONS:
        return Message(
            to=address,
            subject="AWS Notification - Subscription Confirmation",
            body=str(text),
            kind="confirmation",
            received_at=_now(),
            token=secrets.token_urlsafe(16),
            subscribe_url=str(sent.get("SubscribeURL", "")),
        )
    subject = str(sent.get("Subject") or "AWS Notification Message")  # as SNS does
    return Message(address, subject, str(text), "notification", _now())


def read_mail(address: str, body: bytes) -> Message:
    """Parse an e-mail of SES. Raises DeliveryError for one without text."""
    mail = email.message_from_bytes(body, policy=email.policy.default)
    text, markup = mail.get_body(["plain"]), mail.get_body(["html"])
    if text is None:
        raise DeliveryError("The body is not an e-mail with text.")
    return Message(
        to=address,
        subject=str(mail["Subject"] or ""),
        body=text.get_content(),
        kind="mail",
        received_at=_now(),
        token=secrets.token_urlsafe(16),
        html=markup.get_content() if markup else None,
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def confirm(message: Message, aws_url: str) -> None:
    """Follow the subscription link of a confirmation.

    Only its query is used, and sent to the local AWS, since any process on this machine
    could have sent the delivery. Raises OSError if it is refused.
    """
    link = urlsplit(message.subscribe_url or "")
    target = f"{aws_url}/?{link.query}"
    with urllib.request.urlopen(target, timeout=10):
        pass


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto;
       padding: 0 1rem; overflow-wrap: anywhere; }}
article {{ border: 1px solid #bbb; border-radius: 6px; padding: 0 1rem;
          margin: 1rem 0; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
small {{ color: #555; }}
</style></head><body><main><h1>{title}</h1>{content}</main></body></html>
"""


def page(title: str, content: str) -> str:
    """Return a page. content: HTML."""
    return PAGE.format(title=html.escape(title), content=content)


def messages_page(messages: list[Message]) -> str:
    """Return the page of all messages, newest first."""
    if not messages:
        return page("Mailbox", "<p>No mail yet.</p>")
    articles = "".join(_article(message) for message in reversed(messages))
    return page("Mailbox", f"<p>What people would get by e-mail.</p>{articles}")


def _article(message: Message) -> str:
    link = ""
    if message.subscribe_url:
        link = f'<p><a href="/confirm/{message.token}">Confirm subscription</a></p>'
    if message.html:
        link = f'<p><a href="/html/{message.token}">Show as HTML</a></p>'
    return (
        f"<article><h2>{html.escape(message.subject)}</h2>"
        f"<small>to {html.escape(message.to)},"
        f" {_moment(message.received_at)}</small>"
        f"<pre>{_with_links(message.body)}</pre>{link}</article>"
    )


def _moment(received_at: str) -> str:
    at = datetime.datetime.fromisoformat(received_at)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def _with_links(text: str) -> str:
    parts, end = [], 0
    for match in LINK.finditer(text):
        url = html.escape(match.group())
        parts += [html.escape(text[end : match.start()]), f'<a href="{url}">{url}</a>']
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


class Server(ThreadingHTTPServer):
    """The mailbox on 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128  # fifty alerts may arrive at once

    def __init__(self, port: int, folder: Path, aws_url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.inbox = Inbox(folder / "messages.jsonl")
        self.aws_url = aws_url
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """The base URL of this server's links."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Return the page or the JSON, or follow a confirmation link."""
        url = urlsplit(self.path)
        if url.path == "/":
            self._send(HTTPStatus.OK, messages_page(self.server.inbox.messages()))
        elif url.path == "/health":
            self._send_json({"status": "ok"})
        elif url.path == "/api/messages":
            self._send_json(self._messages(url.query))
        elif url.path.startswith("/html/"):
            self._show_html(url.path.removeprefix("/html/"))
        elif url.path.startswith("/confirm/"):
            self._confirm(url.path.removeprefix("/confirm/"))
        else:
            self._send(HTTPStatus.NOT_FOUND, page("Not found", ""))

    def do_DELETE(self) -> None:
        """Delete messages."""
        url = urlsplit(self.path)
        if url.path != "/api/messages":
            self._send(HTTPStatus.NOT_FOUND, page("Not found", ""))
            return
        self.server.inbox.clear(_parameter(url.query, "to"))
        self._send_json([])

    def do_POST(self) -> None:
        """Receive a delivery."""
        path = urlsplit(self.path).path
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True  # the body stays unread
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, page("Too large", ""))
            return
        body = self.rfile.read(int(length))
        _, kind, address, *_ = (*path.split("/", 2), "")
        read = {"inbox": read_delivery, "mail": read_mail}.get(kind)
        if not read or not address:
            self._send(HTTPStatus.NOT_FOUND, page("Not found", ""))
            return
        try:
            self.server.inbox.add(read(unquote(address), body))
        except DeliveryError as exc:
            self._send(HTTPStatus.BAD_REQUEST, page(str(exc), ""))
            return
        self._send_json({"status": "kept"})

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the messages are the log."""

    def _messages(self, query: str) -> list[dict[str, str | None]]:
        messages = self.server.inbox.messages(
            _parameter(query, "to"), _parameter(query, "kind")
        )
        return [message.public(self.server.url) for message in messages]

    def _show_html(self, token: str) -> None:
        message = self.server.inbox.find(token)
        if message is None or message.html is None:
            self._send(HTTPStatus.NOT_FOUND, page("Not found", ""))
        else:
            self._send(HTTPStatus.OK, message.html)

    def _confirm(self, token: str) -> None:
        message = self.server.inbox.find(token)
        if message is None or message.subscribe_url is None:
            self._send(HTTPStatus.NOT_FOUND, page("This link is unknown", ""))
            return
        try:
            confirm(message, self.server.aws_url)
        except OSError as exc:
            used = isinstance(exc, urllib.error.HTTPError) and exc.code < 500
            reason = "It was used before." if used else "The local AWS did not answer."
            status = HTTPStatus.GONE if used else HTTPStatus.BAD_GATEWAY
            self._send(status, page("Not confirmed", f"<p>{reason}</p>"))
            return
        to = html.escape(message.to)
        text = f"<p>{to} will get budget alerts from now on.</p>"
        self._send(HTTPStatus.OK, page("Subscription confirmed", text))

    def _send_json(self, value: object) -> None:
        self._send(HTTPStatus.OK, json.dumps(value), "application/json")

    def _send(
        self, status: HTTPStatus, text: str, kind: str = "text/html; charset=utf-8"
    ) -> None:
        body = text.encode(errors="replace")  # a mail may contain a lone surrogate
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)


def on_lifeline_end(stop: Callable[[], None]) -> None:
    """Call `stop` when standard input closes, since the parent process has ended."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        stop()

    threading.Thread(target=watch, daemon=True).start()


def _parameter(query: str, name: str) -> str | None:
    return parse_qs(query).get(name, [None])[0]


def main() -> None:
    """Serve until SIGTERM or the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--aws-url", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(options.port, options.dir, options.aws_url)
    on_lifeline_end(lambda: os.kill(os.getpid(), signal.SIGTERM))
    server.serve_forever()


if __name__ == "__main__":
    main()
