"""The modules that reach out of the firmware, for one boot of a virtual board.

``time``, ``asyncio``, ``os``, ``random`` and ``machine`` are the board's own here: their time is
virtual, their files are on its flash, their chance comes from the seed. ``machine`` and
``network`` are the same shims as on a live board, asking the model directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from host_tools.sim.effects import Gone
from host_tools.sim.virtual.clock import NS_PER_MS, NS_PER_S
from host_tools.sim.virtual.loop import VirtualLoop
from host_tools.sim.virtual.streams import open_connection

if TYPE_CHECKING:
    from host_tools.sim.virtual.boot import Boot

_SHIMS = Path(__file__).resolve().parent.parent / "shims"
SHIM_FILES = {
    **{path.name: path.read_bytes() for path in (_SHIMS / "common").glob("*.py")},
    **{
        f"{name}.py": (_SHIMS / "cpython" / f"{name}.py").read_bytes()
        for name in ("micropython", "thread_safe_flag", "umachine", "ustruct", "ubinascii")
    },
}
"""Shims that are loaded afresh in each boot, as they keep state: file to source. The control module
among them is not: ``given`` has another, without a socket."""

_TICKS_PERIOD = 1 << 30
_EPOCH_S = 1_767_225_600  # virtual time begins with 2026, to look like a clock that was set


def given(boot: Boot) -> dict[str, ModuleType]:
    """Return the modules of a boot that are not files."""
    return {
        "_wakecall_control": _module("_wakecall_control", _control(boot)),
        "asyncio": _module("asyncio", _asyncio(boot), asyncio),
        "uasyncio": _module("uasyncio", _asyncio(boot), asyncio),
        "os": _module("os", _os(boot)),
        "random": _module("random", _random(boot)),
        "time": _module("time", _time(boot)),
        "usocket": _module("usocket", {"socket": _no_socket, "getaddrinfo": _no_socket}),
    }


def _module(name: str, members: dict[str, Any], based_on: ModuleType | None = None) -> ModuleType:
    module = ModuleType(name)
    if based_on is not None:
        public = {key: value for key, value in vars(based_on).items() if key[:2] != "__"}
        vars(module).update(public)
    vars(module).update(members)
    return module


def _control(boot: Boot) -> dict[str, Any]:
    def ask(operation: str, *arguments: Any) -> Any:  # noqa: ANN401
        return boot.ask(operation, arguments)

    def watch_interrupts(run: Callable[[], None]) -> None:
        boot.run_interrupts = run

    def forever() -> None:
        while True:
            boot.wait(None)

    facts = boot.ask("facts", ())
    return {"ask": ask, "facts": facts, "forever": forever, "watch_interrupts": watch_interrupts}


def _time(boot: Boot) -> dict[str, Any]:
    def now_ns() -> int:
        boot.compute()
        return boot.now_ns

    def seconds() -> int:
        return _EPOCH_S + now_ns() // NS_PER_S

    def ticks(unit_ns: int) -> Callable[[], int]:
        return lambda: now_ns() // unit_ns % _TICKS_PERIOD

    def sleep(unit_ns: int) -> Callable[[float], None]:
        return lambda duration: boot.sleep(boot.now_ns + int(duration * unit_ns))

    half = _TICKS_PERIOD // 2
    return {
        "time": seconds,
        "time_ns": lambda: _EPOCH_S * NS_PER_S + now_ns(),
        "monotonic": lambda: now_ns() / NS_PER_S,
        "monotonic_ns": now_ns,
        "gmtime": lambda when=None: time.gmtime(seconds() if when is None else when),
        "localtime": lambda when=None: time.gmtime(seconds() if when is None else when),
        "sleep": sleep(NS_PER_S),
        "sleep_ms": sleep(NS_PER_MS),
        "sleep_us": sleep(1000),
        "ticks_ms": ticks(NS_PER_MS),
        "ticks_us": ticks(1000),
        "ticks_add": lambda start, delta: (start + delta) % _TICKS_PERIOD,
        "ticks_diff": lambda end, start: (end - start + half) % _TICKS_PERIOD - half,
    }


def _os(boot: Boot) -> dict[str, Any]:
    files = boot.files
    return {
        "listdir": files.listdir,
        "stat": files.stat,
        "remove": files.remove,
        "unlink": files.remove,
        "rmdir": files.remove,
        "rename": files.rename,
        "replace": files.rename,
        "mkdir": files.mkdir,
        "getcwd": lambda: "/",
        "sync": boot.check,  # no effect on LittleFS: power-delivery.md 4.3
        "urandom": boot.chance.randbytes,
        "uname": os.uname,
    }


def _random(boot: Boot) -> dict[str, Any]:
    chance: random.Random = boot.chance
    names = ("choice", "getrandbits", "randint", "random", "randrange", "uniform")
    return {**{name: getattr(chance, name) for name in names}, "seed": lambda *_: None}


def _asyncio(boot: Boot) -> dict[str, Any]:
    def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Gone):
            boot.board.tell(f"{context['message']}: {context.get('exception')!r}")

    def run(main: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        loop = VirtualLoop(boot)
        boot.loops.append(loop)
        loop.set_exception_handler(tell)
        result = loop.run_until_complete(main)
        # Reached at an orderly end only: tasks of a boot that is over are taken apart elsewhere.
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.close()
        return result

    async def connect(
        host: str, port: int, *, ssl: object = None, **_: object
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        boot.check()
        if ssl is not None:
            raise OSError("TLS is not simulated in virtual time; use a live board")
        world = boot.board.world
        reader, writer, end = await open_connection(
            world.network, boot.effects, boot.poke, host, port
        )
        boot.ends.append(end)
        return reader, writer

    return {
        "run": run,
        "open_connection": connect,
        "sleep_ms": lambda duration_ms: asyncio.sleep(duration_ms / 1000),
        "wait_for_ms": lambda task, timeout_ms: asyncio.wait_for(task, timeout_ms / 1000),
    }


def _no_socket(*_: object) -> None:
    raise OSError("a virtual board has no blocking sockets; use asyncio.open_connection")
