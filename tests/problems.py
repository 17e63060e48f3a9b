"""Reading problem documents (RFC 9457)."""

from urllib.parse import urlsplit

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def problem(answer):
    """Return an answer's problem document, once it is one in every part."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = answer.json()
    assert set(found) - {"errors", "retry_after"} == MEMBERS
    assert ("retry_after" in found) or found["status"] not in {429, 503}
    explained_at = urlsplit(found["type"])  # at the server that answered
    assert explained_at.scheme in {"http", "https"}
    assert explained_at.path == "/api/docs/errors"
    assert explained_at.fragment == found["code"]
    assert found["status"] == answer.status_code
    assert found["detail"]
    assert found["request_id"] == answer.headers["X-Request-Id"]
    return found


def said_of(answer):
    """Return what is said of which part: {"expenses/3/amount": [sentence]}."""
    sentences = {}
    for error in problem(answer)["errors"]:
        (place,) = set(error) - {"detail", "code"}
        sentences.setdefault(error[place].removeprefix("/"), []).append(error["detail"])
    return sentences
