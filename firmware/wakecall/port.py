"""The one door to the outside: clock, flash, memory, reset, sleep, watchdog, radio, network.

The agent reaches hardware only through an object of this class, so a simulator can pass one of its
own. What differs between chips is in ``port_esp32.py`` and ``port_rp2.py``; ``open_port`` chooses.
"""

import asyncio
import gc
import os
import sys
import time

from wakecall.errors import LinkError

_IS_MICROPYTHON = sys.implementation.name == "micropython"
_RADIO_POLL_S = 0.05
_NTP_PORT = 123
#: Seconds from 1900, where NTP begins, to 1970.
_EPOCH_1900_S = 2208988800
#: The numbers of POSIX and lwIP; MicroPython's socket module has no names for them.
_IPPROTO_TCP = 6
_TCP_NODELAY = 1
_BELIEVE_TROUBLE_AFTER_MS = 5000
#: Seconds from 1970 to 2000, where the clock of some MicroPython ports begins.
_EPOCH_2000_S = 946684800


def open_port(board):
    """Return the port for a board, by the ``port`` of its ``board.json``."""
    if board["port"] == "rp2":
        from wakecall.port_rp2 import Rp2Port as ChipPort
    else:
        from wakecall.port_esp32 import Esp32Port as ChipPort
    return ChipPort(board)


def read_file(path):
    """Return the content of a file as bytes, or None when it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


class Port:
    """What all boards have in common; flash paths are relative to the root of the board.

    Args:
        board: The content of ``board.json``.
    """

    #: Whether the chip has memory that outlives a reset.
    has_retained = False

    def __init__(self, board):
        import machine

        #: The module ``machine``; methods take pins from here.
        self.machine = machine
        self.has_radio = board.get("wifi", False)
        self._watchdog = None
        self._epoch_offset_ms = None
        self._ticks_ms = 0
        self._now_ms = 0

    # Clock

    def now_ms(self):
        """Return a count of milliseconds that never goes back; call at least once in six days."""
        if not _IS_MICROPYTHON:
            return time.monotonic_ns() // 1000000
        # ticks_ms() wraps after 12.4 days; the sum of its steps does not.
        ticks_ms = time.ticks_ms()
        self._now_ms += time.ticks_diff(ticks_ms, self._ticks_ms)
        self._ticks_ms = ticks_ms
        return self._now_ms

    def epoch_ms(self):
        """Return milliseconds since 1970, or None while nobody has told the time."""
        if self._epoch_offset_ms is None:
            return None
        return self.now_ms() + self._epoch_offset_ms

    def set_epoch_ms(self, epoch_ms):
        """Set the clock, also the chip's own, to a time that can be trusted."""
        self._epoch_offset_ms = epoch_ms - self.now_ms()
        self._set_chip_clock(epoch_ms)

    def raise_clock(self, floor_ms):
        """Set the chip's clock to a time that is certainly past, if it lags behind that.

        TLS judges certificates by it, and the true time may have to come through TLS. Nothing else
        trusts it: ``epoch_ms`` still returns None.
        """
        base_s = _EPOCH_2000_S if time.gmtime(0)[0] == 2000 else 0
        if (time.time() + base_s) * 1000 < floor_ms:
            self._set_chip_clock(floor_ms)

    def _set_chip_clock(self, epoch_ms):
        base_s = _EPOCH_2000_S if time.gmtime(0)[0] == 2000 else 0
        year, month, day, hour, minute, second, weekday = time.gmtime(epoch_ms // 1000 - base_s)[:7]
        self.machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))

    # Flash

    def read_file(self, path):
        """Return the content of a file as bytes, or None when it does not exist."""
        return read_file(path)

    def write_file(self, path, content):
        """Replace a file; it holds the old or the new content when power is cut."""
        with open(path, "wb") as file:
            file.write(content)
            file.flush()

    def make_folder(self, path):
        """Make a folder unless it is there."""
        try:
            os.mkdir(path)
        except OSError:
            os.stat(path)  # raises what is really wrong

    def list_folder(self, path):
        """Return the sorted names in a folder; none when it does not exist."""
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    # Memory, identity, chance

    def unique_id(self):
        """Return the chip's identity as lower-case hexadecimal text."""
        return "".join(["%02x" % byte for byte in self.machine.unique_id()])

    def random_below(self, limit):
        """Return a random whole number from 0 to ``limit - 1``."""
        return int.from_bytes(os.urandom(4), "little") % limit

    def memory(self):
        """Return used and free bytes of the heap after a collection; None where it has no limit."""
        gc.collect()
        return (gc.mem_alloc(), gc.mem_free()) if _IS_MICROPYTHON else (None, None)

    def read_retained(self):
        """Return the bytes that outlive a reset but not the power; where ``has_retained``."""
        raise NotImplementedError

    def write_retained(self, content):
        """Keep bytes over resets; where ``has_retained``."""
        raise NotImplementedError

    # Reset, sleep, watchdog

    def reset_cause(self):
        """Return ``power-on``, ``hard``, ``watchdog``, ``deepsleep``, ``soft`` or ``reset``."""
        cause = self.machine.reset_cause()
        for constant, name in (
            ("PWRON_RESET", "power-on"),
            ("HARD_RESET", "hard"),
            ("WDT_RESET", "watchdog"),
            ("DEEPSLEEP_RESET", "deepsleep"),
            ("SOFT_RESET", "soft"),
        ):
            # RP2 has the first and the third only (reference/host-tools.md 5.3).
            if cause == getattr(self.machine, constant, None):
                return name
        return "unknown"

    def reset(self):
        """Restart the chip; does not return."""
        self.machine.reset()

    def deep_sleep(self, duration_ms):
        """Power down and start anew after the time; does not return."""
        self.machine.deepsleep(duration_ms)

    def light_sleep(self, duration_ms):
        """Halt with memory kept; may return early."""
        self.machine.lightsleep(duration_ms)

    def start_watchdog(self, timeout_ms):
        """Reset the board when ``feed_watchdog`` is not called in time; cannot be stopped."""
        self._watchdog = self.machine.WDT(timeout=timeout_ms)

    def feed_watchdog(self):
        """Tell the watchdog, if one runs, that there was progress."""
        if self._watchdog is not None:
            self._watchdog.feed()

    # Radio and network

    async def connect_radio(self, ssid, key, timeout_ms):
        """Join a Wi-Fi network, unless joined already.

        Args:
            ssid: The network's name; empty on a board whose network is there by itself.
            key: The passphrase; empty for an open network.
            timeout_ms: How long it may take.

        Raises:
            LinkError: Not joined in time; the text says what the chip reports.
        """
        if not self.has_radio or not ssid:
            return
        import network

        station = network.WLAN(network.WLAN.IF_STA)
        station.active(True)
        if station.isconnected():
            return
        station.connect(ssid, key)
        began_ms = self.now_ms()
        while not station.isconnected():
            waited_ms = self.now_ms() - began_ms
            # The chip itself tries again for a while, so what it reports at first may still pass.
            trouble = _radio_trouble(network, station.status())
            if waited_ms > (_BELIEVE_TROUBLE_AFTER_MS if trouble else timeout_ms):
                station.disconnect()
                raise LinkError("Wi-Fi %s: %s" % (ssid, trouble or "not joined in time"))
            await asyncio.sleep(_RADIO_POLL_S)

    def tls_context(self):
        """Return the ``ssl.SSLContext`` that trusts the certificate authority of ``ca.der``.

        Raises:
            OSError: The file is missing.
            ValueError: It is no certificate in DER form.
        """
        import ssl

        authority = self.read_file("ca.der")
        if authority is None:
            raise OSError("ca.der is missing: TLS needs the server's certificate authority")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED  # MicroPython's default is none
        try:
            context.load_verify_locations(cadata=authority)
        except (OSError, ValueError):  # CPython, MicroPython
            raise ValueError("ca.der is no certificate in DER form")
        return context

    async def ask_ntp(self, host, timeout_ms):
        """Ask a time server and return milliseconds since 1970, or None when it does not answer.

        Args:
            host: Name or address, with ``:port`` where it is not NTP's own.
            timeout_ms: How long to wait.
        """
        import socket

        host, _, port = host.partition(":")
        address = socket.getaddrinfo(host, int(port or _NTP_PORT), 0, socket.SOCK_DGRAM)[0][-1]
        query = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            query.setblocking(False)
            began_ms = self.now_ms()
            query.sendto(b"\x1b" + bytes(47), address)  # version 3, client (RFC 5905)
            while self.now_ms() - began_ms < timeout_ms:
                await asyncio.sleep(_RADIO_POLL_S)
                try:
                    answer = query.recv(48)
                except OSError:
                    continue
                if len(answer) == 48 and answer[1]:  # stratum 0 is a refusal
                    seconds = int.from_bytes(answer[40:44], "big") - _EPOCH_1900_S
                    return seconds * 1000 + (answer[44] * 1000 >> 8)
        finally:
            query.close()
        return None

    async def open_stream(self, host, port, tls=None):
        """Open a byte stream and return its reader and writer, as asyncio has them.

        Args:
            host: Name or address.
            port: TCP port.
            tls: An ``ssl.SSLContext``, or None for a plain connection.
        """
        if not _IS_MICROPYTHON:
            return await asyncio.open_connection(
                host, port, ssl=tls, server_hostname=None if tls is None else host
            )
        reader, writer = await asyncio.open_connection(host, port)
        _send_at_once(writer.s)
        if tls is None:
            return reader, writer
        # The option has to be set before the wrap, so asyncio cannot do both. The handshake comes
        # with the first bytes, without blocking.
        secured = tls.wrap_socket(writer.s, server_hostname=host, do_handshake_on_connect=False)
        stream = asyncio.StreamReader(secured)
        return stream, stream


def _send_at_once(socket):
    # Else a second small write waits up to 44 ms for the peer's acknowledgement of the first
    # (reference/environment.md 4). CPython's asyncio sets it by itself.
    try:
        socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
    except OSError:
        pass


def _radio_trouble(network, status):
    for constant, told in (
        ("STAT_NO_AP_FOUND", "no such network in reach"),
        ("STAT_WRONG_PASSWORD", "wrong key"),
        ("STAT_HANDSHAKE_TIMEOUT", "wrong key, or too far away"),
        ("STAT_BEACON_TIMEOUT", "the access point fell silent"),
        ("STAT_CONNECT_FAIL", "the access point refused"),
    ):
        if status == getattr(network, constant, None):
            return told
    return None
