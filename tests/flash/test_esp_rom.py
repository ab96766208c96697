"""The double of an ESP chip: the genuine esptool takes it for one, and it is strict.

Check 4 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from host_tools.sim.esp_rom import EspRom, Fault, FaultKind, Mode, Operation
from host_tools.sim.esp_rom_chip import CHIPS
from host_tools.sim.esp_rom_port import on_pty, on_rfc2217, on_socket
from host_tools.sim.esp_rom_wire import SlipDecoder, checksum, slip_frame
from tests.flash.conftest import Run
from tests.flash.images import esp_image


def served(rom: EspRom, way: str, tmp_path: Path) -> AbstractContextManager[str]:
    if way == "pty":
        return on_pty(rom, tmp_path / "board")
    return on_socket(rom) if way == "socket" else on_rfc2217(rom)


@pytest.mark.parametrize("way", ["socket", "pty"])
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("loader", ["stub", "rom"])
def test_check_4_genuine_esptool_writes_verifies_and_reads(
    esptool: Run, tmp_path: Path, chip: str, way: str, loader: str
) -> None:
    rom = EspRom(chip)
    image = tmp_path / "firmware.bin"
    image.write_bytes(esp_image(chip))
    offset = hex(rom.chip.boot_offset)
    no_stub = ["--no-stub"] if loader == "rom" else []
    with served(rom, way, tmp_path) as port:
        common = ["--port", port, "--after", "no-reset", *no_stub]
        done = esptool(*common, "write-flash", offset, str(image))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Hash of data verified." in done.stdout
        size = image.stat().st_size
        assert rom.flash.read(rom.chip.boot_offset, size) == image.read_bytes()

        assert esptool(*common, "verify-flash", offset, str(image)).returncode == 0
        copy = tmp_path / "copy.bin"
        # The ROM reads 64 bytes at a time.
        length = size if loader == "stub" else 640
        done = esptool(*common, "read-flash", offset, str(length), str(copy))
        assert done.returncode == 0, done.stdout + done.stderr
        assert copy.read_bytes() == image.read_bytes()[:length]
    assert rom.unexpected == []


@pytest.mark.parametrize("chip", CHIPS)
def test_check_4_genuine_esptool_erases(esptool: Run, tmp_path: Path, chip: str) -> None:
    rom = EspRom(chip)
    rom.flash.program(0, b"\0" * 0x4000)
    with on_socket(rom) as port:
        done = esptool("--port", port, "--after", "no-reset", "erase-region", "0x1000", "0x1000")
        assert done.returncode == 0, done.stdout + done.stderr
        assert rom.flash.read(0, 0x4000) == b"\0" * 0x1000 + b"\xff" * 0x1000 + b"\0" * 0x2000
        assert esptool("--port", port, "--after", "no-reset", "erase-flash").returncode == 0
    assert set(rom.flash.content) == {0xFF}
    assert rom.unexpected == []


def test_check_4_the_rom_alone_cannot_erase_everything(esptool: Run) -> None:
    with on_socket(EspRom()) as port:
        done = esptool("--port", port, "--no-stub", "erase-flash")
    assert done.returncode == 2
    assert "does not support function erase_flash" in done.stdout + done.stderr


def test_check_4_over_rfc2217_the_modem_lines_reset_the_chip(esptool: Run) -> None:
    rom = EspRom("esp32s3", download=False)
    assert rom.mode is Mode.NOTHING
    with on_rfc2217(rom) as port:
        done = esptool("--port", port, "--no-stub", "read-mac", ESPTOOL_CFGFILE="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "22:11:33:44:55:aa" in done.stdout
    assert rom.mode is Mode.NOTHING  # reset once more at the end, without IO0
    assert rom.unexpected == []


@pytest.mark.slow  # genuine esptool waits 23 s for its settings; our own way is tested for all
@pytest.mark.parametrize("chip", CHIPS)
def test_check_4_genuine_esptool_writes_over_rfc2217(
    esptool: Run, tmp_path: Path, chip: str
) -> None:
    rom = EspRom(chip, download=False)
    image = tmp_path / "firmware.bin"
    image.write_bytes(esp_image(chip)[:2000])
    with on_rfc2217(rom) as port:
        words = ["--port", port, "write-flash", hex(rom.chip.boot_offset), str(image)]
        done = esptool(*words, ESPTOOL_CFGFILE="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rom.flash.read(rom.chip.boot_offset, 2000) == image.read_bytes()
    assert rom.unexpected == []


def test_an_image_of_another_chip_is_refused_by_genuine_esptool(
    esptool: Run, tmp_path: Path
) -> None:
    image = tmp_path / "firmware.bin"
    image.write_bytes(esp_image("esp32c3"))
    rom = EspRom("esp32s3")
    with on_socket(rom) as port:
        done = esptool("--port", port, "write-flash", "0x0", str(image))
    assert done.returncode == 2
    assert rom.flash.programmed_bytes == 0


# The rules of the chip, request by request.


def request(operation: int, data: bytes = b"", check: int = 0) -> bytes:
    return slip_frame(struct.pack("<BBHI", 0, operation, len(data), check) + data)


def answers(rom: EspRom, *requests: bytes) -> list[bytes]:
    """Return the status bytes of each answer."""
    frames = SlipDecoder().feed(b"".join(map(rom.receive, requests)))
    width = 2 if rom.in_stub else 4
    return [frame[-width:] for frame in frames]


def block(number: int, payload: bytes) -> bytes:
    return struct.pack("<4I", len(payload), number, 0, 0) + payload


@pytest.fixture
def stub() -> EspRom:
    """A chip on which the stub runs."""
    rom = EspRom()
    code = bytes(64)
    rom.receive(request(Operation.MEM_BEGIN, struct.pack("<4I", 64, 1, 0x1800, 0x40080000)))
    rom.receive(request(Operation.MEM_DATA, block(0, code), checksum(code)))
    answer = rom.receive(request(Operation.MEM_END, struct.pack("<2I", 0, 0x40080000)))
    assert answer.endswith(slip_frame(b"OHAI"))
    assert rom.in_stub
    return rom


OK, STUB_OK = b"\0\0\0\0", b"\0\0"


def test_a_frame_in_pieces_with_escaped_bytes_is_put_together() -> None:
    decoder = SlipDecoder()
    payload = b"\xc0\xdb\x01\xdb\xc0"
    frames = [frame for byte in slip_frame(payload) for frame in decoder.feed(bytes([byte]))]
    assert frames == [payload]
    assert decoder.strays == b""


def test_bytes_outside_of_frames_are_noted() -> None:
    rom = EspRom()
    rom.receive(b"\r\x03")
    assert rom.unexpected == [r"bytes outside of frames: b'\r\x03'"]


@pytest.mark.parametrize(
    "wrong",
    [
        request(0x77),
        request(Operation.ERASE_FLASH),  # the ROM has none
        request(Operation.READ_REG, bytes(5)),
        request(Operation.SYNC, b"\x07\x07\x12\x20"),
        request(Operation.FLASH_DATA, block(0, bytes(64))),  # nothing has begun
        request(Operation.MEM_END, struct.pack("<2I", 0, 0x40080000)),  # nothing was uploaded
        request(Operation.READ_FLASH_SLOW, struct.pack("<2I", 0, 65)),
        request(Operation.SPI_FLASH_MD5, struct.pack("<4I", 1 << 30, 64, 0, 0)),
    ],
)
def test_what_the_rom_does_not_know_is_refused_and_noted(wrong: bytes) -> None:
    rom = EspRom()
    (status,) = answers(rom, wrong)
    assert status[0] == 1
    assert len(rom.unexpected) == 1


def test_a_response_in_place_of_a_request_is_noted() -> None:
    rom = EspRom()
    assert rom.receive(slip_frame(struct.pack("<BBHI", 1, 8, 0, 0))) == b""
    assert rom.unexpected


def test_requests_are_counted() -> None:
    rom = EspRom()
    answers(rom, request(Operation.READ_REG, bytes(4)), request(Operation.READ_REG, bytes(4)))
    assert rom.requests == {Operation.READ_REG: 2}


def test_a_block_with_a_wrong_check_sum_is_refused_and_not_written() -> None:
    rom = EspRom()
    begin = request(Operation.FLASH_BEGIN, struct.pack("<4I", 1024, 1, 1024, 0))
    data = request(Operation.FLASH_DATA, block(0, b"\x55" * 1024), check=0)
    assert answers(rom, begin, data) == [OK, b"\1\7\0\0"]
    assert rom.flash.programmed_bytes == 0


def test_a_block_that_comes_twice_goes_behind_the_first(stub: EspRom) -> None:
    payload = b"\x55" * 0x400
    begin = request(Operation.FLASH_BEGIN, struct.pack("<5I", 0x800, 2, 0x400, 0, 0))
    data = request(Operation.FLASH_DATA, block(0, payload), checksum(payload))
    end = request(Operation.FLASH_END, struct.pack("<I", 1))
    assert answers(stub, begin, data, data, end) == [STUB_OK] * 4
    assert stub.flash.read(0, 0x800) == payload * 2


def test_a_download_that_ends_too_early_is_refused_by_the_stub(stub: EspRom) -> None:
    begin = request(Operation.FLASH_BEGIN, struct.pack("<5I", 0x800, 2, 0x400, 0, 0))
    end = request(Operation.FLASH_END, struct.pack("<I", 1))
    assert answers(stub, begin, end) == [STUB_OK, b"\xc0\0"]


def test_the_stub_tells_a_failed_write_at_the_next_request(stub: EspRom) -> None:
    noise = b"\xaa" * 32
    begin = request(Operation.FLASH_DEFL_BEGIN, struct.pack("<5I", 64, 1, 0x4000, 0, 0))
    data = request(Operation.FLASH_DEFL_DATA, block(0, noise), checksum(noise))
    read = request(Operation.READ_REG, bytes(4))
    assert answers(stub, begin, data, read, read) == [STUB_OK, STUB_OK, b"\xc7\0", STUB_OK]


def test_a_compressed_download_is_written_and_takes_no_more(stub: EspRom) -> None:
    content = bytes(range(256)) * 4
    packed = zlib.compress(content)
    begin = request(Operation.FLASH_DEFL_BEGIN, struct.pack("<5I", 1024, 1, 0x4000, 0x2000, 0))
    data = request(Operation.FLASH_DEFL_DATA, block(0, packed), checksum(packed))
    assert answers(stub, begin, data, data) == [STUB_OK, STUB_OK, b"\xc9\0"]
    assert stub.flash.read(0x2000, 1024) == content


def test_programming_only_clears_bits() -> None:
    rom = EspRom()
    rom.flash.program(0, b"\x0f")
    rom.flash.program(0, b"\xf1")
    assert rom.flash.read(0, 2) == b"\x01\xff"
    rom.flash.erase(100, 1)
    assert rom.flash.read(0, 1) == b"\xff"


def test_the_md5_is_text_from_the_rom_and_bytes_from_the_stub(stub: EspRom) -> None:
    digest = hashlib.md5(b"\xff" * 64)
    ask = request(Operation.SPI_FLASH_MD5, struct.pack("<4I", 0, 64, 0, 0))
    assert digest.hexdigest().encode() in EspRom().receive(ask)
    assert slip_frame(digest.digest())[1:-1] in stub.receive(ask)


def test_after_a_reset_the_chip_runs_its_flash_or_says_what_is_wrong() -> None:
    rom = EspRom("esp32", download=False)
    assert rom.reset(download=False).endswith(b"invalid header: 0xffffffff\r\n")
    assert rom.mode is Mode.NOTHING
    rom.flash.program(0, esp_image("esp32"))  # at the wrong offset
    assert rom.reset(download=False).endswith(b"\r\n")
    assert rom.mode is Mode.NOTHING
    rom.flash.erase(0, len(rom.flash.content))
    rom.flash.program(0x1000, esp_image("esp32"))
    assert b"boot:0x13" in rom.reset(download=False)
    assert rom.mode is Mode.PROGRAM


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ([(0, 1), (1, 0), (0, 0)], Mode.DOWNLOAD),
        ([(0, 1), (1, 1), (1, 0), (0, 0)], Mode.DOWNLOAD),
        ([(0, 1), (0, 0)], Mode.NOTHING),
        ([(0, 1)], Mode.HELD),
        ([(1, 0), (1, 1), (0, 0)], Mode.NOTHING),  # opened and closed: no reset
    ],
)
def test_the_modem_lines_choose_the_mode(steps: list[tuple[int, int]], mode: Mode) -> None:
    rom = EspRom(download=False)
    for dtr, rts in steps:
        rom.set_lines(dtr=bool(dtr), rts=bool(rts))
    assert rom.mode is mode


def test_a_fault_strikes_at_the_request_it_names_and_as_often() -> None:
    fault = Fault(FaultKind.DROPPED_ANSWER, Operation.READ_REG, first=2, times=2)
    rom = EspRom(faults=[fault])
    ask = request(Operation.READ_REG, bytes(4))
    assert [len(answers(rom, ask)) for _ in range(5)] == [1, 0, 0, 1, 1]


def test_a_reset_in_the_middle_leaves_what_was_written() -> None:
    rom = EspRom(faults=[Fault(FaultKind.RESET, Operation.FLASH_DATA, first=2)])
    payload = b"\x55" * 1024
    data = request(Operation.FLASH_DATA, block(0, payload), checksum(payload))
    begin = request(Operation.FLASH_BEGIN, struct.pack("<4I", 2048, 2, 1024, 0))
    rom.receive(begin + data)
    rom.receive(data)
    assert rom.mode is Mode.NOTHING
    assert rom.flash.read(0, 2048) == payload + b"\xff" * 1024
