"""The PDF, read back with another library."""

import io
import itertools
import re
import time
from dataclasses import replace
from decimal import Decimal

import pypdf
import pytest

from reports import pdf
from reports.pdf_canvas import Column, Row, Rows
from reports.services import Report
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import override
from smartbudget.core.periods import period_of
from tests.reports.builders import TODAY, entry, line, report_of

URL = "https://budget.example.com"


def read(report: Report) -> pypdf.PdfReader:
    content = pdf.draw(report, username="alice", app_url=URL)
    return pypdf.PdfReader(io.BytesIO(content))


def text_of(report: Report) -> str:
    pages = "\n".join(page.extract_text() for page in read(report).pages)
    return pages.replace("\u00a0", " ")


def many(count: int, **fields: str) -> list:
    return [
        entry(f"2026-10-{1 + n % 31:02}", f"{n + 1}.00", **fields) for n in range(count)
    ]


def test_it_has_a_title_an_author_and_a_language():
    document = read(report_of(entry("2026-10-01", "10.00")))

    assert document.metadata.title == "Monthly report, October 2026"
    assert document.metadata.author == "Smart Budget Planner, for alice"
    assert document.metadata.subject == (
        "Spending of alice, Oct 1\u2009\u2013\u200931, 2026"
    )
    assert document.trailer["/Root"]["/Lang"] == "en"


def test_the_cover_shows_the_key_figures():
    report = report_of(
        entry("2026-10-01", "1234.50", "Rent"),
        entry("2026-10-02", "10.00"),
        entry("2026-09-02", "1000.00", "Rent"),
        lines=[line("5.00", "10.00")],
    )

    cover = read(report).pages[0].extract_text().replace("\u00a0", " ")

    for words in (
        "October 2026",
        "$1,244.50",
        "244.50 more than in September 2026 (1,000.00)",
        "What stands out",
        "Groceries is 5.00 over its monthly budget.",
        "over by 5.00",
        "99%",
    ):
        assert words in cover, words


def test_the_chart_has_eight_categories_and_other():
    entries = [entry("2026-10-01", f"{n}.00", f"Category {n}") for n in range(1, 12)]

    cover = read(report_of(*entries)).pages[0].extract_text()

    assert "Category 4" in cover
    assert "Category 3\n" not in cover
    assert "3 others" in cover


def test_pages_are_numbered_and_table_headings_repeat():
    document = read(report_of(*many(150)))

    pages = [page.extract_text() for page in document.pages]
    assert len(pages) > 4
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
    for page in pages[3:]:
        assert re.search(r"Date\s+Category\s+Description\s+Amount", page)


def test_no_row_is_lost_at_page_breaks():
    for count in (60, 61, 62, 63, 64):
        text = text_of(report_of(*many(count, description="Row")))
        assert text.count("Row") == count + 10  # the ten largest are listed twice


def test_the_total_is_not_alone_on_the_last_page():
    for count in range(80, 130, 3):
        last = read(report_of(*many(count))).pages[-1].extract_text()
        assert re.search(r"Oct \d+, 2026", last), count


def test_a_table_lays_out_no_more_rows_than_a_page_takes():
    endless = (Row([str(number)]) for number in itertools.count())
    table = Rows([Column("Number", 1)], endless)

    first, rest = table.split(400, 700)

    fitting = first.wrap(400, 700)[1]
    assert 600 < fitting <= 700
    assert int(next(endless).cells[0]) < 50
    assert rest.split(400, 700)


def test_drawing_stops_when_its_time_is_over():
    report = report_of(*many(100))

    with pytest.raises(InvalidError, match="too many expenses") as caught:
        pdf.draw(report, username="a", app_url=URL, deadline=time.monotonic())

    assert caught.value.field == "month"
    assert pdf.draw(report, username="a", app_url=URL, deadline=time.monotonic() + 60)


def test_an_empty_period_says_so():
    text = text_of(report_of())

    assert "No expenses" in text
    assert "all of them are void" in text
    assert "Page 1 of 1" in text
    assert "Categories" not in text


def test_a_running_month_counts_only_days_so_far():
    entries = [entry("2026-10-05", "100.00"), entry("2026-11-05", "50.00")]

    text = text_of(report_of(*entries, month=11))

    assert "so far; 100.00 in October 2026" in text
    assert "period not over yet" in text


def test_an_incomplete_previous_period_is_not_compared():
    entries = [entry("2026-09-25", "1.00"), entry("2026-10-05", "1000.00")]

    text = text_of(report_of(*entries, since=entries[0].day))

    assert "1.00 in September 2026 (your expenses start on Sep 25, 2026)" in text
    for absent in ("%,", "999", "times", "new", "+", "more than", "Change"):
        assert absent not in text, absent


def test_a_first_report_says_when_expenses_start():
    entries = [entry("2026-10-05", "1000.00")]

    text = text_of(report_of(*entries, since=entries[0].day))

    assert "no comparison: your expenses start on Oct 5, 2026" in text


def test_budgets_of_shorter_periods_are_marked_as_added_up():
    added_up = replace(
        line("240.00", "12.00", day="2026-12-01"),
        within=period_of("yearly", TODAY),
        periods=12,
    )

    text = text_of(
        report_of(
            entry("2026-10-05", "12.00"),
            lines=[added_up],
            report_type="yearly",
            year=2026,
        )
    )

    assert "12.00 of 240.00" in text
    assert "shorter periods combined" in text
    assert "12 months, Jan 1" in " ".join(text.split())


def test_it_links_to_the_expenses_and_the_archive():
    page = read(report_of(entry("2026-10-01", "1.00"))).pages[0]

    addresses = {a.get_object()["/A"]["/URI"] for a in page["/Annots"]}
    assert addresses == {
        f"{URL}/expenses/?start=2026-10-01&end=2026-10-31",
        f"{URL}/reports/",
    }


def test_sections_are_in_the_outline():
    outline = read(report_of(entry("2026-10-01", "1.00"))).outline

    assert [item.title for item in outline] == [
        "Spending by category",
        "Twelve months",
        "Categories",
        "Days of the week",
        "Largest expenses",
        "All expenses",
    ]


HOSTILE = (
    "<font color=\"[[[getattr(pow, Word('__globals__'))]]]\">red</font>",
    "<b>unclosed & ampersand &amp; <img src='file:///etc/passwd'/>",
    "</para><para>",
    "(parentheses \\ and ] [ brackets) Tj ET",
    "%PDF-1.4 endstream endobj",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_markup_is_printed_literally(words):
    text = text_of(report_of(entry("2026-10-01", "10.00", "Food", words)))

    squeezed = "".join(text.split())
    assert "".join(words.split()) in squeezed


def test_control_characters_are_harmless():
    words = "a\x00b\x07c\x1b[31md\ud800e\u2028f"

    text = text_of(report_of(entry("2026-10-01", "10.00", "Food", words)))

    assert "a b c [31md" in text


@pytest.mark.parametrize(
    "words",
    ["Продукты", "Ψώνια", "餐饮", "ランチ", "식당", "🍕🎂", "Grüße"],
)
def test_other_scripts_can_be_extracted_as_text(words):
    text = text_of(report_of(entry("2026-10-01", "10.00", words, words)))

    assert words in text


@pytest.mark.parametrize("words", ["a" * 500, "餐" * 500, "سوق " * 120, "🍕" * 500])
def test_the_longest_texts_fit(words):
    report = report_of(entry("2026-10-01", "10.00", words[:50], words))

    assert "10.00" in text_of(report)


def test_huge_amounts_fit_with_every_digit():
    report = report_of(
        entry("2026-10-01", "999999999999.99"), entry("2026-10-02", "999999999999.99")
    )

    assert "$1,999,999,999,999.98" in text_of(report)


@pytest.mark.parametrize(
    ("currency", "amount", "printed"),
    [("JPY", "1200", "¥1,200"), ("KWD", "1.250", "KWD 1.250")],
)
def test_amounts_have_the_currencys_decimals(currency, amount, printed):
    text = text_of(report_of(entry("2026-10-01", amount), currency=currency))

    assert printed in text


@pytest.mark.parametrize(
    "top", ["0.01", "0.07", "1", "9.99", "10", "1234", "50000", "999999999999"]
)
def test_the_scale_of_the_trend_is_round_and_reaches_the_top(top):
    step = pdf._step(Decimal(top))

    assert 0 < step <= Decimal(top)
    assert Decimal(top) / step <= 5
    assert len(f"{step:f}".strip("0.")) <= 2


def test_a_german_report_is_german_throughout():
    with override("de"):
        report = report_of(
            entry("2026-10-01", "1234.50", "Miete"),
            entry("2026-10-02", "10.00", "Kino"),
            entry("2026-09-02", "1000.00", "Miete"),
            lines=[line("5.00", "10.00", "Kino", "weekly")],
            currency="EUR",
        )
        document = read(report)
        text = text_of(report)

    assert document.metadata.title == "Monatsbericht, Oktober 2026"
    assert document.metadata.author == "Smart Budget Planner, für alice"
    assert document.trailer["/Root"]["/Lang"] == "de"
    for words in (
        "1.244,50 €",
        "244,50 mehr als im September 2026 (1.000,00)",
        "pro Tag, über 31 Tage",
        "Was auffällt",
        "Kino liegt 5,00 über dem Budget (wöchentlich",
        "10,00 von 5,00",
        "99 %",
        "Nov 25",
        "Donnerstag",
        "02.10.2026",
        "Seite 1 von",
    ):
        assert words in text, words


ENGLISH = re.compile(
    r"\b(the|of|in a|day|and|report|Mon|Spent|Total|Budgets? against|Left|Used|more)\b"
)


def test_no_english_word_is_left_in_a_german_report():
    with override("de"):
        entries = [entry("2026-10-01", "60.00", "Miete"), entry("2026-10-02", "1.00")]
        text = text_of(report_of(*entries, lines=[line("5.00", "10.00")]))

    assert ENGLISH.findall(text) == []
