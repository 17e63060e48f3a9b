"""The help and privacy pages, which anyone can read."""

import re
from pathlib import Path

import pytest

from smartbudget import settings
from tests.builders import client_for, make_user
from tests.notifications.faults import calls_counted

PAGES = ["/help", "/privacy"]


@pytest.mark.parametrize("address", PAGES)
def test_anyone_can_read_the_page_without_aws_calls(aws, address):
    with calls_counted() as calls:
        response = client_for().get(address)

    assert response.status_code == 200
    assert "main-menu" not in response.text
    assert calls == []


@pytest.mark.parametrize("address", PAGES)
def test_a_user_has_the_menu_and_the_own_language(aws, address):
    greta = make_user("greta", language="de")

    page = client_for(greta).get(address, headers={"Accept-Language": "en"}).text

    assert "main-menu" in page
    assert "Übersicht" in page


def test_the_footer_links_to_help_api_and_privacy(aws):
    footer = re.search(r"<footer.*?</footer>", client_for().get("/login").text, re.S)[0]

    for address in [*PAGES, "/api/docs"]:
        assert f'href="{address}"' in footer


def test_the_privacy_page_states_the_configured_lifetimes(aws):
    page = client_for().get("/privacy").text
    template = Path(settings.BASE_DIR / "infra" / "web.yaml").read_text()

    assert "us-east-1" in page
    assert "Until you log out, 14 days at most" in page
    default = re.search(r"LogRetentionDays:\n(?:.*\n)*?\s+Default: (\d+)", template)[1]
    assert f"{default} days, unless the operator chose otherwise" in page
