"""The hooks of pre-commit are the commands of `make lint`."""

import re
import subprocess

import yaml

from smartbudget.local.settings import ROOT


def test_each_command_of_make_lint_is_a_hook():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for hook in hooks[0]["hooks"]]
    recipe = re.search(
        r"^lint:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.M
    )
    assert recipe
    printed = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    commands = printed[-len(recipe[1].splitlines()) :]

    assert entries == [f'sh -c "{command}"' for command in commands]
