"""What a run's watch answers: how a block is worked on, and when no more is wanted."""

from colorhub.cluster.watch import Turn, Watch


def test_a_block_that_a_process_ended_with_is_worked_on_one_by_one() -> None:
    watch = Watch()
    assert watch.begin(1) is Turn.TOGETHER
    assert watch.begin(2) is Turn.TOGETHER
    assert watch.begin(1) is Turn.ONE_BY_ONE
    watch.end(1, 16)
    assert watch.begin(1) is Turn.TOGETHER
    assert watch.progress().done == 16


def test_once_stopped_no_block_begins_and_no_photo_is_listed() -> None:
    watch = Watch()
    assert watch.listed(512, is_all=False)
    watch.begin(1)
    watch.stop()
    assert watch.begin(2) is Turn.NOT_NOW
    assert not watch.listed(1024, is_all=False)
    watch.end(1, 16)  # what was in work is counted
    assert (watch.progress().done, watch.progress().is_listed) == (16, False)
