"""URLs of budgets; smartbudget.urls includes both lists."""

from django.urls import path, register_converter

from budgets import views
from budgets.api import BudgetListView, BudgetPeriodsView, BudgetView
from smartbudget.web.converters import ItemIdConverter

register_converter(ItemIdConverter, "budget_id")

pages = [
    path("budgets", views.list_budgets, name="list"),
    path("budgets/add", views.add, name="add"),
    path("budgets/<budget_id:budget_id>", views.detail, name="detail"),
    path("budgets/<budget_id:budget_id>/pause", views.pause, name="pause"),
    path("budgets/<budget_id:budget_id>/edit", views.edit, name="edit"),
    path("budgets/<budget_id:budget_id>/delete", views.delete, name="delete"),
]

api = [
    path("budgets", BudgetListView.as_view(), name="budgets"),
    path("budgets/<budget_id:budget_id>", BudgetView.as_view(), name="budget"),
    path(
        "budgets/<budget_id:budget_id>/periods",
        BudgetPeriodsView.as_view(),
        name="budget-periods",
    ),
]
