"""The ESP32 family: 2,048 bytes of RTC memory outlive every reset but a power cut."""

from wakecall.port import Port


class Esp32Port(Port):
    """Port of the ESP32 family (reference/host-tools.md 5.2)."""

    has_retained = True

    def read_retained(self):
        return self.machine.RTC().memory()

    def write_retained(self, content):
        self.machine.RTC().memory(content)
