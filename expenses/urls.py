"""Addresses of expenses; smartbudget.urls says how the lists are used."""

from django.urls import path, register_converter

from expenses import views
from expenses.api import ExpenseListView, ExpenseView
from smartbudget.web.converters import ItemIdConverter

register_converter(ItemIdConverter, "expense_id")

pages = [
    path("expenses", views.list_expenses, name="list"),
    path("expenses/add", views.add, name="add"),
    path("expenses/<expense_id:expense_id>/edit", views.edit, name="edit"),
    path("expenses/<expense_id:expense_id>/delete", views.delete, name="delete"),
]

api = [
    path("api/expenses", ExpenseListView.as_view(), name="expenses"),
    path("api/expenses/<expense_id:expense_id>", ExpenseView.as_view(), name="expense"),
]
