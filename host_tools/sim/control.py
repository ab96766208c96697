"""The control protocol: how firmware in a child, and other terminals, reach a simulated board.

JSON lines on a loopback TCP socket, one request and one answer at a time. The first line is the
token, which also says what the visitor may ask::

    > {"token": "4f1d..."}
    > {"id": 1, "do": "pin.read", "with": [23]}
    < {"id": 1, "answer": 0}
    < {"id": 2, "refusal": "ValueError", "message": "invalid pin"}

A wrong token or a line that is no request ends the connection.
"""

from __future__ import annotations

import json
import secrets
import socket
import socketserver
import threading
from collections.abc import Mapping
from typing import Any, Self

from pydantic import JsonValue

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.requests import REFUSALS, Operation

_LINE_LIMIT_BYTES = 65536
_TOKEN_BYTES = 16


class ControlServer:
    """Answers requests about one board, each under the board's lock.

    Args:
        lock: Held while an operation runs.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._admitted: dict[str, Mapping[str, Operation]] = {}
        self._server = _Server(("127.0.0.1", 0), self)
        self.port: int = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="control", daemon=True
        ).start()

    def admit(self, operations: Mapping[str, Operation]) -> str:
        """Return a new token for a visitor who may ask for these operations."""
        token = secrets.token_hex(_TOKEN_BYTES)
        with self._lock:
            self._admitted[token] = operations
        return token

    def dismiss(self, token: str) -> None:
        """Refuse a token from now on: what a killed child still had under way has no effect."""
        with self._lock:
            self._admitted.pop(token, None)

    def close(self) -> None:
        """Stop listening; connections end with their visitors."""
        with self._lock:
            self._admitted.clear()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, token: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Carry out a request; return None when its visitor may ask nothing any more."""
        with self._lock:
            operations = self._admitted.get(token)
            if operations is None:
                return None
            try:
                operation = operations.get(request["do"])
                if operation is None:
                    raise ValueError(f"there is no operation {request['do']!r}")
                answer = operation(*request.get("with", ()))
            except REFUSALS as refusal:
                kind = next(kind for kind in REFUSALS if isinstance(refusal, kind))
                return {"id": request["id"], "refusal": kind.__name__, "message": str(refusal)}
            except WakecallError as error:
                told = {"message": error.message, "hint": error.hint, "code": int(error.code)}
                return {"id": request["id"], "refusal": "WakecallError", **told}
            return {"id": request["id"], "answer": answer}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], control: ControlServer) -> None:
        self.control = control
        super().__init__(address, _Visit)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a visitor that was killed leaves a broken connection behind."""


class _Visit(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        control = self.server.control
        greeting = self._read()
        token = greeting.get("token") if greeting else None
        if not isinstance(token, str):
            return
        while request := self._read():
            if "id" not in request or "do" not in request:
                return
            answer = control.answer(token, request)
            if answer is None:
                return
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    def _read(self) -> dict[str, Any] | None:
        line = self.rfile.readline(_LINE_LIMIT_BYTES)
        try:
            request = json.loads(line)
        except ValueError:
            return None
        return request if isinstance(request, dict) else None


class ControlClient:
    """A visitor's side of the protocol, for commands of another terminal.

    Args:
        port: The board's control port on this machine.
        token: What admits the visitor.
        timeout_s: How long an answer may take.

    Raises:
        WakecallError: Nobody answers at that port (NOT_FOUND).
    """

    def __init__(self, port: int, token: str, timeout_s: float = 5.0) -> None:
        self._count = 0
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        except OSError as error:
            raise _gone() from error
        self._stream = self._socket.makefile("rwb")
        self._send({"token": token})

    def ask(self, operation: str, *arguments: JsonValue) -> JsonValue:
        """Ask for an operation and return its answer.

        Args:
            operation: A name of the table that the token opens.
            arguments: JSON values.

        Raises:
            WakecallError: The board refused, or it is gone.
        """
        self._count += 1
        try:
            self._send({"id": self._count, "do": operation, "with": arguments})
            line = self._stream.readline(_LINE_LIMIT_BYTES)
        except OSError as error:
            raise _gone() from error
        if not line:
            raise _gone()
        answer: dict[str, Any] = json.loads(line)
        if "refusal" in answer:
            code = ExitCode(answer.get("code", ExitCode.DEVICE_ERROR))
            raise WakecallError(answer["message"], code=code, hint=answer.get("hint", ""))
        result: JsonValue = answer["answer"]
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the visit."""
        self._stream.close()
        self._socket.close()

    def _send(self, line: dict[str, Any]) -> None:
        self._stream.write(json.dumps(line).encode() + b"\n")
        self._stream.flush()


def _gone() -> WakecallError:
    return WakecallError("the simulated board is gone", code=ExitCode.NOT_FOUND)
