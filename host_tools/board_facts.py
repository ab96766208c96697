"""The facts about each kind of board, from ``boards/*.toml``: the only place that holds them.

The loader refuses what the schema does not know, so a slip in a board file is told with the file
and the key instead of being ignored. What a device needs of it is ``BoardFacts.device_json()``.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from host_tools.errors import ExitCode, WakecallError

BOARDS_FOLDER = Path(__file__).resolve().parent.parent / "boards"

PinNumber = Annotated[int, Field(ge=0, le=255)]
Milliamperes = Annotated[float, Field(gt=0, le=2000)]

_GROUPS = (
    "absent",
    "flash",
    "radio",
    "usb",
    "console",
    "system",
    "strapping",
    "input_only",
)
"""The pin lists that a device gets; the words are those of ``firmware/wakecall/pins.py``."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pins(_Facts):
    """Which pins there are and what they are bound to (reference/host-tools.md 5.6)."""

    first: PinNumber
    last: PinNumber
    absent: tuple[PinNumber, ...] = ()
    flash: tuple[PinNumber, ...] = ()
    radio: tuple[PinNumber, ...] = ()
    usb: tuple[PinNumber, ...] = ()
    console: tuple[PinNumber, ...] = ()
    system: tuple[PinNumber, ...] = ()
    strapping: tuple[PinNumber, ...] = ()
    input_only: tuple[PinNumber, ...] = ()
    #: Pins of the chip for which MicroPython has no ``Pin``.
    hidden: tuple[PinNumber, ...] = ()
    adc: tuple[PinNumber, ...] = ()
    #: ADC pins that cannot be read while Wi-Fi is on.
    adc_without_wifi: tuple[PinNumber, ...] = ()
    #: A name to its number, or to itself for a pin of the radio chip, which has no number.
    names: dict[str, PinNumber | str] = {}

    @model_validator(mode="after")
    def _check(self) -> Pins:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) must not be above last ({self.last})")
        for group in (*_GROUPS, "hidden", "adc", "adc_without_wifi"):
            listed = getattr(self, group)
            strays = [pin for pin in listed if not self.first <= pin <= self.last]
            if strays:
                raise ValueError(f"{group}: pin {strays[0]} is not in {self.first}-{self.last}")
            if len(set(listed)) != len(listed):
                raise ValueError(f"{group}: a pin is listed twice")
            if group != "absent" and set(listed) & set(self.absent):
                raise ValueError(f"{group}: pin {min(set(listed) & set(self.absent))} is absent")
        for name, pin in self.names.items():
            if isinstance(pin, str) and pin != name:
                raise ValueError(f"names: {name} must be a number, or {name!r} on the radio chip")
        return self

    def exists(self, pin: int) -> bool:
        """Tell whether MicroPython has a ``Pin`` of this number."""
        in_range = self.first <= pin <= self.last
        return in_range and pin not in self.absent and pin not in self.hidden


class Sleep(_Facts):
    """What sleeping does and what outlives it (reference/power-delivery.md 1.1)."""

    #: Whether ``deepsleep`` powers the chip down.
    deep_sleep: bool
    retained_bytes: Annotated[int, Field(ge=0, le=65536)]
    wake_reason: bool
    keeps_clock: bool
    #: Pins that wake the chip through each source (reference/host-tools.md 5.4).
    wake_ext0: tuple[PinNumber, ...] = ()
    wake_ext1: tuple[PinNumber, ...] = ()
    #: From deep sleep; any pin wakes from light sleep.
    wake_gpio: tuple[PinNumber, ...] = ()
    longest_ms: Annotated[int, Field(gt=0)]


class Watchdog(_Facts):
    """The limits of ``machine.WDT``; no longest time where the port has none."""

    longest_ms: Annotated[int, Field(gt=0)] | None = None
    stops_in_light_sleep: bool


class EsptoolFlash(_Facts):
    """Flashing with esptool: where the image goes (reference/host-tools.md 4.6)."""

    tool: Literal["esptool"]
    chip: str
    offset: Annotated[int, Field(ge=0)]


class Uf2Flash(_Facts):
    """Flashing by copying to the boot loader's drive (reference/host-tools.md 4.7)."""

    tool: Literal["uf2"]
    family: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    drive: str


_JOURNAL_SLOTS = 16
"""More than are ever in flight, the rest recognises repetitions (power-delivery.md 4.5)."""

_SLOT_MARGIN_BYTES = 8


class FileSystem(_Facts):
    """The parameters of LittleFS in the firmware (reference/power-delivery.md 4.3)."""

    erase_bytes: Annotated[int, Field(gt=0)]
    program_bytes: Annotated[int, Field(gt=0)]
    cache_bytes: Annotated[int, Field(gt=0)]

    @property
    def slot_bytes(self) -> int:
        """What a file may hold to live within its directory, where rewriting costs least.

        LittleFS sets that limit at the cache's size and an eighth of a block
        (reference/power-delivery.md 4.3 and 4.4).
        """
        return min(self.cache_bytes, self.erase_bytes // 8) - _SLOT_MARGIN_BYTES


class Currents(_Facts):
    """Currents in milliamperes; a figure that no source gives is left out."""

    deep_sleep: Milliamperes | None = None
    light_sleep: Milliamperes | None = None
    connected: Milliamperes | None = None
    transmit: Milliamperes | None = None
    receive: Milliamperes | None = None
    awake: Milliamperes | None = None


class BoardFacts(_Facts):
    """One kind of board; ``name`` is that of its file."""

    name: str
    title: str
    #: The board's name in MicroPython's downloads (reference/host-tools.md 4.8).
    micropython: str
    port: Literal["esp32", "rp2"]
    chip: str
    wifi: bool
    pins: Pins
    sleep: Sleep
    watchdog: Watchdog
    flash: Annotated[EsptoolFlash | Uf2Flash, Field(discriminator="tool")]
    file_system: FileSystem
    currents_ma: Currents

    def device_json(self) -> dict[str, Any]:
        """Return what is written onto the board as ``board.json``; empty lists are left out."""
        pins: dict[str, Any] = {"first": self.pins.first, "last": self.pins.last}
        for group in _GROUPS:
            listed = getattr(self.pins, group)
            if listed:
                pins[group] = list(listed)
        if self.pins.names:
            pins["names"] = dict(self.pins.names)
        journal = {"slots": _JOURNAL_SLOTS, "slot_bytes": self.file_system.slot_bytes}
        return {
            "board": self.name,
            "port": self.port,
            "wifi": self.wifi,
            "pins": pins,
            "journal": journal,
        }


@cache
def names() -> tuple[str, ...]:
    """Return the names of all boards that are known, sorted."""
    return tuple(sorted(path.stem for path in BOARDS_FOLDER.glob("*.toml")))


def load(name_or_path: str | Path) -> BoardFacts:
    """Return the facts about a board.

    Args:
        name_or_path: A name of ``names()``, or the path of a TOML file of the same form.

    Raises:
        WakecallError: There is no such board (NOT_FOUND), or its file is wrong (CONFIGURATION).
    """
    text = str(name_or_path)
    is_path = isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text
    path = Path(text) if is_path else BOARDS_FOLDER / f"{text}.toml"
    if not is_path and text not in names():
        raise _unknown(text)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return BoardFacts.model_validate({"name": path.stem, **content})
    except OSError as error:
        raise WakecallError(
            f"board file {path} cannot be read: {error.strerror}", code=ExitCode.NOT_FOUND
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"is not TOML: {error}", "correct that line") from error
    except ValidationError as error:
        raise _wrong(path, *_first_mistake(error)) from error


def _unknown(name: str) -> WakecallError:
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    return WakecallError(
        f"there is no board {name!r}",
        code=ExitCode.NOT_FOUND,
        hint=f"{hint}The boards are {', '.join(names())}; a path of a TOML file will do as well.",
    )


def _wrong(path: Path, what: str, hint: str) -> WakecallError:
    return WakecallError(f"board file {path}: {what}", code=ExitCode.CONFIGURATION, hint=hint)


def _first_mistake(error: ValidationError) -> tuple[str, str]:
    """Return what is wrong with which key, and what is allowed there."""
    # A misspelt key is also a missing one; the first is what helps.
    mistakes = sorted(error.errors(), key=lambda told: told["type"] != "extra_forbidden")
    mistake = mistakes[0]
    location = [str(part) for part in mistake["loc"] if part not in ("esptool", "uf2")]
    key = ".".join(location)
    if mistake["type"] == "extra_forbidden":
        allowed = _allowed_keys(location[:-1])
        near = difflib.get_close_matches(location[-1], allowed, n=1, cutoff=0.6)
        suggestion = f"did you mean {near[0]}? " if near else ""
        return f"{key} is no key of a board file", f"{suggestion}Allowed: {', '.join(allowed)}"
    if mistake["type"] == "missing":
        return f"{key} is missing", "boards/esp32.toml shows a complete file"
    told = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{key}: {told}", "boards/esp32.toml shows a complete file"


def _allowed_keys(location: Iterable[str]) -> list[str]:
    model: type[BaseModel] = BoardFacts
    for part in location:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            # The flash recipe is the one choice between two models.
            fields = {*EsptoolFlash.model_fields, *Uf2Flash.model_fields}
            return sorted(fields)
        model = inner
    return sorted(set(model.model_fields) - {"name"})
