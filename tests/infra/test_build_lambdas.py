"""The Lambda zips contain what a function needs and nothing of the web."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import build_lambdas
from infra.build_lambdas import ROOT
from smartbudget.local import environment
from smartbudget.local.settings import Settings


@pytest.fixture(scope="module")
def zips() -> dict[str, Path]:
    build_dir = Settings.from_env({}).build_dir
    with environment.exclusive(build_dir / "lambdas.lock"):
        return build_lambdas.build(build_dir / "lambdas")


def names_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_every_handler_has_a_zip(zips):
    assert sorted(zips) == build_lambdas.function_names()
    assert {"budget_alert", "notification_processor"} <= set(zips)


def test_zips_contain_no_django(zips):
    for path in zips.values():
        top = {name.split("/")[0].lower() for name in names_in(path)}
        assert not {n for n in top if n.startswith(("django", "rest_framework"))}


def test_zips_contain_domain_modules_and_no_web_modules(zips):
    names = names_in(zips["notification_processor"])

    assert "notifications/models.py" in names
    assert "smartbudget/core/config.py" in names
    assert "lambdas/notification_processor/handler.py" in names
    assert "lambdas/budget_alert/handler.py" not in names
    assert "smartbudget/settings.py" not in names
    for room in build_lambdas.WEB_MODULES:
        assert not {name for name in names if name == f"accounts/{room}.py"}


def test_a_mail_can_be_rendered_from_the_zip_alone(zips, tmp_path):
    with zipfile.ZipFile(zips["notification_processor"]) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
    code += "from notifications import mails; import markupsafe._speedups;"
    code += "print(mails.notification('Spent', 'All of it.', 'https://x/', 'en').html)"

    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env={"AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "All of it." in result.stdout


def test_zips_are_small_enough_to_start_quickly(zips):
    for name, path in zips.items():
        largest = 25_000_000 if name == "report_generator" else 12_000_000
        assert path.stat().st_size < largest


def test_only_the_report_zip_contains_fonts(zips):
    for name, path in zips.items():
        carries = any("reportlab" in name for name in names_in(path))
        assert carries == (name == "report_generator")


@pytest.mark.parametrize("name", build_lambdas.function_names())
def test_a_handler_imports_from_its_zip_alone(zips, name, tmp_path):
    with zipfile.ZipFile(zips[name]) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
    code += f"import lambdas.{name}.handler as module; print(module.__file__)"

    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env={"AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))


def test_a_second_build_does_nothing(zips):
    before = {path: path.stat().st_ino for path in zips.values()}

    again = build_lambdas.build(next(iter(zips.values())).parent)

    assert again == zips
    assert {path: path.stat().st_ino for path in again.values()} == before


def test_a_zips_name_changes_with_its_content(zips, tmp_path, monkeypatch):
    out = next(iter(zips.values())).parent
    packages = sorted(out.glob("packages-lambdas-*.zip"))[-1]
    before = build_lambdas._function_zip(tmp_path, "budget_alert", packages)
    files = list(build_lambdas.code_files("budget_alert"))
    monkeypatch.setattr(build_lambdas, "code_files", lambda name: files[:-1])

    after = build_lambdas._function_zip(tmp_path, "budget_alert", packages)

    assert before.name != after.name


def test_a_failed_installation_is_a_one_line_error(tmp_path):
    lock = tmp_path / "lambdas.txt"
    lock.write_text("smartbudget-no-such==1 --hash=sha256:" + "0" * 64)

    with pytest.raises(build_lambdas.BuildError, match="could not be installed"):
        build_lambdas._install(
            tmp_path / "packages",
            build_lambdas.Target(platforms=("no_such_platform",)),
            lock,
        )


def test_wheels_for_aws_match_its_glibc():
    tags = build_lambdas.AWS_LAMBDA.platforms
    glibc = [re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", tag) for tag in tags]
    versions = [(int(match[1]), int(match[2])) for match in glibc if match]

    assert max(versions) <= (2, 34)  # of Amazon Linux 2023
    assert [tag for tag, match in zip(tags, glibc, strict=True) if not match] == [
        "manylinux2014_x86_64"
    ]


def test_pip_may_use_wheels_of_any_listed_platform():
    options = build_lambdas.AWS_LAMBDA.pip_options

    platforms = [
        options[at + 1] for at, option in enumerate(options) if option == "--platform"
    ]
    assert platforms == list(build_lambdas.AWS_LAMBDA.platforms)
    assert options[options.index("--python-version") + 1] == "3.13"


def test_ci_builds_the_zips_for_aws():
    """A new version of a locked package may have no wheel for AWS."""
    make = (ROOT / "Makefile").read_text()
    recipe = make.split("\nzips: ")[1].split("\n")[1]

    assert "\nmake zips\n" in (ROOT / ".ci" / "run").read_text()
    assert "-m infra.build_lambdas" in recipe


def test_a_function_too_large_for_lambda_is_rejected(zips, tmp_path, monkeypatch):
    packages = sorted(next(iter(zips.values())).parent.glob("packages-lambdas-*"))[-1]
    monkeypatch.setattr(build_lambdas, "UNZIPPED_BYTES", 1_000_000)

    with pytest.raises(build_lambdas.BuildError, match=r"budget_alert is \d+ bytes"):
        build_lambdas._function_zip(tmp_path, "budget_alert", packages)

    assert not list(tmp_path.glob("*.zip"))
