"""Finding and installing Chromium."""

import os

import pytest

from tests.browser import chromium


def program(folder, name, code=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Hide all programs; return the folder where they are looked up."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "DOWNLOADED", tmp_path / "browsers")
    monkeypatch.setattr(chromium.sys, "executable", "/bin/false")
    return tmp_path


def test_installed_browsers_come_before_downloaded_ones(nowhere):
    shell = "browsers/chromium_headless_shell-1/chrome-linux/headless_shell"
    downloaded = program(nowhere, shell)
    assert chromium.find() == downloaded

    installed = program(nowhere, "chromium")
    assert chromium.find() == installed

    without_window = program(nowhere, "chromium-headless-shell")
    assert chromium.find() == without_window


def test_a_browser_that_does_not_run_is_skipped(nowhere):
    program(nowhere, "chromium", code=1)
    other = program(nowhere, "google-chrome")

    assert chromium.find() == other


def test_only_the_named_browser_is_used(nowhere, monkeypatch):
    program(nowhere, "chromium")
    named = program(nowhere, "mine")
    monkeypatch.setenv("CHROMIUM", named)
    assert chromium.find() == named

    monkeypatch.setenv("CHROMIUM", str(nowhere / "missing"))
    assert chromium.find() is None


def test_without_a_browser_it_fails_with_instructions(nowhere, capfd):
    assert chromium.main() == 1

    lines = capfd.readouterr().err.splitlines()
    assert lines[-1] == chromium.ADVICE
    assert "apt-get install chromium" in lines[-1]


@pytest.mark.parametrize("package", ["chromium-headless-shell", "chromium"])
def test_root_installs_chromium_with_apt(nowhere, monkeypatch, package):
    """Not every release has the build without a window."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt = nowhere / "apt-get"
    browser = nowhere / package
    apt.write_text(
        '#!/bin/sh\n[ "$1" = install ] || exit 0\n'
        f'case " $* " in *" {package} "*) ;; *) exit 100 ;; esac\n'
        f"printf '#!/bin/sh\\nexit 0\\n' > {browser}\n/bin/chmod +x {browser}\n"
    )
    apt.chmod(0o755)

    assert chromium.main() == 0
    assert chromium.find() == str(browser)
