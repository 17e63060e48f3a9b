"""A simulated Monday: a million summaries, and 10,000 alerts held until 8:00."""

from benchmarks.sweep import Monday, Setup


def test_alerts_leave_within_minutes_and_summaries_as_fast_as_mails_can_be_sent():
    setup = Setup(concurrency=25, limit=7500, minutes=1)

    outcome = Monday(setup).run()

    assert outcome.new < 2
    assert outcome.held < 3
    # All at 125 a second would take 2.2 hours, and they are spread over two.
    assert 2.2 < outcome.summaries / 60 < 2.6
    assert outcome.twice < 0.01
