from wakecall.limits import Bucket, buckets


def test_credits_are_there_at_once_and_come_back_evenly():
    bucket = Bucket(3, 1000, 0)
    for _ in range(3):
        assert bucket.wait_ms(1, 0) == 0
        bucket.spend(1, 0)
    assert bucket.wait_ms(1, 0) == 334
    assert bucket.wait_ms(1, 333) == 1
    assert bucket.wait_ms(1, 334) == 0


def test_what_was_spent_ahead_makes_the_next_wait_longer():
    bucket = Bucket(1, 1000, 0)
    bucket.spend(1, 0)
    bucket.spend(1, 0)
    assert bucket.wait_ms(1, 0) == 2000


def test_a_long_pause_gives_no_more_credits_than_the_count():
    bucket = Bucket(2, 1000, 0)
    bucket.spend(2, 1000000)
    assert bucket.wait_ms(1, 1000000) == 500


def test_more_than_the_count_is_never_allowed():
    assert Bucket(2, 1000, 0).wait_ms(3, 0) is None


def test_a_limit_of_thingsboard_is_read_and_anything_else_sets_none():
    found = buckets("100:1,2000:60", 0)
    assert [(bucket.count, bucket.period_ms) for bucket in found] == [(100, 1000), (2000, 60000)]
    for text in (None, "", "100", "a:b", "1:2:3", "0:1", "1:0", 5, {}):
        assert buckets(text, 0) == []
