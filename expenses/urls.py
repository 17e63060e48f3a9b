"""URLs of expenses; smartbudget.urls includes both lists."""

from django.urls import path, register_converter

from expenses import bulk_views, views
from expenses.api import (
    BulkView,
    EmptyTrashView,
    ExpenseListView,
    ExpenseView,
    ExpenseWithReceiptView,
    HistoryView,
    RefundsView,
    RestoreView,
    SelectedView,
    TrashView,
    UndoView,
)
from expenses.categories import views as category_views
from expenses.categories.api import CategoryListView, MergeView, RenameView
from expenses.imports import views as import_views
from expenses.imports.api import (
    CommitImportView,
    ImportListView,
    ImportProfilesView,
    ImportProfileView,
    ImportRowsView,
    ImportRulesView,
    ImportView,
    UndoImportView,
)
from expenses.merchants import views as merchant_views
from expenses.merchants.api import (
    MerchantListView,
    MergeMerchantsView,
    RenameMerchantView,
)
from expenses.receipts import views as receipt_views
from expenses.receipts.api import (
    AnnouncementView,
    ConfirmationView,
    ReceiptUploadView,
    ReceiptView,
)
from smartbudget.web.converters import ItemIdConverter

register_converter(ItemIdConverter, "expense_id")

pages = [
    path("expenses", views.list_expenses, name="list"),
    path("expenses/add", views.add, name="add"),
    path("expenses/selected", bulk_views.act, name="act"),
    path("expenses/undo/<expense_id:undo_id>", bulk_views.undo_change, name="undo"),
    path("expenses/trash", views.list_trash, name="trash"),
    path("expenses/trash/empty", views.empty_trash, name="empty_trash"),
    path("expenses/categories", category_views.list_categories, name="categories"),
    path("expenses/categories/rename", category_views.rename, name="rename"),
    path("expenses/merchants", merchant_views.list_merchants, name="merchants"),
    path("expenses/merchants/rename", merchant_views.rename, name="rename_merchant"),
    path("expenses/import", import_views.list_imports, name="imports"),
    path("expenses/import/rules", import_views.edit_rules, name="import_rules"),
    path(
        "expenses/import/accounts",
        import_views.list_profiles,
        name="import_profiles",
    ),
    path(
        "expenses/import/accounts/<expense_id:source>",
        import_views.rename_profile,
        name="import_profile",
    ),
    path(
        "expenses/import/accounts/<expense_id:source>/delete",
        import_views.delete_profile,
        name="delete_import_profile",
    ),
    path(
        "expenses/import/<expense_id:import_id>",
        import_views.show_import,
        name="import",
    ),
    path(
        "expenses/import/<expense_id:import_id>/discard",
        import_views.discard_import,
        name="discard_import",
    ),
    path(
        "expenses/import/<expense_id:import_id>/mapping",
        import_views.change_mapping,
        name="import_mapping",
    ),
    path(
        "expenses/import/<expense_id:import_id>/continue",
        import_views.continue_import,
        name="continue_import",
    ),
    path(
        "expenses/import/<expense_id:import_id>/undo",
        import_views.undo_import,
        name="undo_import",
    ),
    path("expenses/<expense_id:expense_id>/edit", views.edit, name="edit"),
    path("expenses/<expense_id:expense_id>/duplicate", views.add, name="duplicate"),
    path("expenses/<expense_id:expense_id>/refund", views.add_refund, name="refund"),
    path("expenses/<expense_id:expense_id>/delete", views.delete, name="delete"),
    path("expenses/<expense_id:expense_id>/restore", views.restore, name="restore"),
    path(
        "expenses/<expense_id:expense_id>/receipt",
        receipt_views.receipt,
        name="receipt",
    ),
    path(
        "expenses/<expense_id:expense_id>/thumbnail",
        receipt_views.thumbnail,
        name="thumbnail",
    ),
]

api = [
    path("expenses", ExpenseListView.as_view(), name="expenses"),
    path(
        "expenses/with-receipt",
        ExpenseWithReceiptView.as_view(),
        name="expense_with_receipt",
    ),
    path("expenses/bulk", BulkView.as_view(), name="bulk_expenses"),
    path("expenses/selected", SelectedView.as_view(), name="selected_expenses"),
    path("expenses/trash", TrashView.as_view(), name="trash"),
    path("expenses/trash/empty", EmptyTrashView.as_view(), name="empty_trash"),
    path("expenses/<expense_id:expense_id>", ExpenseView.as_view(), name="expense"),
    path(
        "expenses/<expense_id:expense_id>/restore",
        RestoreView.as_view(),
        name="restore_expense",
    ),
    path(
        "expenses/selected/<expense_id:undo_id>/undo",
        UndoView.as_view(),
        name="undo_change",
    ),
    path(
        "expenses/<expense_id:expense_id>/history",
        HistoryView.as_view(),
        name="expense_history",
    ),
    path(
        "expenses/<expense_id:expense_id>/refunds",
        RefundsView.as_view(),
        name="refunds",
    ),
    path("categories", CategoryListView.as_view(), name="categories"),
    path("categories/rename", RenameView.as_view(), name="rename_category"),
    path("categories/merge", MergeView.as_view(), name="merge_categories"),
    path("merchants", MerchantListView.as_view(), name="merchants"),
    path("merchants/rename", RenameMerchantView.as_view(), name="rename_merchant"),
    path("merchants/merge", MergeMerchantsView.as_view(), name="merge_merchants"),
    path("imports", ImportListView.as_view(), name="imports"),
    path("imports/<expense_id:import_id>", ImportView.as_view(), name="import"),
    path(
        "imports/<expense_id:import_id>/rows",
        ImportRowsView.as_view(),
        name="import_rows",
    ),
    path(
        "imports/<expense_id:import_id>/commit",
        CommitImportView.as_view(),
        name="commit_import",
    ),
    path(
        "imports/<expense_id:import_id>/undo",
        UndoImportView.as_view(),
        name="undo_import",
    ),
    path("import-rules", ImportRulesView.as_view(), name="import_rules"),
    path("import-profiles", ImportProfilesView.as_view(), name="import_profiles"),
    path(
        "import-profiles/<expense_id:source>",
        ImportProfileView.as_view(),
        name="import_profile",
    ),
    path("receipts/upload", ReceiptUploadView.as_view(), name="upload_receipt"),
    path(
        "receipts/presigned-url",
        AnnouncementView.as_view(),
        name="announce_receipt",
    ),
    path("receipts/confirm", ConfirmationView.as_view(), name="confirm_receipt"),
    path("receipts/<expense_id:expense_id>", ReceiptView.as_view(), name="receipt"),
]
