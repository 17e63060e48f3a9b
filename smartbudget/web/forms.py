"""Render a form and save what it contains."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from django.contrib import messages
from django.forms import CharField, Form, TextInput, ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.datastructures import MultiValueDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from smartbudget.core.errors import ForbiddenError, InvalidError, NotFoundError
from smartbudget.core.typed_amounts import typed_amount
from smartbudget.core.user import User
from smartbudget.web.errors import in_words, problem_of
from smartbudget.web.form_drafts import RESTORED
from smartbudget.web.problems import Problem

T = TypeVar("T")


class AmountField(CharField):
    """An amount as typed; services read it, as exactly as they read the API's.

    Django's DecimalField would also take 1_000 and digits of other scripts. A form
    sets `currency` to that of its user.
    """

    currency = "USD"

    widget = TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, empty_value=None, **options)

    def to_python(self, value: str | None) -> str | None:
        """Read what was typed as the page's language writes numbers."""
        typed = super().to_python(value)
        try:
            return typed and typed_amount(typed, self.currency)
        except InvalidError as error:
            raise ValidationError(str(error)) from error


def amount_label(user: User) -> Any:
    """Return the label of an amount field, with the user's currency."""
    return format_lazy(gettext_lazy("Amount ({currency})"), currency=user.currency)


class ListForm(Form):
    """A form that filters or sorts a list."""

    arranging: tuple[str, ...] = ()  # fields that leave nothing out

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves anything out."""
        return any(
            value not in (None, "", [])
            for name, value in self.cleaned_data.items()
            if name not in self.arranging
        )


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was typed into a form; None where it is only to be shown."""
    return request.POST if request.method == "POST" else None


def answer_form(
    request: HttpRequest,
    template: str,
    form: Form,
    *,
    save: Callable[[dict[str, Any]], T],
    done: Callable[[T], HttpResponse],
    context: dict[str, Any] | Callable[[], dict[str, Any]] | None = None,
    held: AbstractContextManager[None] | None = None,
) -> HttpResponse:
    """Show a form; if it is bound, save it. One from a draft is shown only.

    save: takes the cleaned data and calls a service. What the service refuses is said
    by its field, with what was typed kept. done: answers with what `save` returned.
    context: what the template needs beside the form; where it costs something, a
    function, which is called only when the form is shown. held: a slot for slow work,
    taken before the form's files are looked at; if there is none, that is said instead.
    """
    problem = None
    if form.is_bound and RESTORED in request.POST:
        messages.warning(request, _("Not saved yet. Please check your entries."))
    elif form.is_bound:
        problem = Problem(400, "", "invalid")
        try:
            with held or nullcontext():
                saved: Any = save(form.cleaned_data) if form.is_valid() else None
        except Exception as error:
            if not hasattr(form, "cleaned_data"):  # no slot: its files stay unread
                form.files = MultiValueDict()
            problem = _put_on(form, error)
            if problem is None:
                raise
        else:
            if form.is_valid():
                return done(saved)
    _focus_on_first_wrong(form)
    beside = context() if callable(context) else context
    response = render(request, template, {**(beside or {}), "form": form})
    if problem:
        response.status_code = problem.status
        for name, value in problem.headers.items():
            response.headers[name] = value
    return response


def _focus_on_first_wrong(form: Form) -> None:
    errors = form.errors  # a form may lose fields while it finds them
    wrong = [field for name, field in form.fields.items() if name in errors]
    if wrong:
        for field in form.fields.values():
            field.widget.attrs.pop("autofocus", None)
        wrong[0].widget.attrs["autofocus"] = True


def _put_on(form: Form, error: Exception) -> Problem | None:
    problem = problem_of(error)
    if problem is None or isinstance(error, NotFoundError | ForbiddenError):
        return None
    field = problem.field if problem.field in form.fields else None
    sentence = problem.sentence
    if problem.status == 429 and problem.wait:
        again = _("Try again in {wait}.").format(wait=in_words(problem.wait))
        sentence = f"{sentence} {again}"
    form.add_error(field, sentence)
    return problem
