"""Additional checks for Schemathesis: errors are explained, valid requests accepted.

Its own check of valid requests fails on every 400. Here each message of a 400 must be
of a rule that JSON Schema cannot express, so limits missing from the schema are found.
"""

import re
import uuid
from urllib.parse import urlsplit

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# Rules about several fields, stored items, time, signatures and secrets.
RULES = re.compile(
    "|".join(
        [
            r"[A-Z]{3} amounts have at most \d decimals?\.",
            r"The date can be at most 1 year ahead\.",
            r"The date can be at most 10 years ago\.",
            r"This cursor is not valid\.",
            r"Wrong password\.",
            r"This passkey can't be used here\. Try another one\.",
            r"This password is too common\. Choose another\.",
            r"Send a file or a key, not both\.",
            r"Choose a JPG, PNG, GIF, WebP, HEIC or PDF file\.",
            r"Upload not found\.",
            r"No file was sent\.",
            r"This field may not be empty\.",  # of invisible characters
            r"Enter an e-mail address, such as name@example\.com\.",
            r"This week ends on \w+\. For other days, create a custom report\.",
            r"Enter a valid date as YYYY-MM-DD\.",  # of a month with fewer days
            r"This period hasn't started yet\.",
            r"The maximum is less than the minimum\.",
            r"Choose a password that isn't close to your name or e-mail\.",
            r"Enter 5 to 20 digits, spaces, plus signs, hyphens or parentheses\.",
            r"Leave at least one hour a day for e-mails\.",
            r"We can't send e-mail to this address\.",
            r"Added together, these budgets exceed the maximum amount\.",
            r"Confirm this upload first\.",
            r"A report can cover at most 366 days\.",
            r"The end date is before the start date\.",
            r"To sort by amount, choose a start and end date\.",
            r"Choose a time zone, such as Europe/Berlin\.",
            r"Enter both a year and a month\.",
            r"Enter a date\.",  # of a custom report or a week
            r"The file was damaged in transit: its checksum doesn't match\."
            r" Please try again\.",
            r"A \w+ report doesn't take \w+\.",
            r"Expense not found\.",  # in refund_of
            r"Only a refund can be linked to an expense\.",
            r"Choose an expense that isn't a refund\.",
            r"This expense has refunds, so it can't be a refund itself\.",
            r"An expense can have at most 50 refunds\.",
            r"Enter the percentages in ascending order, each once\.",
            r"Enter the first of the alert_thresholds, or leave this out\.",
            r"This doesn't apply to the chosen period\.",
            r"Enter the first day of a period, past or future\.",
            r"Enter the (first|last) day\.",  # of a budget with the period `once`
            r"Choose at most 366 days\.",
            r"A one-off budget can't carry anything over\.",
            r"Enter one or more categories\.",
            r"Leave this out if you enter categories\.",
            r"Enter two days of the month in ascending order, from 1 to 31\.",
            r"Choose what to carry over, or leave out the maximum\.",
            r"Enter a category\.",  # with empty parts
            r"A split expense has no category of its own: set one in each part\.",
            r"Split an expense into 2 to 15 parts\.",
            r"A value in this object is too large, or of a wrong type\.",
            r"The parts are .+ (more|less) than the amount\.",
            r"Part “.*”: .+",
            r"The amount is too small for that many parts\.",
            r"The file is empty\.",
            r"The file contains no transactions\.",
            r"The file has .+",
            r"Line \d+ .+",
            r"No (row|column) .+",
            r"Choose another encoding\.",
            r"This (file )?is .+",  # such as a PDF
            r"You can have at most 30 bank accounts\..+",
            r"Another bank account has this name\.",
            r"This row isn't in the file\.",
            r"Send each row only once\.",
            r"This row has no merchant\.",
            r"Choose a category first\.",
            r"Send a JSON object\.",  # as text in a form
            r"A rule needs a condition\.",
            r"Choose what the rule does\.",
            r"Enter the source of this external_id\.",
            r"Enter an external_id, or leave out the source\.",
        ]
    )
)
AMOUNTS = {"amount", "large_expense_threshold", "max_amount", "min_amount"}
OPEN = {"/login", "/register"}
REFUSED = {400, 405, 406, 413, 415}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Remove headers and cookies that would mask what a request tests.

    A repeated key and a stale ETag are rejected before the body is read, and a login
    ends the session it is sent with.
    """
    if not case.meta.is_negative_at(ParameterLocation.HEADER):
        for name, value in (("Idempotency-Key", uuid.uuid4().hex), ("If-Match", "*")):
            if name in case.headers:
                case.headers[name] = value
    if case.operation.path in OPEN:
        case.headers.pop("Cookie", None)
    if case.meta.is_negative_at(ParameterLocation.BODY):
        case.body = without_number_amounts(case.body)


def without_number_amounts(body):
    """Return a body with arrays in place of numeric amounts.

    Amounts are documented as strings, but numbers are accepted, so a number need
    not be rejected.
    """
    if isinstance(body, list):
        return [without_number_amounts(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: [value]
        if name in AMOUNTS and isinstance(value, int | float)
        else without_number_amounts(value)
        for name, value in body.items()
    }


@schemathesis.check
def errors_are_explained(ctx, response, case):
    """Assert that an error refers to its code's documentation and to sent fields."""
    if "application/problem+json" not in response.headers.get("content-type", ()):
        return
    problem = response.json()
    kind = problem["type"]
    explained = urlsplit(kind)
    assert explained.scheme, f"{kind} is not absolute"
    assert explained.path == "/api/docs/errors", f"Nothing explains {kind}"
    assert explained.fragment, f"Nothing explains {kind}"
    sent_names = {*case.body} if isinstance(case.body, dict) else set()
    for error in problem.get("errors", ()):
        named = {*re.findall("^/([^/]+)", error.get("pointer", ""))}
        assert named <= sent_names | fields_of(case), f"There is no {error['pointer']}"


def fields_of(case):
    """Return the fields that a body may have."""
    schema = case.operation.schema.raw_schema
    method = schema["paths"][case.operation.path][case.operation.method.lower()]
    names = set()
    for described in method.get("requestBody", {}).get("content", {}).values():
        component = described["schema"]["$ref"].rpartition("/")[2]
        component_schema = schema["components"]["schemas"][component]
        names |= {*component_schema.get("properties", ())}
    return names


@schemathesis.check
def valid_requests_are_accepted(ctx, response, case):
    """Assert that a valid request breaks no rule that its schema could express."""
    if not case.meta.generation.mode.is_positive or response.status_code not in REFUSED:
        return
    problem = response.json()
    messages = [error["detail"] for error in problem.get("errors", [problem])]
    unsaid = [sentence for sentence in messages if not RULES.fullmatch(sentence)]
    assert not unsaid, f"The schema could have said so: {unsaid}"


_deleted: set[str] = set()  # expenses whose receipt was deleted


@schemathesis.check
def deleted_receipts_are_gone(ctx, response, case):
    """Assert that a deleted receipt is gone until another one is stored.

    `use_after_free` fails then, since uploads do not have the path of the receipt.
    """
    if response.status_code >= 400:
        return
    expense_id = (case.path_parameters or {}).get("expense_id")
    if case.operation.path == "/api/receipts/{expense_id}" and case.method == "DELETE":
        _deleted.add(expense_id)
    elif case.operation.path == "/api/receipts/{expense_id}":
        assert expense_id not in _deleted, "The receipt was deleted"
    elif case.method in {"POST", "PATCH"}:
        body = case.body if isinstance(case.body, dict) else {}
        _deleted.difference_update({expense_id, body.get("expense_id")})
