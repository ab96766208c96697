"""The board files are valid, agree with the references, and a mistake in one is told."""

from __future__ import annotations

import pytest

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError

EXAMPLE = (board_facts.BOARDS_FOLDER / "esp32.toml").read_text(encoding="utf-8")


def test_all_boards_of_the_design_are_there():
    assert board_facts.names() == (
        "esp32",
        "esp32-c3",
        "esp32-c6",
        "esp32-s2",
        "esp32-s3",
        "pico",
        "pico-w",
        "pico2-w",
    )


# reference/host-tools.md 5.6, by board: flash, strapping, console, radio, input only
REFERENCE = {
    "esp32": ({*range(6, 12)}, {0, 2, 5, 12, 15}, {1, 3}, set(), {*range(34, 40)}),
    "esp32-s3": ({*range(26, 33)}, {0, 3, 45, 46}, {43, 44}, set(), set()),
    "esp32-c3": ({*range(12, 18)}, {2, 8, 9}, {20, 21}, set(), set()),
    "esp32-c6": ({*range(24, 31)}, {4, 5, 8, 9, 15}, {16, 17}, set(), set()),
    "pico": (set(), set(), set(), set(), set()),
    "pico-w": (set(), set(), set(), {23, 24, 25, 29}, set()),
    "pico2-w": (set(), set(), set(), {23, 24, 25, 29}, set()),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_pins_agree_with_the_reference(name):
    pins = board_facts.load(name).pins
    told = (pins.flash, pins.strapping, pins.console, pins.radio, pins.input_only)
    assert tuple(set(group) for group in told) == REFERENCE[name]


# reference/host-tools.md 4.6, "MicroPython offsets"
@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("esp32", 0x1000),
        ("esp32-s2", 0x1000),
        ("esp32-s3", 0),
        ("esp32-c3", 0),
        ("esp32-c6", 0),
    ],
)
def test_flash_offsets_agree_with_the_reference(name, offset):
    assert board_facts.load(name).flash.offset == offset


# reference/host-tools.md 4.7, "Families"
@pytest.mark.parametrize(
    ("name", "family"), [("pico", 0xE48BFF56), ("pico-w", 0xE48BFF56), ("pico2-w", 0xE48BFF59)]
)
def test_uf2_families_agree_with_the_reference(name, family):
    assert board_facts.load(name).flash.family == family


@pytest.mark.parametrize("name", board_facts.names())
def test_sleep_abilities_follow_the_port(name):
    facts = board_facts.load(name)
    is_esp32 = facts.port == "esp32"
    assert facts.sleep.deep_sleep is is_esp32
    assert facts.sleep.retained_bytes == (2048 if is_esp32 else 0)
    assert facts.watchdog.longest_ms == (None if is_esp32 else 8388)


@pytest.mark.parametrize("name", board_facts.names())
def test_the_device_gets_its_pins_without_empty_lists(name):
    written = board_facts.load(name).device_json()
    assert written["board"] == name
    assert set(written) == {"board", "port", "wifi", "pins", "journal"}
    assert all(written["pins"][key] not in ([], {}, None) for key in written["pins"])


def test_a_journal_slot_fits_within_the_directory_of_the_file_system():
    # The sizes of which reference/power-delivery.md 4.4 has measured the wear.
    assert board_facts.load("esp32").device_json()["journal"]["slot_bytes"] == 120
    assert board_facts.load("pico-w").device_json()["journal"]["slot_bytes"] == 504


def test_the_device_gets_the_led_by_number_or_by_name():
    assert board_facts.load("pico").device_json()["pins"]["names"] == {"LED": 25}
    assert board_facts.load("pico-w").device_json()["pins"]["names"] == {"LED": "LED"}


def refusal(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WakecallError) as caught:
        board_facts.load(path)
    assert caught.value.code is ExitCode.CONFIGURATION
    assert str(path) in caught.value.message
    return f"{caught.value.message} / {caught.value.hint}"


def test_a_board_file_of_ones_own_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert board_facts.load(path).name == "mine"


def test_a_misspelt_key_is_told_with_what_is_allowed(tmp_path):
    told = refusal(tmp_path, EXAMPLE.replace("strapping =", "straping ="))
    assert "pins.straping" in told
    assert "did you mean strapping?" in told


def test_a_misspelt_key_of_the_flash_recipe_is_told(tmp_path):
    assert "did you mean offset?" in refusal(tmp_path, EXAMPLE.replace("offset =", "ofset ="))


def test_a_missing_key_is_told(tmp_path):
    assert "chip is missing" in refusal(tmp_path, EXAMPLE.replace('chip = "esp32"', "", 1))


def test_a_value_of_another_type_is_told(tmp_path):
    assert "wifi" in refusal(tmp_path, EXAMPLE.replace("wifi = true", 'wifi = "often"'))


def test_a_pin_out_of_range_is_told(tmp_path):
    told = refusal(tmp_path, EXAMPLE.replace("console = [1, 3]", "console = [1, 93]"))
    assert "console: pin 93 is not in 0-39" in told


def test_a_pin_that_is_absent_cannot_be_anything_else(tmp_path):
    told = refusal(tmp_path, EXAMPLE.replace("console = [1, 3]", "console = [1, 24]"))
    assert "console: pin 24 is absent" in told


def test_a_pin_listed_twice_is_told(tmp_path):
    assert "twice" in refusal(tmp_path, EXAMPLE.replace("console = [1, 3]", "console = [1, 1]"))


def test_a_line_that_is_not_toml_is_told_with_its_number(tmp_path):
    assert "line 1" in refusal(tmp_path, "title = \n")


def test_an_unknown_board_is_told_with_the_nearest_one():
    with pytest.raises(WakecallError) as caught:
        board_facts.load("esp32s3")
    assert caught.value.code is ExitCode.NOT_FOUND
    assert "did you mean esp32-s3?" in caught.value.hint


def test_a_board_file_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(WakecallError) as caught:
        board_facts.load(tmp_path / "none.toml")
    assert caught.value.code is ExitCode.NOT_FOUND
