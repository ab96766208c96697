"""Interrupts of pins: the host notes the edges, the handlers run between two steps of the firmware.

Every edge gets its call, as long as MicroPython's scheduler would have room for it.
"""

import sys

from _wakecall_control import ask, watch_interrupts

_handlers = {}
_is_running = False


def set_handler(pin, number, handler, trigger):
    """Call ``handler(pin)`` after each edge that ``trigger`` names; None takes the handler away."""
    _handlers[number] = (handler, pin)
    ask("pin.interrupt", number, trigger if handler is not None else 0)
    watch_interrupts(_run)


def _run():
    global _is_running
    if _is_running:
        return
    _is_running = True
    try:
        for number in ask("interrupts"):
            handler, pin = _handlers[number]
            if handler is not None:
                _call(handler, pin)
    finally:
        _is_running = False


def _call(handler, pin):
    try:
        handler(pin)
    except Exception as error:
        # As on a board: told, and the firmware goes on.
        print("Unhandled exception in the handler of %s" % pin)
        sys.print_exception(error)
