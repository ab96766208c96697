"""``ADC`` and ``PWM`` of the module ``machine``."""

from _wakecall_control import ask, facts

_is_esp32 = facts["port"] == "esp32"
#: The largest voltage in microvolts by attenuation (reference/host-tools.md 5.2); 11 dB by default.
_FULL_SCALE_UV = (950000, 1250000, 1750000, 2450000)
_SUPPLY_UV = 3300000


class ADC:
    """An analog input; the voltage is set by the host."""

    def __init__(self, pin, *, atten=3):
        self._pin = ask("adc.find", getattr(pin, "_id", pin))
        self._atten = 3
        if _is_esp32:
            self.atten(atten)

    def read_u16(self):
        full_uv = _FULL_SCALE_UV[self._atten] if _is_esp32 else _SUPPLY_UV
        return min(65535, ask("adc.read_uv", self._pin) * 65535 // full_uv)

    if _is_esp32:
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

        def atten(self, atten):
            if not 0 <= atten <= 3:
                raise ValueError("invalid attenuation")
            self._atten = atten

        def read_uv(self):
            read_uv = min(ask("adc.read_uv", self._pin), _FULL_SCALE_UV[self._atten])
            return read_uv // 1000 * 1000

        def read(self):
            return self.read_u16() >> 4

    else:
        CORE_TEMP = 4


class PWM:
    """A pulse-width output; the host sees frequency and duty."""

    def __init__(self, pin, freq=5000 if _is_esp32 else 1000, *, duty_u16=0, duty_ns=None):
        self._pin = ask("pin.find", getattr(pin, "_id", pin))
        self._freq = freq
        self._duty_u16 = duty_u16 if duty_ns is None else self._from_ns(duty_ns)
        self._apply()

    def init(self, *, freq=None, duty_u16=None, duty_ns=None):
        if freq is not None:
            self._freq = freq
        if duty_u16 is not None:
            self._duty_u16 = duty_u16
        if duty_ns is not None:
            self._duty_u16 = self._from_ns(duty_ns)
        self._apply()

    def freq(self, freq=None):
        if freq is None:
            return self._freq
        self.init(freq=freq)

    def duty_u16(self, duty_u16=None):
        if duty_u16 is None:
            return self._duty_u16
        self.init(duty_u16=duty_u16)

    def duty_ns(self, duty_ns=None):
        if duty_ns is None:
            return self._duty_u16 * 1000000000 // (65535 * self._freq)
        self.init(duty_ns=duty_ns)

    if _is_esp32:

        def duty(self, duty=None):
            if duty is None:
                return self._duty_u16 >> 6
            self.init(duty_u16=duty << 6)

    def deinit(self):
        ask("pwm.end", self._pin)

    def _from_ns(self, duty_ns):
        return duty_ns * self._freq * 65535 // 1000000000

    def _apply(self):
        ask("pwm.make", self._pin, self._freq, self._duty_u16)
