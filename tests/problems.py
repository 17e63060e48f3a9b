"""Reading problem documents (RFC 9457)."""

from urllib.parse import urlsplit

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def problem(answer):
    """Return the problem document of a response, after validating it."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert set(document) - {"errors", "retry_after"} == MEMBERS
    assert ("retry_after" in document) or document["status"] not in {429, 503}
    explained_at = urlsplit(document["type"])  # on the server that answered
    assert explained_at.scheme in {"http", "https"}
    assert explained_at.path == "/api/docs/errors"
    assert explained_at.fragment == document["code"]
    assert document["status"] == answer.status_code
    assert document["detail"]
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def messages_of(answer):
    """Return the messages by path: {"expenses/3/amount": [sentence]}."""
    sentences = {}
    for error in problem(answer)["errors"]:
        (place,) = set(error) - {"detail", "code"}
        sentences.setdefault(error[place].removeprefix("/"), []).append(error["detail"])
    return sentences
