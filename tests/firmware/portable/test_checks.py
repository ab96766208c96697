"""Checks of reference/power-delivery.md 8, as delivery.md 12 reads them, each by its number.

Those that are not here carry their number in test_delivery.py, test_enumeration.py,
test_packets.py, tests/firmware/test_link_silence.py and tests/firmware/test_link_profiles.py.
"""

from bench import Bench, PowerCutError

from wakecall.registry import method
from wakecall.schema import Integer, Kind, Text

runs = []


@method(Kind(), effect="read")
def echo(agent, value):
    runs.append(value)
    return value


@method(Kind(), effect="set")
def store(agent, value):
    runs.append(value)
    return value


@method({"value": Integer()})
def pulse(agent, value):
    runs.append(value)
    return value


@method({"text": Text(2000)})
def write(agent, text):
    runs.append(len(text))
    return text


@method(effect="read", parallel=True)
async def nap(agent):
    pass


def connected(**options):
    runs.clear()
    board = Bench(echo, store, pulse, write, nap, **options)
    board.connect()
    return board


def again(board, request_id, name, params):
    """Let a command come again on a new connection, and return its answer."""
    board.connect(fence=False)
    board.send(request_id, name, params)
    board.run()
    return board.link.answers[str(request_id)]


def test_check_10_of_five_accepted_the_cut_one_is_closed_and_the_others_run_once():
    board = connected(slots=8)
    for number in range(5):
        board.send(number, "pulse", {"value": number})
    board.delivery.next()
    board.reboot()
    board.run()
    assert runs == [1, 2, 3, 4]
    closed = again(board, 0, "pulse", {"value": 0})
    assert (closed["error"]["code"], closed["error"]["effect"]) == ("ABORTED", "unknown")
    assert [again(board, number, "pulse", {"value": number}) for number in range(1, 5)] == [
        1,
        2,
        3,
        4,
    ]
    assert runs == [1, 2, 3, 4]


def test_check_11_an_empty_a_truncated_and_a_flipped_slot_are_free_and_the_others_intact():
    for spoil in (
        lambda content: b"",
        lambda content: content[:7],
        lambda content: content[:-1],
        lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
        lambda content: content[:-1] + bytes([content[-1] ^ 128]),
        lambda content: b"\xff" * len(content),
    ):
        board = connected(slots=4)
        for number in range(4):
            board.send(number, "pulse", {"value": number})
        files = board.port.flash.files
        written = sorted([path for path in files if path.startswith("journal/0") and files[path]])
        files[written[1]] = spoil(files[written[1]])
        board.reboot()
        board.run()
        # The first was marked as begun with its arrival, so it is closed and not run.
        assert runs == [2, 3]
        assert again(board, 0, "pulse", {"value": 0})["error"]["effect"] == "unknown"
        assert again(board, 10, "pulse", {"value": 10}) == 10
        assert runs == [2, 3, 10]


def test_check_12_a_long_answer_is_on_flash_before_its_slot_and_lost_rather_than_wrong():
    text = "long " * 200
    board = connected()
    board.send(0, "write", {"text": text})
    board.run()
    board.reboot()
    assert again(board, 0, "write", {"text": text}) == text

    board = connected()
    board.send(0, "write", {"text": text})
    board.run()
    files = board.port.flash.files
    for path in files:
        if path.endswith(".answer"):
            files[path] = b'"another answer"'
    board.reboot()
    lost = again(board, 0, "write", {"text": text})
    assert (lost["error"]["code"], lost["error"]["effect"]) == ("ABORTED", "done")
    assert runs == [len(text)]


def test_check_12_a_cut_between_a_long_answer_and_its_slot_leaves_the_slot_as_it_was():
    text = "long " * 200
    whole = connected()
    before = whole.power.points
    whole.send(0, "write", {"text": text})
    whole.run()
    for point in range(1, whole.power.points - before + 1):
        board = connected()
        board.power.points = 0
        board.power.fails_at = point
        try:
            board.send(0, "write", {"text": text})
            board.run()
        except PowerCutError:
            pass
        board.power.fails_at = 0
        board.reboot()
        board.run()
        answer = again(board, 0, "write", {"text": text})
        if answer != text:
            assert (answer["error"]["code"], answer["error"]["effect"]) == ("ABORTED", "unknown")
        assert len(runs) <= 1


def test_check_18_twenty_mixed_commands_are_acknowledged_in_the_order_of_their_arrival():
    board = connected(slots=16)
    for number in range(20):
        if number % 4 == 0:
            board.send(number, "pulse", {"value": number})
        elif number % 4 == 3:
            board.send_raw(number, b"not json{")
        else:
            board.send(number, "echo" if number % 4 == 1 else "store", number)
    board.run()
    acknowledged = [line for line in board.link.said if line.startswith("PUBACK")]
    assert acknowledged == [f"PUBACK {number + 100}" for number in range(20)]
    assert len(board.link.answers) == 20


def test_what_is_done_does_not_pile_up_behind_a_slow_parallel_command():
    board = connected(slots=4)
    board.send(0, "nap")
    assert board.delivery.next().method.name == "nap"
    for number in range(1, 100):
        board.send(number, "echo", number)
        board.run()
        board.delivery.next_check_ms(board.connection)
        assert len(board.connection.unacknowledged) <= 33
    assert len(board.link.answers) == 99
    assert not board.connection.is_leaving
