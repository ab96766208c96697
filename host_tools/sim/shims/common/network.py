"""The module ``network`` of a simulated board: one Wi-Fi station, as the board's port has it."""

from _wakecall_control import ask, facts

if not facts["wifi"]:
    # As on the board: firmware for a Pico without radio has no such module.
    raise ImportError("no module named 'network'")

_constants = facts["constants"]
globals().update(_constants["network"])


class WLAN:
    """The station interface; the access point interface is not simulated."""

    def __init__(self, interface=0):
        if interface != 0:
            raise ValueError("only the station interface is simulated")

    def active(self, active=None):
        if active is None:
            return ask("radio.active")
        ask("radio.activate", bool(active))
        return ask("radio.active")

    def connect(self, ssid=None, key=None, *, bssid=None, **settings):
        ask("radio.connect", ssid or "", key or "")

    def disconnect(self):
        ask("radio.disconnect")

    def deinit(self):
        ask("radio.activate", False)

    def isconnected(self):
        return ask("radio.connected")

    def status(self, what=None):
        if what is None:
            return ask("radio.status")
        if what == "rssi":
            return ask("radio.rssi")
        raise ValueError("unknown status param")

    def ifconfig(self, addresses=None):
        return tuple(ask("radio.addresses"))

    def config(self, *names, **settings):
        if names and settings:
            raise TypeError("either pos or kw args are allowed")
        for name in settings:
            ask("radio.configure", name, settings[name])
        if len(names) == 1:
            value = ask("radio.configuration", names[0])
            return bytes.fromhex(value.replace(":", "")) if names[0] == "mac" else value


for _name in _constants["wlan"]:
    setattr(WLAN, _name, _constants["wlan"][_name])


def hostname(name=None):
    if name is None:
        return ask("radio.configuration", "hostname")
    ask("radio.configure", "hostname", name)


def country(code=None):
    global _country
    if code is None:
        return _country
    if len(code) != 2:
        raise ValueError("country code must be 2 characters")
    _country = code


_country = "XX"
