"""RP2040 and RP2350: no retained memory, and every reset looks like one by the watchdog."""

from wakecall.port import Port


class Rp2Port(Port):
    """Port of the Raspberry Pi Pico boards (reference/host-tools.md 5.3)."""

    def reset_cause(self):
        # machine.reset() and deepsleep() restart through the watchdog too; without a mark of our
        # own they cannot be told from a bite, so nothing more is claimed.
        cause = super().reset_cause()
        return "reset" if cause == "watchdog" else cause
