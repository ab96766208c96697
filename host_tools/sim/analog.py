"""What is not digital at a pin: the voltage that an ADC reads, and the PWM that the firmware makes.

Sources: reference/host-tools.md 5.2 (ranges, refusals); MicroPython 1.29, machine_adc.c and
machine_pwm.c of both ports.
"""

from __future__ import annotations

from host_tools.board_facts import BoardFacts
from host_tools.sim.pins import Pin, Pins
from host_tools.sim.radio import Radio

SUPPLY_V = 3.3
_RP2_ADC_PINS = (26, 27, 28, 29)
_RP2_CORE_TEMPERATURE = 4
_RP2_CORE_V = 0.706  # at 27 degrees Celsius, RP2040 data sheet
_RP2_FREQUENCY_HZ = (8, 62_500_000)
_ESP32_FREQUENCY_HZ = (1, 40_000_000)


class Analog:
    """The ADC and PWM of one board.

    Args:
        facts: The kind of board.
        pins: Its pins.
        radio: Its radio, which takes some ADC pins away.
    """

    def __init__(self, facts: BoardFacts, pins: Pins, radio: Radio) -> None:
        self._facts = facts
        self._pins = pins
        self._radio = radio

    def find(self, wanted: int | str) -> int | str:
        """Return the pin of an ADC; on RP2 the channels 0 to 3 are GP26 to GP29.

        Raises:
            ValueError: The pin has no ADC.
        """
        is_rp2 = self._facts.port == "rp2"
        if is_rp2 and wanted == _RP2_CORE_TEMPERATURE:
            return wanted
        if is_rp2 and isinstance(wanted, int) and 0 <= wanted < len(_RP2_ADC_PINS):
            wanted = _RP2_ADC_PINS[wanted]
        pins = self._facts.pins
        if wanted not in (*pins.adc, *pins.adc_without_wifi):
            raise ValueError("Pin doesn't have ADC capabilities" if is_rp2 else "invalid pin")
        return wanted

    def read_uv(self, wanted: int | str) -> int:
        """Return what an ADC sees, in microvolts.

        Raises:
            OSError: The pin's ADC belongs to the radio while that is on.
        """
        if wanted == _RP2_CORE_TEMPERATURE and self._facts.port == "rp2":
            return round(_RP2_CORE_V * 1e6)
        if wanted in self._facts.pins.adc_without_wifi and self._radio.active:
            raise OSError("(-263, 'ESP_ERR_TIMEOUT')")
        return round(volts(self._pins.find(wanted)) * 1e6)

    def make_pwm(self, wanted: int | str, frequency_hz: int, duty_u16: int) -> None:
        """Make a pin a PWM output, or change it.

        Raises:
            ValueError: The port cannot make that frequency or duty.
        """
        is_rp2 = self._facts.port == "rp2"
        lowest, highest = _RP2_FREQUENCY_HZ if is_rp2 else _ESP32_FREQUENCY_HZ
        if is_rp2 and frequency_hz > highest:
            raise ValueError("freq too large")
        if is_rp2 and frequency_hz < lowest:
            raise ValueError("freq too small")
        if not lowest <= frequency_hz <= highest:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        if not 0 <= duty_u16 <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._pins.find(wanted).set_pwm((frequency_hz, duty_u16))

    def end_pwm(self, wanted: int | str) -> None:
        """Make a pin no PWM output any more."""
        self._pins.find(wanted).set_pwm(None)


def volts(pin: Pin) -> float:
    """Return the voltage at a pin: the one that was set, or that of its level."""
    return pin.volts if pin.volts is not None else pin.level * SUPPLY_V
