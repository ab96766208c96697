"""Which port a user means, by ids that stay.

Check 16 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools.list_ports_common import ListPortInfo

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import ports
from host_tools.flash.flashing import Job, _finder
from host_tools.flash.ports import Port

ESP32, PICO = board_facts.load("esp32"), board_facts.load("pico")


def usb(device: str, vid: int, pid: int, serial: str | None, location: str = "1-2") -> ListPortInfo:
    """Return a port as pyserial lists it."""
    info = ListPortInfo(device)
    info.vid, info.pid, info.serial_number, info.location = vid, pid, serial, location
    info.description = "Some Thing"
    return info


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What is plugged in, for pyserial."""
    state = SimpleNamespace(ports=[])
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(state.ports))
    return state


def test_usb_ports_are_told_with_stable_ids(bus: SimpleNamespace) -> None:
    bus.ports = [
        usb("/dev/ttyUSB1", 0x1A86, 0x7523, None, "3-1.4"),
        usb("/dev/ttyACM0", 0x2E8A, 0x0005, "e6614103e7"),
        usb("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001"),
        usb("/dev/ttyACM1", 0x1234, 0x5678, "odd"),
        ListPortInfo("/dev/ttyS0"),
    ]
    assert ports.plugged_in() == [
        Port("/dev/ttyACM0", "id:e6614103e7", "MicroPython on a Pico", ("rp2",)),
        Port("/dev/ttyACM1", "id:odd", "Some Thing", ("esp32", "rp2")),
        Port("/dev/ttyUSB0", "id:0001", "CP210x USB to serial", ("esp32",)),
        Port("/dev/ttyUSB1", "usb:3-1.4", "CH340 USB to serial", ("esp32",)),
    ]


def test_auto_is_the_only_port_that_fits(bus: SimpleNamespace) -> None:
    with pytest.raises(WakecallError) as caught:
        ports.resolve("auto", ESP32, ports.plugged_in())
    assert caught.value.code is ExitCode.NOT_FOUND
    bus.ports = [
        usb("/dev/ttyACM0", 0x2E8A, 0x0005, "e661"),
        usb("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001"),
    ]
    assert ports.resolve("auto", ESP32, ports.plugged_in()).device == "/dev/ttyUSB0"
    assert ports.resolve("auto", PICO, ports.plugged_in()).device == "/dev/ttyACM0"
    bus.ports.append(usb("/dev/ttyUSB1", 0x303A, 0x1001, "aa:bb"))
    with pytest.raises(WakecallError, match="2 ports may be the board esp32") as caught:
        ports.resolve("auto", ESP32, ports.plugged_in())
    assert caught.value.code is ExitCode.USAGE
    assert "id:0001 (/dev/ttyUSB0), id:aa:bb (/dev/ttyUSB1)" in caught.value.message


def test_a_port_is_found_by_id_device_and_link(bus: SimpleNamespace, tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    (tmp_path / "by-id").symlink_to(device)
    bus.ports = [usb(str(device), 0x10C4, 0xEA60, "0001")]
    for wanted in ("id:0001", str(device), str(tmp_path / "by-id")):
        assert ports.resolve(wanted, ESP32, ports.plugged_in()).id == "id:0001"
    with pytest.raises(WakecallError, match="no port id:0002 is plugged in") as caught:
        ports.resolve("id:0002", ESP32, ports.plugged_in())
    assert caught.value.code is ExitCode.NOT_FOUND


def test_a_port_that_usb_does_not_know_is_its_own_id(bus: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "tty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "tty")
    found = ports.resolve(str(tmp_path / "link"), ESP32, [])
    assert (found.device, found.id) == (str(tmp_path / "link"), str(tmp_path / "tty"))
    assert ports.resolve("socket://h:1", ESP32, []).id == "socket://h:1"


def test_check_16_a_board_is_found_again_after_its_port_has_got_another_name(
    bus: SimpleNamespace,
) -> None:
    bus.ports = [usb("/dev/ttyACM0", 0x303A, 0x1001, "aa:bb")]
    port = ports.resolve("auto", ESP32, ports.plugged_in())
    find = _finder(Job(ESP32, Path("x"), b"", port, None), before={"/dev/ttyACM0"})
    bus.ports = [
        usb("/dev/ttyACM0", 0x303A, 0x1001, "cc:dd"),
        usb("/dev/ttyACM3", 0x303A, 0x4001, "aa:bb"),
    ]
    assert find() == "/dev/ttyACM3"


def test_check_16_a_board_that_was_a_drive_is_the_port_that_is_new(bus: SimpleNamespace) -> None:
    other = usb("/dev/ttyACM0", 0x2E8A, 0x0005, "other")
    bus.ports = [other]
    find = _finder(Job(PICO, Path("x"), b"", None, None), before={"/dev/ttyACM0"})
    assert find() is None
    bus.ports = [other, usb("/dev/ttyACM1", 0x2E8A, 0x0005, "e661")]
    assert find() == "/dev/ttyACM1"
