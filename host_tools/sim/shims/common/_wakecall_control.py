"""The firmware's end of the control protocol (host_tools/sim/control.py), on both interpreters."""

import json
import os
import socket
import sys

try:
    import utime as time  # on MicroPython: real time, also where ``time`` is warped
except ImportError:
    import time

_WATCH_MS = 10
_is_watching = False
_REFUSALS = {
    "ValueError": ValueError,
    "OSError": OSError,
    "TypeError": TypeError,
    "RuntimeError": RuntimeError,
}


class _Line:
    def __init__(self, port, token):
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        # A socket of MicroPython is a stream already.
        is_stream = hasattr(self._socket, "readline")
        self._stream = self._socket if is_stream else self._socket.makefile("rwb")
        self._count = 0
        self.is_asking = False
        self._send({"token": token})

    def ask(self, operation, arguments):
        self._count += 1
        self.is_asking = True
        self._send({"id": self._count, "do": operation, "with": arguments})
        line = self._stream.readline()
        self.is_asking = False
        if not line:
            # The host forgot this boot: it is over, and the host is about to end this process.
            forever()
        answer = json.loads(line)
        if "refusal" in answer:
            raise _REFUSALS[answer["refusal"]](answer["message"])
        return answer["answer"]

    def _send(self, message):
        self._stream.write(json.dumps(message).encode() + b"\n")
        if self._stream is not self._socket:
            self._stream.flush()


def ask(operation, *arguments):
    """Ask the host for an operation and return its answer; raise what the chip would raise."""
    return _line.ask(operation, arguments)


def watch_interrupts(run):
    """Call a function often, between two steps of the firmware, from now on.

    On CPython a timer's signal does it; on MicroPython a task of asyncio, so without asyncio no
    interrupt is seen there.
    """
    global _is_watching
    if _is_watching:
        return
    _is_watching = True
    import asyncio

    async def watch():
        while True:
            run()
            await asyncio.sleep_ms(_WATCH_MS)

    if sys.implementation.name == "micropython":
        # Kept, or it may be collected before it has run.
        _line.watcher = asyncio.create_task(watch())
    else:
        import signal

        def look(*_):
            if not _line.is_asking:
                run()
                loop = asyncio._get_running_loop()
                if loop is not None:
                    # The loop waits in a system call and must look what became ready.
                    loop.call_soon_threadsafe(lambda: None)

        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, _WATCH_MS / 1000, _WATCH_MS / 1000)


def forever():
    """Wait for the host to end this process."""
    while True:
        time.sleep(1)


_port, _token = os.getenv("WAKECALL_CONTROL").split()
_line = _Line(int(_port), _token)
#: What the board is: host_tools/sim/board.py, Board.as_json.
facts = ask("facts")
