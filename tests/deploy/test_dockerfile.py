"""What may get into the image's build; whether it builds is for test_image.py."""

import subprocess

from smartbudget.local.settings import ROOT
from smartbudget.urls import APPS

LINES = (ROOT / ".dockerignore").read_text().splitlines()
LET_IN = {line[1:] for line in LINES if line.startswith("!")}


def test_everything_is_kept_out_but_what_is_named():
    rules = [line for line in LINES if line and not line.startswith("#")]

    assert rules[0] == "*"
    # A later line undoes an earlier one: what is kept out again stands last.
    left_out = ["smartbudget/local", "**/__pycache__", "**/*.pyc", "**/*.po"]
    assert rules[-4:] == left_out


def test_every_folder_that_runs_is_named_and_no_other():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    elsewhere = {".ci", ".ebextensions", ".github", ".platform", "benchmarks", "docs"}
    elsewhere |= {"infra", "lambdas", "requirements", "scripts", "tests"}

    assert {name for name in LET_IN if "/" not in name} - {"locale"} == (
        folders - elsewhere - {"locale"} | {"manage.py"}
    )
    assert set(APPS) <= LET_IN


def test_the_images_python_is_one_that_is_tested():
    text = (ROOT / "Dockerfile").read_text()
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()

    version = text.split("PYTHON_IMAGE=python:")[1].split("-")[0]
    assert f'"{version}"' in workflow
