"""Render forms and save their data."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from django.contrib import messages
from django.forms import (
    BoundField,
    CharField,
    ChoiceField,
    DateField,
    DateInput,
    Field,
    Form,
    MultipleChoiceField,
    Textarea,
    TextInput,
    ValidationError,
)
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.datastructures import MultiValueDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from smartbudget.core import i18n
from smartbudget.core.errors import ForbiddenError, InvalidError, NotFoundError
from smartbudget.core.typed_amounts import typed_amount
from smartbudget.core.user import User
from smartbudget.web.errors import KNOWN, format_wait, problem_of
from smartbudget.web.form_drafts import RESTORED
from smartbudget.web.problems import Problem

T = TypeVar("T")

# By Django's codes; a field may have sentences of its own.
_SENTENCES = {
    "required": gettext_lazy("Fill in this field."),
    "invalid_choice": gettext_lazy("Choose one of the options."),
    "max_length": gettext_lazy("Use at most %(limit_value)s characters."),
    "min_value": gettext_lazy("Enter %(limit_value)s or more."),
    "max_value": gettext_lazy("Enter %(limit_value)s or less."),
    "null_characters_not_allowed": gettext_lazy("Control characters are not allowed."),
}
_DJANGOS = ChoiceField.default_error_messages | Field.default_error_messages


class AmountField(CharField):
    """An amount as typed; services parse it as strictly as the API's.

    Django's DecimalField would also accept 1_000 and digits of other scripts. A form
    sets `currency` to that of its user.
    """

    currency = "USD"

    widget = TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, empty_value=None, **options)

    def to_python(self, value: str | None) -> str | None:
        """Convert an amount in the page's language to the API's notation."""
        typed = super().to_python(value)
        try:
            return typed and typed_amount(typed, self.currency)
        except InvalidError as error:
            raise ValidationError(str(error)) from error


class DayField(DateField):
    """A day, with the browser's date picker."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%d"],
            widget=DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            error_messages={
                "invalid": gettext_lazy("Enter a valid date as YYYY-MM-DD.")
            },
            **options,
        )


class LinesField(CharField):
    """A multi-line text; a line break counts as one character."""

    widget = Textarea(attrs={"rows": 3})

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n")


def amount_label(user: User) -> Any:
    """Return the label of an amount field, with the user's currency."""
    return format_lazy(gettext_lazy("Amount ({currency})"), currency=user.currency)


class CheckedForm(Form):
    """A form whose fields have rules that services check."""

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        """Return all errors in the valid fields' values: {field: [sentence]}.

        Called if another field is invalid, so that all errors are shown at once.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Chip:
    """An active filter: its label, its fields, and its value if there are several."""

    label: str
    names: tuple[str, ...]
    value: str | None = None


class ListForm(Form):
    """A form that filters or sorts a list."""

    arranging: tuple[str, ...] = ()  # fields that do not filter
    days = ("start", "end")  # fields of a range, which are one filter

    @property
    def is_filtered(self) -> bool:
        """Check whether any filter is set."""
        return any(
            value not in (None, "", [])
            for name, value in self.cleaned_data.items()
            if name not in self.arranging
        )

    def chips(self) -> Iterator[Chip]:
        """Yield the active filters of a valid form, in the order of its fields."""
        start, end = (self.cleaned_data.get(name) for name in self.days)
        if start and end:
            yield Chip(i18n.days(start, end), self.days)
        for field in self:
            name, typed = field.name, field.data
            if name in self.arranging or (start and end and name in self.days):
                continue
            if isinstance(field.field, MultipleChoiceField):
                words = dict(field.field.choices)
                for value in typed:
                    yield Chip(str(words[value]), (name,), value)
            elif typed:
                yield Chip(_describe(field, self.cleaned_data.get(name)), (name,))

    def without(self, query: QueryDict, chip: Chip) -> QueryDict:
        """Return a copy of the URL's query without a filter."""
        parameters = query.copy()
        for name in chip.names:
            values = parameters.pop(name, [])
            kept = [value for value in values if chip.value not in (None, value)]
            if kept:
                parameters.setlist(name, kept)
        return parameters


def _describe(field: BoundField, value: Any) -> str:
    """Return a filter in words: `Status: Cleared`, `From: Nov 1, 2026`."""
    if field.name == "q":
        return i18n.quoted(field.data)
    if isinstance(field.field, ChoiceField):
        value = dict(field.field.choices)[field.data]
    elif isinstance(value, datetime.date):
        value = i18n.day(value)
    else:
        value = field.data
    return f"{field.label}: {value}"


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the submitted form's data, or None unless the request is a POST."""
    return request.POST if request.method == "POST" else None


def set_focus(form: Form) -> None:
    """Focus the first field with an error, or the first field of a blank form."""
    errors = form.errors  # evaluated first, since validation may remove fields
    for field in form.visible_fields():
        if field.name in errors or not form.is_bound:
            field.field.widget.attrs["autofocus"] = True
            return


def handle_form(
    request: HttpRequest,
    template: str,
    form: Form,
    *,
    save: Callable[[dict[str, Any]], T],
    done: Callable[[T], HttpResponse],
    context: dict[str, Any] | Callable[[], dict[str, Any]] | None = None,
    held: AbstractContextManager[None] | None = None,
    focus: bool = True,
) -> HttpResponse:
    """Save a form if it is bound and valid; otherwise, or for a draft, show it.

    save: calls a service with the cleaned data. The service's errors are shown at their
    fields, and the form keeps its values. done: returns the response for what `save`
    returned. context: further variables of the template, or a function that returns
    them, called only to show the form. held: a slot for slow work, acquired before the
    form's files are read; if none is free, the form shows that. focus: whether a blank
    form's first field gets the focus; not on pages that people open to read.
    """
    problem = None
    if form.is_bound and RESTORED in request.POST:
        messages.warning(request, _("Not saved yet. Please check your entries."))
    elif form.is_bound:
        problem = Problem(400, "", "invalid")
        try:
            with held or nullcontext():
                saved: Any = save(form.cleaned_data) if form.is_valid() else None
        except KNOWN as error:
            if not hasattr(form, "cleaned_data"):  # no slot: do not read its files
                form.files = MultiValueDict()
            problem = _add_error(form, error)
            if problem is None:
                raise
        else:
            if form.is_valid():
                return done(saved)
    if problem and problem.status == HTTPStatus.BAD_REQUEST:
        _add_further_errors(form)
        _reword(form)
    if focus or form.is_bound:
        set_focus(form)
    variables = context() if callable(context) else context
    response = render(request, template, {**(variables or {}), "form": form})
    if problem:
        response.status_code = problem.status
        for name, value in problem.headers.items():
            response.headers[name] = value
    return response


def _add_further_errors(form: Form) -> None:
    """Add the errors that saving would have reported one at a time."""
    if not (isinstance(form, CheckedForm) and hasattr(form, "cleaned_data")):
        return
    for name, sentences in form.find_errors({**form.cleaned_data}).items():
        if name in form.fields and name not in form.errors:
            form.add_error(name, [*sentences])


def _reword(form: Form) -> None:
    """Replace Django's sentences in a form's errors by our own."""
    for name, errors in form.errors.as_data().items():
        own = form.fields[name].error_messages if name in form.fields else {}
        for error in errors:
            default = _DJANGOS.get(error.code)
            if error.code in _SENTENCES and own.get(error.code, default) == default:
                error.message = _SENTENCES[error.code]


def _add_error(form: Form, error: Exception) -> Problem | None:
    """Show an error at its field; return its problem, or None if not for the form."""
    problem = problem_of(error)
    if problem is None or isinstance(error, NotFoundError | ForbiddenError):
        return None
    field = problem.field if problem.field in form.fields else None
    sentence = problem.sentence
    if problem.status == 429 and problem.wait:
        again = _("Try again in {wait}.").format(wait=format_wait(problem.wait))
        sentence = f"{sentence} {again}"
    form.add_error(field, sentence)
    return problem
