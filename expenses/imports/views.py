"""The pages of imports: upload a file, check its rows, import them, undo it."""

import dataclasses
import datetime
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_safe,
)

from expenses.categories.queries import list_categories
from expenses.imports import (
    commit,
    contents,
    descriptions,
    profiles,
    services,
)
from expenses.imports.choices import with_same_merchant
from expenses.imports.commit import Progress, Undone
from expenses.imports.descriptions import (
    DECISION_WORDS,
    GROUP_WORDS,
    GROUPS,
    Summary,
)
from expenses.imports.forms import (
    ABOUT_EXPENSE,
    LENGTHS,
    NEVER,
    MappingForm,
    ProfileForm,
    QuestionForm,
    RuleForm,
    UploadForm,
    choices_of,
    control_of,
    remembered_row,
)
from expenses.imports.messages import sentence
from expenses.imports.models import Import
from expenses.imports.preview import ImportRow, amount_paid, uncategorized
from expenses.imports.profiles import Profile
from smartbudget.core import i18n
from smartbudget.core.dates import years_later
from smartbudget.core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    InvalidRowsError,
)
from smartbudget.core.money import display
from smartbudget.core.pagination import Page
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User
from smartbudget.web import pagination
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.messages import add_success

PAGE_SIZE = 50  # rows of a preview
REFRESH_SECONDS = 1  # between two parts of a long import
READING_SECONDS = 3  # between two looks whether a large file is read
# A part that failed is not repeated by itself.
_PAUSED = "paused"

IMPORTS = ChangeList(
    title=gettext_lazy("Import"),
    url_name="expenses:imports",
    columns=(
        Column(gettext_lazy("File"), "category"),
        Column(gettext_lazy("Account")),
        Column(gettext_lazy("Uploaded"), "day"),
        Column(gettext_lazy("Transactions"), "amount"),
        Column(gettext_lazy("Status")),
        Column(""),
    ),
    row_template="expenses/imports/_import.html",
    none_template="expenses/imports/_none.html",
    template="expenses/imports/list.html",
)


@require_http_methods(["GET", "HEAD", "POST"])
def list_imports(request: HttpRequest) -> HttpResponse:
    """List the user's imports; a POST uploads a file."""
    user = request.user
    form = UploadForm(posted(request), request.FILES or None)
    position: pagination.Position = (
        {"limit": pagination.PAGE_SIZE, "after": None, "backwards": False}
        if form.is_bound
        else pagination.position(request, user)
    )

    def save(data: dict[str, Any]) -> Import:
        file = data["file"]
        return services.create_import(user, file.read(), file.name)

    return handle_form(
        request,
        IMPORTS.template,
        form,
        save=save,
        done=lambda record: _to_import(record.import_id),
        context=lambda: IMPORTS.rows(request, _newest_first(user, position), _listed),
        focus=False,
    )


def _newest_first(user: User, position: pagination.Position) -> Page[Import]:
    """Return a page of imports; the index has no order within a day."""
    page = services.list_imports(user, **position)
    items = sorted(page.items, key=lambda record: record.created_at, reverse=True)
    return dataclasses.replace(page, items=items)


def _listed(record: Import) -> dict[str, Any]:
    counts = json.loads(record.counts)
    return {
        "import_id": record.import_id,
        "file_name": record.file_name,
        "profile": record.profile,
        "created_at": record.created_at,
        "bookings": descriptions.bookings_of(
            sum(number for name, number in counts.items() if name != "left_out")
        ),
        "state": record.state,
        "can_discard": not record.was_begun,
        "can_undo": record.state in ("committing", "committed"),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def show_import(request: HttpRequest, import_id: str) -> HttpResponse:
    """Show the page of an import's state; a POST changes rows of the preview."""
    record = services.get_import(request.user, import_id)
    if record.state in ("reading", "refused"):
        return _show_reading(request, record)
    if record.state == "preview":
        if services.questions_of(record):
            return _ask(request, record)
        if request.method == "POST":
            return _change_rows(request, record)
        return _preview(request, record)
    if request.method == "POST":  # sent again, or from another window
        return _to_import(import_id)
    if record.state in ("committing", "undoing"):
        return _show_progress(request, record)
    return _show_result(request, record)


def _show_reading(request: HttpRequest, record: Import) -> HttpResponse:
    """Show that a task is reading the file, or why it refused it."""
    if request.method == "POST":  # of a page from before
        return _to_import(record.import_id)
    response = render(request, "expenses/imports/reading.html", {"record": record})
    if record.state == "reading":
        response.headers["Refresh"] = str(READING_SECONDS)
    return response


def _ask(request: HttpRequest, record: Import) -> HttpResponse:
    """Show the first question about a file."""
    question = services.questions_of(record)[0]
    mapping = services.mapping_of(record)
    sent = posted(request) if "answer" in request.POST else None
    form = QuestionForm(sent, question, mapping.get("headings", ()))
    user = request.user
    return handle_form(
        request,
        "expenses/imports/question.html",
        form,
        save=lambda _data: services.change_mapping(
            user, record.import_id, mapping=form.mapping(mapping)
        ),
        done=lambda changed: _to_import(changed.import_id),
        context={"record": record},
        focus=False,
    )


# --- The preview ---


def _preview(request: HttpRequest, record: Import) -> HttpResponse:
    user = request.user
    rows = services.rows_of(user, record)
    summary = descriptions.summarize(rows)
    group = _group(request.GET.get("show", ""), summary)
    shown = [row for row in rows if row.decision in GROUPS[group]]
    is_guess = bool(services.mapping_of(record).get("encoding_guessed"))
    if is_guess:
        shown.sort(key=_is_ascii)
    first = _first(request.GET.get("first", ""), len(shown))
    page = shown[first - 1 : first - 1 + PAGE_SIZE]
    context = {
        "record": record,
        "description": descriptions.describe_file(record, summary),
        "summary": summary,
        "is_guess": is_guess and not all(map(_is_ascii, rows)),
        "group": group,
        "tabs": _tabs(group, summary),
        "here_query": _query(group, first),
        "rows": [_row(user, row) for row in page],
        "about_expense": ABOUT_EXPENSE,
        "lengths": LENGTHS,
        "categories": _categories(user, rows),
        "uncategorized": uncategorized(),
        "pages": _pages(group, first, len(shown)),
        "button": _button(summary, user),
        "over": services.budgets_over(user, record),
    }
    return render(request, "expenses/imports/preview.html", context)


def _is_ascii(row: ImportRow) -> bool:
    return row.text.isascii() and row.payee.isascii()


def _categories(user: User, rows: Sequence[ImportRow]) -> list[str]:
    """Return the categories to choose from: of the file, a year, and the budgets."""
    year = years_later(user.today(), -1)
    uses = list_categories(user, start=year).uses
    names = [row.category for row in rows if row.category]
    names += [use.category for use in uses]
    return sorted({casefold_key(name): name for name in names}.values())


def _group(name: str, summary: Summary) -> str:
    """Return the chosen group, or the first one with rows."""
    if name in GROUPS:
        return name
    return next((name for name in GROUPS if summary.groups[name]), "new")


def _first(text: str, count: int) -> int:
    """Return the position of the first row of a page, from 1."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    last_page = max(count - 1, 0) // PAGE_SIZE
    return min(max(number - 1, 0) // PAGE_SIZE, last_page) * PAGE_SIZE + 1


def _query(group: str, first: int = 1) -> str:
    return urlencode({"show": group} | ({"first": first} if first > 1 else {}))


def _tabs(group: str, summary: Summary) -> list[dict[str, Any]]:
    return [
        {
            "label": _(GROUP_WORDS[name]),
            "count": count,
            "query": _query(name),
            "is_current": name == group,
        }
        for name, count in summary.groups.items()
        if count or name in ("new", group)
    ]


def _pages(group: str, first: int, count: int) -> dict[str, Any]:
    last = min(first + PAGE_SIZE - 1, count)
    return {
        "previous": _query(group, first - PAGE_SIZE) if first > 1 else "",
        "next": _query(group, last + 1) if last < count else "",
        "words": _("{first}-{last} of {count}").format(
            first=first, last=last, count=count
        ),
    }


def _row(user: User, row: ImportRow) -> dict[str, Any]:
    control = control_of(row)
    is_refund = row.decision == "new" and amount_paid(row) < 0
    label = _("Refund") if is_refund else _(DECISION_WORDS[row.decision])
    because = sentence(row.because, row.values)
    return {
        "number": row.number,
        "place": sentence(row.place, row.place_values),
        "decision": row.decision,
        "label": label,
        "because": "" if because == f"{label}." else because,
        "cell": row.cell,
        "day": row.day,
        "amount": descriptions.describe_amount(user, row),
        "text": row.text,
        "merchant": row.merchant,
        "category": row.category,
        "category_because": sentence(row.category_because, row.category_values),
        "control": control,
        "is_written": row.is_written,
        "of": row.of,
        "is_editable": control and row.decision not in ("match", "duplicate"),
        # Not once a rule decides, which is changed on its page.
        "can_remember": row.booking is not None and row.category_because != "by_rule",
        "has_parts": row.has_parts,
    }


def _button(summary: Summary, user: User) -> str:
    """Return the label of the button that imports the rows."""
    new = summary.groups["new"]
    if not new:
        return _("Import")
    label = ngettext(
        "Import {count} expense, {total}", "Import {count} expenses, {total}", new
    )
    total = display(summary.total, user.currency)
    return label.format(count=i18n.number(new), total=total)


def _change_rows(request: HttpRequest, record: Import) -> HttpResponse:
    """Store what was changed on a page of rows; then import, or show the next page."""
    user, import_id = request.user, record.import_id
    rows = services.rows_of(user, record)
    choices = with_same_merchant(rows, choices_of(request.POST, rows))
    remembered = remembered_row(request.POST)
    query = request.POST.get("go") or request.POST.get("here", "")
    path = reverse("expenses:import", args=[import_id])
    if choices or remembered:
        if request.POST.get("revision") != record.revision:
            messages.error(request, _(contents.CHANGED))
            return _to_import(import_id)
        try:
            if choices:
                services.change_rows(user, import_id, choices)
            if remembered:
                _remember(request, import_id, *remembered)
        except (ConflictError, InvalidError) as error:
            for sentence in _sentences(error):
                messages.error(request, sentence)
            return redirect(f"{path}?{_known(query)}")
    if query == "commit":
        return _commit(request, import_id)
    place = f"#row-{remembered[0]}" if remembered else ""
    return redirect(f"{path}?{_known(query)}{place}")


def _remember(request: HttpRequest, import_id: str, number: int, wanted: str) -> None:
    """Create a rule from a row, with a message that leads to it."""
    rule = services.remember_merchant(
        request.user, import_id, number, never_guess=wanted == NEVER
    )
    sentence = _("No more suggestions for “{merchant}”.")
    if rule.category:
        sentence = _("“{merchant}” always gets the category {category}.")
    sentence = sentence.format(merchant=rule.text, category=rule.category)
    add_success(request, sentence, edit=reverse("expenses:import_rules"))


def _sentences(error: ConflictError | InvalidError) -> list[str]:
    """Return what is wrong, once if it is wrong in several rows."""
    if not isinstance(error, InvalidRowsError):
        return [str(error)]
    fields = [sentences for row in error.rows.values() for sentences in row.values()]
    return list(dict.fromkeys(sentence for one in fields for sentence in one))


def _known(query: str) -> str:
    """Return the query of a page of rows, or "" for any other."""
    name, first = _parse(query)
    return _query(name, first) if name in GROUPS else ""


def _parse(query: str) -> tuple[str, int]:
    values = dict(part.partition("=")[::2] for part in query.split("&"))
    first = values.get("first", "1")
    is_number = first.isascii() and first.isdigit() and len(first) < 6
    return values.get("show", ""), int(first) if is_number else 1


@require_http_methods(["GET", "HEAD", "POST"])
def change_mapping(request: HttpRequest, import_id: str) -> HttpResponse:
    """Change how a file is read."""
    user = request.user
    record = services.get_import(user, import_id)
    if record.state != "preview":
        return _to_import(import_id)
    samples = services.encoding_samples(user, record)
    form = MappingForm(posted(request), record, samples)

    def save(_data: dict[str, Any]) -> Import:
        mapping, profile = form.mapping(), form.changed_profile
        if not mapping and not profile:
            return record
        return services.change_mapping(
            user, import_id, mapping=mapping, profile=profile
        )

    return handle_form(
        request,
        "expenses/imports/mapping.html",
        form,
        save=save,
        done=lambda changed: _to_import(changed.import_id),
        context={"record": record},
        focus=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard_import(request: HttpRequest, import_id: str) -> HttpResponse:
    """Confirm and discard a preview."""
    record = services.get_import(request.user, import_id)
    if request.method != "POST":
        if record.was_begun:
            return _to_import(import_id)
        return render(request, "expenses/imports/discard.html", {"record": record})
    try:
        services.discard_import(request.user, import_id)
    except ConflictError as error:
        messages.error(request, str(error))
        return _to_import(import_id)
    sentence = _("Discarded {file}. Nothing was imported.")
    messages.success(request, sentence.format(file=record.file_name))
    return redirect("expenses:imports")


@require_http_methods(["GET", "HEAD", "POST"])
def edit_rules(request: HttpRequest) -> HttpResponse:
    """List the user's rules; a POST adds or deletes one."""
    user = request.user
    deleted = request.POST.get("delete")
    if deleted:
        profiles.delete_rule(user, deleted)
        messages.success(request, _("Rule deleted."))
        return redirect("expenses:import_rules")

    def done(_saved: object) -> HttpResponse:
        messages.success(request, _("Rule added. It applies from the next file on."))
        return redirect("expenses:import_rules")

    return handle_form(
        request,
        "expenses/imports/rules.html",
        RuleForm(posted(request)),
        save=lambda data: profiles.add_rule(user, data),
        done=done,
        context=lambda: {"rules": _described_rules(user)},
        focus=False,
    )


def _described_rules(user: User) -> list[dict[str, str]]:
    settings = profiles.read_settings(user)
    accounts = {profile.source: profile.name for profile in settings.profiles}
    return [
        {
            "rule_id": rule.rule_id,
            "conditions": descriptions.describe_conditions(user, rule, accounts),
            "actions": descriptions.describe_actions(rule),
        }
        for rule in settings.rules
    ]


# --- Bank accounts ---


@require_safe
def list_profiles(request: HttpRequest) -> HttpResponse:
    listed = profiles.list_profiles(request.user)
    described = [
        {
            "source": profile.source,
            "name": profile.name,
            "kind": descriptions.describe_profile(profile),
            "used_at": profile.used_at,
        }
        for profile in listed
    ]
    context = {"profiles": described, "most": profiles.MAX_PROFILES}
    return render(request, "expenses/imports/profiles.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def rename_profile(request: HttpRequest, source: str) -> HttpResponse:
    user = request.user
    profile = profiles.get_profile(user, source)

    def done(renamed: Profile) -> HttpResponse:
        sentence = _("The account is now called {name}.")
        messages.success(request, sentence.format(name=renamed.name))
        return redirect("expenses:import_profiles")

    return handle_form(
        request,
        "expenses/imports/profile.html",
        ProfileForm(posted(request), initial={"name": profile.name}),
        save=lambda data: profiles.rename_profile(user, source, **data),
        done=done,
        context={"profile": profile},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete_profile(request: HttpRequest, source: str) -> HttpResponse:
    """Confirm and delete a bank account."""
    profile = profiles.get_profile(request.user, source)
    if request.method != "POST":
        context = {"profile": profile}
        return render(request, "expenses/imports/delete_profile.html", context)
    profiles.delete_profile(request.user, source)
    sentence = _("Deleted {name}. Its expenses stay.")
    messages.success(request, sentence.format(name=profile.name))
    return redirect("expenses:import_profiles")


# --- Importing ---


def _commit(request: HttpRequest, import_id: str) -> HttpResponse:
    """Write rows, up to the most that one request writes."""
    return _go_on(request, import_id, commit.commit)


def _go_on(
    request: HttpRequest, import_id: str, run: Callable[[User, str], Progress]
) -> HttpResponse:
    """Write or undo the next rows, and show how far it is."""
    try:
        progress = run(request.user, import_id)
    except (ConflictError, GoneError, InvalidError) as error:
        messages.error(request, str(error))
        path = reverse("expenses:import", args=[import_id])
        return redirect(f"{path}?{_PAUSED}")
    if progress.alerts:
        sentence = ngettext(
            "{count} budget alert. See your notifications.",
            "{count} budget alerts. See your notifications.",
            progress.alerts,
        )
        messages.warning(request, sentence.format(count=progress.alerts))
    if isinstance(progress, Undone) and progress.changed and not progress.left:
        return _show_changed(request, import_id, progress)
    return _to_import(import_id)


@require_GET
def continue_import(request: HttpRequest, import_id: str) -> HttpResponse:
    """Continue an import, or an undo, that was begun with a POST.

    A GET, so that the page of the progress gets here without JavaScript. It never
    begins anything, and repeating it changes nothing more.

    Why: docs/decisions.md#a-page-continues-a-long-import-by-a-get
    """
    state = services.get_import(request.user, import_id).state
    if state == "committing":
        return _go_on(request, import_id, commit.commit)
    if state == "undoing":
        return _go_on(request, import_id, commit.undo)
    return _to_import(import_id)


def _show_progress(request: HttpRequest, record: Import) -> HttpResponse:
    is_undo = record.state == "undoing"
    finished = int(record.finished, 16).bit_count()
    most, done = int(record.writable), finished
    if is_undo:  # maybe of an import that was not finished
        most, done = finished, finished - int(record.written, 16).bit_count()
    context = {
        "record": record,
        "is_undo": is_undo,
        "words": _("{done} of {most} expenses").format(
            done=i18n.number(done), most=i18n.number(most)
        ),
        "done": done,
        "most": most,
        "is_paused": _PAUSED in request.GET,
    }
    response = render(request, "expenses/imports/progress.html", context)
    if not context["is_paused"]:
        path = reverse("expenses:continue_import", args=[record.import_id])
        response.headers["Refresh"] = f"{REFRESH_SECONDS}; url={path}"
    return response


def _show_result(request: HttpRequest, record: Import) -> HttpResponse:
    summary = descriptions.summarize(services.rows_with_outcome(request.user, record))
    is_undone = record.state == "undone"
    new = summary.groups["new"]
    heading = ngettext("Imported {count} expense", "Imported {count} expenses", new)
    until = datetime.datetime.fromisoformat(commit.undo_until(record))
    context = {
        "record": record,
        "summary": summary,
        "heading": heading.format(count=i18n.number(new))
        if new
        else _("Import finished"),
        "groups": [
            (_(GROUP_WORDS[name]), count)
            for name, count in summary.groups.items()
            if count and name not in ("new", "match", "no_booking")
        ],
        "is_undone": is_undone,
        "left": int(record.written, 16).bit_count() if is_undone else 0,
        "undo_until": request.user.today(until),
    }
    return render(request, "expenses/imports/result.html", context)


# --- Undo ---


@require_http_methods(["GET", "HEAD", "POST"])
def undo_import(request: HttpRequest, import_id: str) -> HttpResponse:
    """Confirm and undo an import."""
    user = request.user
    record = services.get_import(user, import_id)
    if not record.was_begun:
        return _to_import(import_id)
    if request.method == "POST":
        chosen = request.POST.getlist("selected")

        def run(user: User, import_id: str) -> Undone:
            return commit.undo(user, import_id, chosen)

        return _go_on(request, import_id, run)
    groups = descriptions.summarize(services.written_rows(user, record)).groups
    context = {"record": record, "new": groups["new"], "matched": groups["match"]}
    return render(request, "expenses/imports/undo.html", context)


def _show_changed(request: HttpRequest, import_id: str, undone: Undone) -> HttpResponse:
    """List the expenses that an undo left, since they were changed."""
    record = services.get_import(request.user, import_id)
    context = {"record": record, "expenses": undone.changed}
    return render(request, "expenses/imports/changed.html", context)


def _to_import(import_id: str) -> HttpResponseRedirect:
    return redirect("expenses:import", import_id)
