"""Refunds in reports, sentences and summaries by e-mail."""

import io
from decimal import Decimal

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import messages
from reports import pdf
from reports.services import Report
from smartbudget.core.i18n import override
from tests.reports.builders import entry, line, report_of

D = Decimal
MINUS = "\u2212"

SHOPPING = [
    entry("2026-10-01", "200.00", "Rent"),
    entry("2026-10-02", "60.00", "Clothes"),
    entry("2026-10-02", "40.00", "Food"),
    entry("2026-10-05", "-30.00", "Clothes", "Coat"),
    entry("2026-10-06", "-20.00", "Fees"),
]


def text_of(report: Report) -> str:
    content = pdf.draw(report, username="alice", app_url="http://x")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    text = "\n".join(page.extract_text() for page in pages)
    return text.replace("\u00a0", " ")


class TestFigures:
    def test_the_total_is_net_and_the_refunds_are_beside_it(self):
        report = report_of(*SHOPPING)

        assert (report.total, report.refunded, report.count) == (250, 50, 5)

    def test_habits_ignore_refunds(self):
        report = report_of(*SHOPPING)
        without = report_of(*SHOPPING[:3])

        assert report.average_a_day == without.average_a_day
        assert report.median == without.median == 60
        assert report.busiest_day == without.busiest_day
        assert report.largest == without.largest == SHOPPING[:3]
        assert report.weekdays == without.weekdays
        assert report.counted_days == without.counted_days

    def test_a_refund_to_come_is_no_spending_day(self):
        now = entry("2026-11-02", "10.00")
        later = entry("2026-11-29", "-10.00")

        report = report_of(now, later, report_type="monthly", year=2026, month=11)

        assert report.counted_days == 22  # up to today

    def test_shares_are_of_the_categories_that_charts_show(self):
        report = report_of(*SHOPPING)

        shares = {one.category: (one.spent, one.share) for one in report.categories}
        assert shares == {
            "Rent": (200, D("74.07")),
            "Food": (40, D("14.81")),
            "Clothes": (30, D("11.11")),
            "Fees": (-20, 0),
        }
        assert [one.category for one in report.credits] == ["Fees"]
        assert report.charted == 270

    def test_the_largest_expense_of_a_category_is_no_refund(self):
        report = report_of(*SHOPPING)

        largest = {one.category: one.largest for one in report.categories}
        assert largest["Clothes"] == SHOPPING[1]
        assert largest["Fees"] is None

    def test_a_budget_below_zero_is_kept(self):
        report = report_of(*SHOPPING, lines=[line("100", "-20", "Fees")])

        (standing,) = report.budgets
        assert (standing.line.remaining, standing.line.percentage) == (120, 0)
        assert standing.line.level == "ok"


class TestPdf:
    def test_refunds_have_a_plus_sign_and_the_total_is_net(self):
        text = text_of(report_of(*SHOPPING))

        assert "$250.00" in text
        assert "50.00\nrefunded" in text
        assert "+30.00" in text
        assert "Expenses\n300.00" in text
        assert "Refunds\n-50.00" in text
        assert "Total\n250.00" in text
        assert "in USD, without refunds" in text

    def test_a_category_below_zero_is_credit(self):
        text = text_of(report_of(*SHOPPING))

        assert text.count("credit") == 2  # in the chart and the table
        assert "+20.00" in text

    def test_without_refunds_nothing_is_said_about_them(self):
        text = text_of(report_of(*SHOPPING[:3]))

        assert "efund" not in text
        assert "credit" not in text
        assert "Expenses\n300.00" not in text

    @pytest.mark.parametrize(
        "amounts",
        [
            ["-5"],
            ["5", "-5"],
            ["-5", "-0.01"],
            ["0.01", "-999999999999.99"],
            ["999999999999.99", "-0.01"],
        ],
    )
    def test_any_net_total_can_be_drawn(self, amounts):
        entries = [
            entry("2026-10-01", amount, f"C{number % 2}")
            for number, amount in enumerate(amounts)
        ]
        before = [entry("2026-09-01", "-7.00", "C0")]
        lines = [line("10", amount, "C0") for amount in amounts]

        text = text_of(report_of(*before, *entries, lines=lines))

        assert "All expenses" in text
        assert "refunded" in text

    def test_a_change_from_or_to_a_negative_amount_has_no_odd_percentage(self):
        report = report_of(
            entry("2026-09-01", "-50.00", "Rent"),
            entry("2026-10-01", "80.00", "Rent"),
            entry("2026-09-01", "1.00", "Food"),
            entry("2026-10-01", "-99.00", "Food"),
        )

        text = text_of(report)

        assert "+130.00" in text
        assert "times" not in text
        assert "new" not in text

    def test_it_is_german_too(self):
        with override("de"):
            text = text_of(report_of(*SHOPPING))

        assert "erstattet" in text
        assert "Guthaben" in text
        assert "+30,00" in text


class TestInsights:
    def sentences(self, *entries):
        return report_of(*entries).insights

    def test_a_category_that_fell_below_zero(self):
        sentences = self.sentences(
            entry("2026-09-01", "100.00", "Clothes"),
            entry("2026-10-01", "10.00", "Clothes"),
            entry("2026-10-02", "-50.00", "Clothes"),
        )

        assert "More came back than you spent on Clothes (40.00)." in sentences

    def test_a_rise_from_below_zero_has_no_percentage(self):
        sentences = self.sentences(
            entry("2026-09-01", "-100.00", "Clothes"),
            entry("2026-10-01", "60.00", "Clothes"),
        )

        assert not any("%" in sentence for sentence in sentences)
        assert not any("down" in sentence for sentence in sentences)

    def test_a_category_that_was_refunded_whole_is_not_new(self):
        sentences = self.sentences(
            entry("2026-09-01", "60.00", "Clothes"),
            entry("2026-09-02", "-60.00", "Clothes"),
            entry("2026-10-01", "60.00", "Clothes"),
        )

        assert not any("is new" in sentence for sentence in sentences)

    def test_only_refunds(self):
        refunds = [entry(f"2026-10-{day:02}", "-5.00") for day in range(1, 29)]

        assert self.sentences(*refunds) == []

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["2026-09", "2026-10"]),
                st.integers(1, 28),
                st.integers(-9_000, 9_000).filter(bool),
                st.sampled_from(["Food", "Rent", "Fun"]),
            ),
            max_size=40,
        )
    )
    def test_no_percentage_is_negative_and_shares_are_at_most_all(self, drawn):
        report = report_of(
            *(
                entry(f"{month}-{day:02}", str(D(cents) / 100), category)
                for month, day, cents, category in drawn
            )
        )

        assert all(0 <= one.share <= 100 for one in report.categories)
        assert sum(one.share for one in report.categories) <= 100
        assert sum(one.spent for one in report.categories) == report.total
        for sentence in report.insights:
            assert "-" not in sentence, sentence


class TestMail:
    FACTS = {
        "start": "2026-10-01",
        "spent": "250.00",
        "refunded": "50.00",
        "previous": "300.00",
        "currency": "USD",
        "budgets": [],
        "budgets_number": 0,
    }

    def write(self, language="en", **facts):
        return messages.write(
            "monthly_summary", {**self.FACTS, **facts}, language=language
        )

    def test_the_refunds_are_in_a_sentence_of_their_own(self):
        text = self.write()

        assert text.subject == "$250.00 spent in October 2026"
        assert "Refunds of $50.00 are already subtracted." in text.message
        assert "refund" not in self.write(refunded="0").message.lower()
        assert "abgezogen" in self.write("de").message

    def test_more_refunds_than_expenses(self):
        text = self.write(spent="-20.00")

        assert text.subject == "$20.00 back in October 2026"
        assert (
            "You got back $20.00 more than you spent in October 2026." in text.message
        )
        assert "That's $320.00 less than the month before ($300.00)." in text.message

    def test_facts_of_the_version_before_have_no_refunds(self):
        facts = {name: fact for name, fact in self.FACTS.items() if name != "refunded"}

        text = messages.write("monthly_summary", facts, language="en")

        assert "$250.00 spent" in text.subject
