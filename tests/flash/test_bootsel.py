"""Firmware onto the drive of a Pico's boot loader, and the double of that drive.

Check 7 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import drives
from host_tools.flash.drives import Drive
from host_tools.flash.events import Event, Progress
from host_tools.sim.bootsel import BootRom, BootselDrive
from tests.flash.conftest import Run
from tests.flash.images import FLASH_START, RELEASE, RP2350_ARM, pico2_image, pico_image
from tests.flash.repl_double import Repl, on_pty

PICO_W = f"RPI_PICO_W-{RELEASE}.uf2"


def payload(image: bytes) -> bytes:
    return b"".join(image[at + 32 : at + 288] for at in range(0, len(image), 512))


def feed(rom: BootRom, image: bytes) -> None:
    for at in range(0, len(image), 512):
        rom.take(image[at : at + 512])


@pytest.mark.parametrize("image", [pico_image(), pico_image(300_000)])
def test_the_rom_restarts_when_all_blocks_are_in(image: bytes) -> None:
    rom = BootRom()
    feed(rom, image[:-512])
    assert not rom.done
    rom.take(image[-512:])
    assert rom.done
    assert rom.flash.startswith(payload(image))


def test_the_rom_takes_blocks_in_any_order_and_twice() -> None:
    rom, image = BootRom(), pico_image()
    pieces = [image[at : at + 512] for at in range(0, len(image), 512)]
    feed(rom, b"".join([*pieces[20:], *pieces[10:30], *pieces[:20]]))
    assert rom.done
    assert rom.flash.startswith(payload(image))


@pytest.mark.parametrize(
    "image", [pico_image(family=RP2350_ARM), b"\0" * 5120, pico2_image()], ids=["arm", "0", "2"]
)
def test_the_rom_ignores_what_is_not_for_it(image: bytes) -> None:
    rom = BootRom()
    feed(rom, image)
    assert not rom.done
    assert rom.ignored_blocks == len(image) // 512
    assert set(rom.flash) == {0xFF}


def test_the_newer_rom_takes_the_lone_block_and_the_firmware_behind_it() -> None:
    rom = BootRom("rp2350", flash_bytes=16 * 1024 * 1024)
    feed(rom, pico2_image())
    assert rom.done
    assert rom.flash.startswith(payload(pico2_image())[256:])


def test_a_block_outside_of_the_flash_is_ignored() -> None:
    from host_tools import uf2

    rom = BootRom()
    rom.take(uf2.make(bytes(256), address=FLASH_START + len(rom.flash), family=0xE48BFF56))
    assert rom.ignored_blocks == 1


def test_check_7_firmware_that_fits_is_taken_and_the_drive_vanishes(
    wakecall: Run, tmp_path: Path
) -> None:
    path = tmp_path / PICO_W
    path.write_bytes(pico_image(300_000))
    with BootselDrive(tmp_path / "drives") as drive:
        done = wakecall("flash", "pico-w", "--firmware", str(path), "--yes", "--no-proof")
        assert done.returncode == 0, done.stderr
        assert not drive.mounted
        assert drive.rom.flash.startswith(payload(path.read_bytes()))
    assert "the board took them and restarts" in done.stdout


def test_check_7_two_drives_are_refused_unless_one_is_named(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / PICO_W
    path.write_bytes(pico_image())
    words = ["flash", "pico-w", "--firmware", str(path), "--yes", "--no-proof"]
    folder = tmp_path / "drives"
    with BootselDrive(folder) as first, BootselDrive(folder, name="RPI-RP21") as second:
        done = wakecall(*words)
        assert done.returncode == ExitCode.USAGE
        assert str(first.path) in done.stderr
        assert str(second.path) in done.stderr
        assert (first.mounted, second.mounted) == (True, True)
        assert wakecall(*words, "--drive", str(second.path)).returncode == 0
        assert (first.mounted, second.mounted) == (True, False)


def test_check_7_a_drive_of_another_chip_does_not_count(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / PICO_W
    path.write_bytes(pico_image())
    words = ["flash", "pico-w", "--firmware", str(path), "--yes", "--no-proof"]
    with (
        BootselDrive(tmp_path / "drives") as right,
        BootselDrive(tmp_path / "drives", "rp2350") as other,
    ):
        assert wakecall(*words).returncode == 0
        assert (right.mounted, other.mounted) == (False, True)


def test_without_a_drive_or_board_the_way_by_hand_is_told(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / PICO_W
    path.write_bytes(pico_image())
    done = wakecall("flash", "pico-w", "--firmware", str(path), "--yes")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "hold BOOTSEL while you plug it in" in done.stderr


def test_check_7_an_error_after_the_last_byte_is_no_failure(tmp_path: Path) -> None:
    """The file of the double fails with EIO from the moment the drive vanishes."""
    image = pico_image(200_000)
    told: list[Event | Progress] = []
    with BootselDrive(tmp_path) as double:
        file = double.open(double.path / "x.uf2")
        file.write(image)
        with pytest.raises(OSError, match="Input/output error"):
            file.flush()
        assert not double.mounted
    with BootselDrive(tmp_path) as double:
        drive = Drive(double.path, "RPI-RP2")
        drives.write(drive, "x.uf2", image, told.append, open_file=double.open)
        assert double.rom.flash.startswith(payload(image))
    assert told[-1] == Event(
        "written",
        f"{len(image)} bytes copied; the board took them and restarts",
        {"bytes": len(image)},
    )
    assert Progress(len(image), len(image)) in told


def test_check_7_a_drive_that_vanishes_before_the_last_byte_is_a_failure(tmp_path: Path) -> None:
    image = pico_image(200_000)
    with BootselDrive(tmp_path) as double:

        def unplug(told: Event | Progress) -> None:
            shutil.rmtree(double.path, ignore_errors=True)

        with pytest.raises(WakecallError) as caught:
            drives.write(
                Drive(double.path, "RPI-RP2"), "x.uf2", image, unplug, open_file=double.open
            )
    assert caught.value.code is ExitCode.VERIFICATION
    assert "failed before the firmware was on it: Input/output error" in caught.value.message


def test_check_7_a_board_that_stays_in_its_boot_loader_did_not_take_it(tmp_path: Path) -> None:
    with BootselDrive(tmp_path, "rp2350") as double:
        drive = Drive(double.path, "RP2350")
        with pytest.raises(WakecallError) as caught:
            drives.write(drive, "x.uf2", pico_image(), lambda _: None, timeout_s=0.2)
    assert caught.value.code is ExitCode.VERIFICATION
    assert "is still there" in caught.value.message


def test_check_7_and_9_a_running_board_is_sent_into_its_boot_loader_and_proves_what_it_runs(
    wakecall: Run, tmp_path: Path
) -> None:
    """From MicroPython through BOOTSEL back to MicroPython, by one command."""
    path = tmp_path / PICO_W
    path.write_bytes(pico_image())
    drive = BootselDrive(tmp_path / "drives")

    def enter() -> None:
        drive.__enter__()

    repl = Repl("RPI_PICO_W", on_boot_loader=enter)
    try:
        with on_pty(repl, tmp_path / "board") as port:
            words = ["flash", "pico-w", "--port", port, "--firmware", str(path), "--yes"]
            done = wakecall(*words)
    finally:
        drive.__exit__(None, None, None)
    assert done.returncode == 0, done.stderr
    assert drive.rom.done
    assert "the board reports RPI_PICO_W 1.25.0" in done.stdout


def test_only_folders_with_the_file_of_the_boot_loader_are_drives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/photos").mkdir(parents=True)
    monkeypatch.setenv("WAKECALL_DRIVES", f"{tmp_path}/a:{tmp_path}/b:{tmp_path}/missing")
    with BootselDrive(tmp_path / "b", "rp2350") as double:
        assert drives.mounted() == [Drive(double.path, "RP2350")]
        assert drives.choose(board_facts.load("pico"), drives.mounted(), None) is None
    assert drives.mounted() == []
    with pytest.raises(WakecallError, match="is no drive of a boot loader"):
        drives.choose(board_facts.load("pico"), [], tmp_path / "a")
