"""The API of imports: upload a file, look at its rows, then write or undo them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from expenses.imports import commit, limits, profiles, services
from expenses.imports.models import Import
from expenses.imports.preview import Choice, ImportRow
from expenses.imports.serializers import (
    FileInput,
    ImportDetailOutput,
    ImportInput,
    ImportOutput,
    ImportPage,
    ImportProfileInput,
    ImportProfileOutput,
    ImportProfilesOutput,
    ImportRowOutput,
    ImportRowPage,
    ProgressOutput,
    RememberInput,
    RowChoicesInput,
    RowFilter,
    RuleOutput,
    RulesInput,
    RulesOutput,
    UndoInput,
    UndoneImportOutput,
)
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Page
from smartbudget.web import pagination
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import ListQuery, represent, represent_all
from smartbudget.web.parsers import JSONParser


class ImportListView(ApiView):
    query = ListQuery
    creates_items = True
    parser_classes = (MultiPartParser,)
    form_input = FileInput

    @extend_schema(operation_id="list_imports", responses=ImportPage)
    def get(self, request: Request) -> Response:
        """List the caller's imports, newest first.

        Those that were not committed are kept for a week, others for 30 days.
        """
        position = pagination.position(request, request.user)
        page = services.list_imports(request.user, **position)
        results = represent_all(ImportOutput, page.items)
        return Response(pagination.body(request, request.user, page, results))

    @extend_schema(
        operation_id="upload_import",
        request={"multipart/form-data": FileInput},
        responses={201: ImportDetailOutput},
    )
    def post(self, request: Request) -> Response:
        """Upload a bank's file. Nothing is stored as an expense yet.

        Check its rows with `list_import_rows`, then use `commit_import`. A file above
        2 MB is read in the background: repeat `get_import` while `state` is `reading`.
        """
        data = self.parse(FileInput)
        file = data.pop("file")
        limits.check_bytes(file.size)
        record = services.create_import(request.user, file.read(), file.name, **data)
        return Response(
            _represent(request, record),
            status=201,
            headers={"Location": url_of(request, "import", record.import_id)},
        )


class ImportView(ApiView):
    methods_without_body = ("DELETE",)
    parser_classes = (JSONParser,)

    @extend_schema(operation_id="get_import", responses=ImportDetailOutput)
    def get(self, request: Request, import_id: str) -> Response:
        """Get an import."""
        record = services.get_import(request.user, import_id)
        return Response(_represent(request, record))

    @extend_schema(
        operation_id="edit_import",
        request=ImportInput,
        responses={200: ImportDetailOutput, 409: None},
    )
    def patch(self, request: Request, import_id: str) -> Response:
        """Read the file again, with other answers. Choices for rows are kept.

        A file above 2 MB is read in the background, as after its upload.
        """
        data = self.parse(ImportInput, partial=True)
        record = services.change_mapping(request.user, import_id, **data)
        return Response(_represent(request, record))

    @extend_schema(operation_id="discard_import", responses={204: None, 409: None})
    def delete(self, request: Request, import_id: str) -> Response:
        """Delete an import that was not committed, with its file and its rows.

        Later, use `undo_import`.
        """
        services.discard_import(request.user, import_id)
        return Response(status=204)


class ImportRowsView(ApiView):
    query = RowFilter
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="list_import_rows", responses={200: ImportRowPage, 409: None}
    )
    def get(self, request: Request, import_id: str) -> Response:
        """List the rows of an import in the order of the file, once it was read."""
        position = pagination.position(request, request.user)
        key, limit = position["after"], position["limit"]
        if position["backwards"] or not _is_number(key):
            raise InvalidError(_("This cursor is not valid."), "cursor")
        first = int(key["row"]["S"]) if key else 1
        rows = services.list_rows(
            request.user, import_id, first=first, limit=limit, **self.query_params
        )
        following = {"row": {"S": str(rows.next)}} if rows.next else None
        page: Page[ImportRow] = Page(rows.rows, next=following)
        context = {"currency": request.user.currency}
        results = represent_all(ImportRowOutput, rows.rows, context)
        return Response(pagination.body(request, request.user, page, results))

    @extend_schema(
        operation_id="change_import_rows",
        request=RowChoicesInput,
        responses={200: ImportDetailOutput, 409: None},
    )
    def patch(self, request: Request, import_id: str) -> Response:
        """Change what becomes of rows, until the import is committed."""
        choices = {
            values.pop("row"): Choice(**values)
            for values in self.parse(RowChoicesInput)["rows"]
        }
        record = services.change_rows(request.user, import_id, choices)
        return Response(_represent(request, record))


class CommitImportView(ApiView):
    @extend_schema(
        operation_id="commit_import",
        request=None,
        responses={200: ProgressOutput, 409: None},
    )
    def post(self, request: Request, import_id: str) -> Response:
        """Store the expenses of an import, at most 1,000 in each request.

        Repeat it while rows are left. Safe to repeat.
        """
        return self.represent(ProgressOutput, commit.commit(request.user, import_id))


class UndoImportView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="undo_import",
        request=UndoInput,
        responses={200: UndoneImportOutput, 409: None, 410: None},
    )
    def post(self, request: Request, import_id: str) -> Response:
        """Undo an import, for 30 days.

        Repeat it while rows are left. Expenses that were changed since stay, unless
        their ids are sent. Safe to repeat.
        """
        data = self.parse(UndoInput)
        undone = commit.undo(request.user, import_id, data.get("expense_ids", ()))
        context = {"currency": request.user.currency}
        return self.represent(UndoneImportOutput, undone, context)


class ImportRulesView(ApiView):
    parser_classes = (JSONParser,)
    shows_item = frozenset({"PUT", "POST"})

    @extend_schema(operation_id="get_import_rules", responses=RulesOutput)
    def get(self, request: Request) -> Response:
        """Get the rules for imports, in the order in which they are tried."""
        return self._represent(request, profiles.read_settings(request.user).rules)

    @extend_schema(
        operation_id="set_import_rules", request=RulesInput, responses=RulesOutput
    )
    def put(self, request: Request) -> Response:
        """Replace the rules for imports. The first one that applies to a row wins."""
        given = self.parse(RulesInput)["rules"]
        return self._represent(request, profiles.save_rules(request.user, given))

    @extend_schema(
        operation_id="remember_import_row",
        request=RememberInput,
        responses={200: RuleOutput, 404: None, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Create a rule from a row of an import that was not committed.

        The row's merchant always gets its category or, with `never_guess`, no category
        is suggested for it. The merchant's other rows follow. Safe to repeat.
        """
        data = self.parse(RememberInput)
        number = data.pop("row")
        rule = services.remember_merchant(
            request.user, data.pop("import_id"), number, **data
        )
        context = {"currency": request.user.currency}
        return self.represent(RuleOutput, rule, context)

    def _represent(self, request: Request, rules: object) -> Response:
        context = {"currency": request.user.currency}
        return self.represent(RulesOutput, {"rules": rules}, context)


class ImportProfilesView(ApiView):
    @extend_schema(operation_id="list_import_profiles", responses=ImportProfilesOutput)
    def get(self, request: Request) -> Response:
        """List the bank accounts of imports, at most 30."""
        listed = profiles.list_profiles(request.user)
        return self.represent(ImportProfilesOutput, {"profiles": listed})


class ImportProfileView(ApiView):
    methods_without_body = ("DELETE",)
    parser_classes = (JSONParser,)

    @extend_schema(operation_id="get_import_profile", responses=ImportProfileOutput)
    def get(self, request: Request, source: str) -> Response:
        """Get a bank account."""
        profile = profiles.get_profile(request.user, source)
        return self.represent(ImportProfileOutput, profile)

    @extend_schema(
        operation_id="rename_import_profile",
        request=ImportProfileInput,
        responses=ImportProfileOutput,
    )
    def patch(self, request: Request, source: str) -> Response:
        """Rename a bank account. Its files are still recognized."""
        data = self.parse(ImportProfileInput, partial=True)
        if "name" in data:
            profile = profiles.rename_profile(request.user, source, **data)
        else:
            profile = profiles.get_profile(request.user, source)
        return self.represent(ImportProfileOutput, profile)

    @extend_schema(operation_id="delete_import_profile", responses={204: None})
    def delete(self, request: Request, source: str) -> Response:
        """Delete a bank account. Its expenses stay.

        The answers about its files are deleted, so the next file needs them again.
        What was imported from it is still recognized.
        """
        profiles.delete_profile(request.user, source)
        return Response(status=204)


def _represent(request: Request, record: Import) -> dict[str, Any]:
    """Return an import with the budgets that it would take over their limits."""
    over = services.budgets_over(request.user, record)
    context = {"currency": request.user.currency}
    return represent(ImportDetailOutput, (record, over), context)


def _is_number(key: dict[str, dict[str, object]] | None) -> bool:
    """Check whether a cursor is of a list of rows, or there is none."""
    return key is None or "row" in key
