from wakecall.links.replies import Replies


def test_a_reply_is_told_once_to_the_one_who_waits_for_it():
    told = []
    replies = Replies()
    replies.expect(0x40, 1, 100, lambda: told.append("one"))
    replies.expect(0x40, 2, 200, lambda: told.append("two"))
    assert (replies.packet_ids, replies.deadline_ms) == ([1, 2], 100)
    for _ in range(2):
        replies.arrived(0x40, 1)
    replies.arrived(0x90, 2)
    assert told == ["one"]
    assert (replies.packet_ids, replies.deadline_ms) == ([2], 200)
    replies.arrived(0x40, 2)
    assert (told, replies.deadline_ms) == (["one", "two"], None)


def test_only_those_are_told_to_give_up_who_wait_for_such_a_packet():
    told = []
    replies = Replies()
    replies.expect(0xD0, 0, 100, None)
    replies.expect(0x40, 1, 100, lambda: told.append("answer"))
    replies.expect(0x90, 2, 100, lambda: told.append("subscription"))
    replies.give_up((0x20, 0x90))
    assert told == ["subscription"]
    assert replies.has(0xD0)
    assert not replies.has(0x20)
