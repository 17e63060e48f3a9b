"""Edits of files that the web server reads are detected, and no others."""

import os

import pytest

from smartbudget.local import edits


@pytest.fixture
def checkout(tmp_path):
    for name in ("manage.py", "budgets/views.py", "templates/budgets/list.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["manage.py", "budgets/views.py", "templates/budgets/list.html"]
)
def test_a_saved_file_is_noticed(checkout, name):
    before = edits.versions(checkout)

    os.utime(checkout / name, ns=(0, 0))

    assert edits.versions(checkout) != before


@pytest.mark.parametrize(
    "name", ["budgets/tasks.py", "new_app/models.py", "locale/de.mo", "static/app.js"]
)
def test_new_and_deleted_files_are_noticed(checkout, name):
    before = edits.versions(checkout)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)

    (checkout / name).touch()
    with_it = edits.versions(checkout)
    (checkout / name).unlink()

    assert with_it != before
    assert edits.versions(checkout) == before


@pytest.mark.parametrize(
    "name",
    [
        ".local/aws/code.py",
        "budgets/.views.py.swp",
        "budgets/__pycache__/views.py",
        "docs/page.html",
        "staticfiles/app.css",
        "tests/test_views.py",
    ],
)
def test_other_files_are_ignored(checkout, name):
    before = edits.versions(checkout)

    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).touch()

    assert edits.versions(checkout) == before


def test_a_file_that_disappears_during_the_scan_is_ignored(checkout):
    (checkout / "gone.py").symlink_to(checkout / "nowhere.py")

    assert str(checkout / "gone.py") not in edits.versions(checkout)
