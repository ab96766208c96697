"""Check 13 of reference/power-delivery.md 8: what is subscribed depends on the server's profile."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.link_board import make_board
from tests.firmware.mqtt_peer import COMMANDS, ConnAck, Connect, Peer, Publish, command


def test_check_13_thingsboard_is_subscribed_anew_though_it_claims_a_session(tmp_path: Path) -> None:
    with Peer() as peer, make_board(tmp_path, peer.server):
        visit = peer.accept()
        assert visit.log_in(session_present=True).clean_start
        assert f"{COMMANDS}+" in visit.topics


def test_check_13_a_broker_that_kept_the_session_is_not_subscribed_again(tmp_path: Path) -> None:
    server = {"profile": "broker"}
    with Peer() as peer, make_board(tmp_path, {**peer.server, **server}):
        visit = peer.accept()
        assert not visit.log_in(session_present=False).clean_start
        visit.reset()
        visit = peer.accept()
        assert isinstance(visit.receive(), Connect)
        visit.send(ConnAck(session_present=True))
        visit.send(command(1, "echo", "kept"))
        assert visit.answer(1) == "kept"
        assert visit.topics == []
        # Silence is its fence: nothing is asked, and then the board says who it is.
        visit.wait_for(lambda packet: isinstance(packet, Publish) and "attributes" in packet.topic)
        assert not any(
            isinstance(packet, Publish) and "attributes/request" in packet.topic
            for packet in visit.received
        )
