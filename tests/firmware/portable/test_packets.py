from expect import raised

from wakecall.errors import LinkError
from wakecall.links.packet_reader import PacketReader, publish_parts
from wakecall.links.packet_writer import PacketWriter

PUBLISH = b"\x32\x0a\x00\x03a/b\x00\x07xyz"
PUBACK = b"\x40\x02\x00\x07"
sent = []


def writer(token=b"token"):
    return PacketWriter(lambda data: sent.append(bytes(data)), b"board", token, b"", 60)


def read(reader, data):
    return [(first, bytes(body), length) for first, body, length in reader.feed(data)]


def test_connect_announces_clean_session_token_and_keepalive():
    packets = writer()
    packets.connect_packet(is_clean=True)
    assert packets.take() == (
        b"\x10\x1a\x00\x04MQTT\x04\xc2\x00\x3c\x00\x05board\x00\x05token\x00\x00"
    )


def test_connect_with_a_long_token_has_a_long_length():
    packets = writer(b"t" * 200)
    packets.connect_packet(is_clean=True)
    assert packets.take()[:4] == b"\x10\xdd\x01\x00"


def test_a_burst_is_gathered_and_taken_once():
    packets = writer()
    packets.acknowledge_packet(7)
    first = packets.publish_packet(b"a/b", b"xyz", ())
    packets.ping()
    packets.disconnect_packet()
    assert first == 1
    assert packets.take() == PUBACK + b"\x32\x0a\x00\x03a/b\x00\x01xyz" + b"\xc0\x00\xe0\x00"
    assert packets.take() == b""


def test_what_finds_no_more_room_is_sent_in_order_and_nothing_is_lost():
    packets = writer()
    sent.clear()
    payloads = [b"%d" % number * 200 for number in range(9)] + [b"large" * 1000, b"last"]
    for payload in payloads:
        packets.publish_packet(b"a", payload, ())
    stream = b"".join(sent) + bytes(packets.take())
    found = read(PacketReader(9000), stream)
    assert [publish_parts(first, bytearray(body))[2] for first, body, _ in found] == payloads


def test_subscribe_asks_for_quality_of_service_1():
    packets = writer()
    assert packets.subscribe_packet(b"a/+", ()) == 1
    assert packets.take() == b"\x82\x08\x00\x01\x00\x03a/+\x01"


def test_check_19_packet_ids_wrap_and_leave_out_what_is_in_flight():
    packets = writer()
    packets.pid = 65534
    assert packets.publish_packet(b"a", b"", ()) == 65535
    assert packets.publish_packet(b"a", b"", (1, 2)) == 3


def test_packets_come_whole_however_the_bytes_are_cut():
    stream = PUBACK + PUBLISH + b"\xd0\x00" + PUBLISH
    whole = read(PacketReader(100), stream)
    assert [packet[0] for packet in whole] == [0x40, 0x32, 0xD0, 0x32]
    assert whole[1] == (0x32, PUBLISH[2:], 10)
    for size in range(1, len(stream)):
        reader = PacketReader(100)
        parts = []
        for start in range(0, len(stream), size):
            parts += read(reader, stream[start : start + size])
        assert parts == whole


def test_a_packet_above_the_limit_is_counted_off_and_never_parsed_as_packets():
    smuggled = PUBLISH * 40
    body = b"\x00\x03a/b\x00\x09" + smuggled
    stream = b"\x32" + bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body + PUBACK
    for size in (1, 7, len(stream)):
        reader = PacketReader(200)
        packets = []
        for start in range(0, len(stream), size):
            packets += read(reader, stream[start : start + size])
        assert [(first, length) for first, _, length in packets] == [(0x32, len(body)), (0x40, 2)]
        assert publish_parts(0x32, bytearray(packets[0][1])) == (b"a/b", 9, b"")


def test_a_packet_above_the_limit_keeps_its_packet_id_however_long_its_topic_is():
    for topic_length in (0, 1, 62, 63, 64, 65, 66, 200, 60000):
        body = topic_length.to_bytes(2, "big") + b"t" * topic_length + b"\x01\x09" + b"x" * 300
        length = bytes([len(body) & 0x7F | 0x80, len(body) >> 7 & 0x7F | 0x80, len(body) >> 14])
        for size in (1, 1000):
            reader = PacketReader(200)
            stream = b"\x32" + length + body + PUBACK
            packets = []
            for start in range(0, len(stream), size):
                packets += read(reader, stream[start : start + size])
            assert [(first, whole) for first, _, whole in packets] == [(0x32, len(body)), (0x40, 2)]
            topic, packet_id, payload = publish_parts(0x32, bytearray(packets[0][1]))
            assert (len(topic), packet_id, payload) == (min(topic_length, 64), 0x109, b"")


def test_a_packet_above_the_limit_that_is_no_publish_or_cut_short_breaks_the_link():
    for stream in (b"\x90\xff\x01", b"\x32\xd0\x01\x01\xd0" + b"t" * 300):
        raised(LinkError, PacketReader(100).feed, stream)


def test_bytes_that_are_no_mqtt_break_the_link():
    raised(LinkError, PacketReader(100).feed, b"\x32\xff\xff\xff\xff\xff")


def test_a_publish_is_taken_apart_by_its_quality_of_service():
    assert publish_parts(0x32, bytearray(PUBLISH[2:])) == (b"a/b", 7, b"xyz")
    assert publish_parts(0x30, bytearray(b"\x00\x01axyz")) == (b"a", None, b"xyz")


def test_a_publish_that_is_cut_short_or_asks_for_quality_2_breaks_the_link():
    for first, body in (
        (0x32, b""),
        (0x32, b"\x00\x09a"),
        (0x32, b"\x00\x01a\x00"),
        (0x34, PUBLISH),
    ):
        raised(LinkError, publish_parts, first, bytearray(body))
