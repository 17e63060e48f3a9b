"""The built and running web image: `make image-test`, as root on Debian."""

import os
import re
import socket
import threading
from pathlib import Path
from urllib.error import HTTPError

import pytest

from smartbudget import gunicorn_conf
from tests.deploy.container import Container, Image
from tests.stack import wait_until

pytestmark = [
    pytest.mark.skipif(not os.environ.get("IMAGE_TEST"), reason="make image-test"),
    pytest.mark.xdist_group("image"),
]
FOLDERS = {
    "accounts",
    "budgets",
    "expenses",
    "notifications",
    "profiles",
    "reports",
    "staff",
}
FOLDERS |= {"locale", "smartbudget", "static", "staticfiles", "templates"}


@pytest.fixture(scope="module")
def image():
    return Image()


@pytest.fixture(scope="module")
def container(image, tmp_path_factory):
    running = Container(tmp_path_factory.mktemp("image") / "log")
    first = running.first
    yield running
    running.end()
    assert not Path(f"/proc/{first}").exists()


def test_only_the_application_is_in_the_image(image):
    ours = image.files("app")

    assert {path.split("/")[0] for path in ours} <= {
        *FOLDERS,
        "__pycache__",
        "manage.py",
    }
    assert not [path for path in ours if path.startswith("smartbudget/local")]
    assert "smartbudget/wsgi.py" in ours
    assert "templates/base.html" in ours
    assert "locale/de/LC_MESSAGES/django.mo" in ours


def test_no_build_tool_is_left(image):
    programs = image.files("venv/bin") | image.files("usr/local/bin")

    assert not [name for name in programs if re.match(r"pip|wheel|gcc|uv", name)]
    assert not (image.root / "usr" / "bin" / "gcc").exists()


def test_nothing_of_the_build_machine_is_left(image):
    assert not (image.root / "etc" / "pip.conf").exists()
    assert not image.files("run/secrets")
    assert not any("SECRET" in line or "pip" in line for line in image.config["Env"])


def test_large_packages_contain_only_what_is_used(image):
    packages = next((image.root / "venv/lib").glob("python3*/site-packages"))

    assert (packages / "botocore/data/dynamodb").exists()
    assert not (packages / "botocore/data/ec2").exists()
    assert (packages / "babel/locale-data/de.dat").exists()
    assert not (packages / "babel/locale-data/fr.dat").exists()
    assert not list(packages.rglob("*.po"))


def test_all_modules_are_precompiled(image):
    sources = image.files("app")
    compiled = {path for path in sources if path.endswith(".pyc")}

    assert len(compiled) == len([path for path in sources if path.endswith(".py")])


def test_the_image_labels_name_its_source(image):
    assert re.fullmatch(
        "[0-9a-f]{40}|unknown",
        image.config["Labels"]["org.opencontainers.image.revision"],
    )


def test_the_container_runs_unprivileged_on_a_read_only_file_system(container):
    status = container.status(container.first)
    root = Path(f"/proc/{container.first}/root")

    assert status["NSpid"].split()[1] == "1"
    assert status["Uid"].split() == ["10001"] * 4
    assert status["CapEff"] == "0" * 16
    with pytest.raises(OSError, match="Read-only"):
        (root / "app" / "new").touch()
    (root / "tmp" / "new").touch()


def test_the_container_serves_pages_with_static_files(container):
    page = container.get("/login").decode()

    styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert styles
    for address in styles:
        assert container.get(address)
    assert container.get("/api/docs")


def test_the_access_log_has_no_query_strings(container):
    container.get("/login?next=/secret")

    wait_until(lambda: '"path": "/login"' in container.log.read_text())
    assert "/secret" not in container.log.read_text()


def test_the_container_finishes_requests_and_stops_in_time(image, tmp_path, request):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aws = f"http://127.0.0.1:{silent.getsockname()[1]}"
        container = Container(tmp_path / "log", AWS_ENDPOINT_URL=aws)
        request.addfinalizer(container.end)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ready(container)))
        asking.start()
        connection, _ = silent.accept()
        with connection:
            seconds = container.stop()
            asking.join()

    assert container.process.returncode == 0, container.log.read_text()
    assert answers == [503]  # after two seconds without an answer from AWS
    assert seconds < gunicorn_conf.graceful_timeout


def ready(container):
    """Return the status of /health/ready, None if there was no answer."""
    try:
        container.get("/health/ready")
    except HTTPError as error:
        return error.code
    except OSError:
        return None
    return 200
