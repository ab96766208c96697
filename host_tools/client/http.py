"""One HTTP exchange with a deadline: bytes out, status and bytes back, on httpx.

It knows nothing of ThingsBoard. httpx is imported when the first client is made, because it costs
more time than the whole start of the command line.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from host_tools import json_text
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 10.0
MAXIMUM_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Response:
    """What a server answered, read to its end.

    Args:
        status: The HTTP status code.
        body: The payload.
        location: Where a redirection points to; empty without one.
    """

    status: int
    body: bytes
    location: str = ""

    def json(self) -> Json:
        """Return the body as JSON; None when it is none, as for an empty body."""
        try:
            return json_text.parse(self.body)
        except ValueError:
            return None


class Http:
    """A server's base address and the connections to it.

    Args:
        url: Base address, without a last slash.
        transport: In place of the network, for tests.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        import httpx

        self.url = url
        self._httpx = httpx
        self._client = httpx.Client(
            transport=transport,
            # A proxy of the environment must not get what is for this machine.
            trust_env=not _is_loopback(url),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def exchange(
        self, method: str, path: str, *, body: object, headers: dict[str, str], deadline_ms: int
    ) -> Response:
        """Send a request and return the whole response, whatever its status.

        Args:
            method: The HTTP method.
            path: Path and query, beginning with a slash.
            body: Sent as JSON; None sends no body.
            headers: Besides the content type.
            deadline_ms: How long the server may take in all.

        Raises:
            WakecallError: No connection, or one that broke (UNREACHABLE); no answer until the
                deadline (TIMEOUT).
        """
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            return self._send(method, path, body, headers, deadline_ms / 1000)
        except self._httpx.ConnectTimeout:
            raise self._unreachable(f"no connection within {CONNECT_TIMEOUT_S:.0f} s") from None
        except self._httpx.TimeoutException:
            raise WakecallError(
                f"{self.url} did not answer within {deadline_ms / 1000:g} s",
                code=ExitCode.TIMEOUT,
                hint="the request may have been carried out",
            ) from None
        except self._httpx.ConnectError as error:
            raise self._unreachable(_reason(error), _hint(error)) from error
        except (self._httpx.RequestError, self._httpx.InvalidURL, UnicodeError) as error:
            raise self._unreachable(
                f"the connection broke: {_reason(error)}", "the request may have been carried out"
            ) from error

    def _send(
        self, method: str, path: str, body: object, headers: dict[str, str], limit_s: float
    ) -> Response:
        deadline = time.monotonic() + limit_s
        # Not httpx's own JSON: it fails on a lone surrogate, which JSON text can carry as \ud800.
        content = None if body is None else json.dumps(body, allow_nan=False).encode("ascii")
        timeout = self._httpx.Timeout(limit_s, connect=min(CONNECT_TIMEOUT_S, limit_s))
        received = bytearray()
        with self._client.stream(
            method, self.url + path, content=content, headers=headers, timeout=timeout
        ) as response:
            # httpx limits each read; a server that drips a byte now and then meets this limit.
            for chunk in response.iter_bytes():
                received += chunk
                if time.monotonic() > deadline:
                    raise self._httpx.ReadTimeout("the answer did not end")
                if len(received) > MAXIMUM_BODY_BYTES:
                    raise self._httpx.ReadError(f"an answer above {MAXIMUM_BODY_BYTES} bytes")
        return Response(response.status_code, bytes(received), response.headers.get("Location", ""))

    def _unreachable(self, reason: str, hint: str = "") -> WakecallError:
        return WakecallError(
            f"cannot reach {self.url}: {reason}", code=ExitCode.UNREACHABLE, hint=hint
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _hint(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "set SSL_CERT_FILE to the certificate of the authority that signed the server's"
        cause = cause.__cause__ or cause.__context__
    return "is the server running? `wakecall up` starts a local one"
