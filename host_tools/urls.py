"""Addresses that a user types, checked at the border: of a server's REST API and of its MQTT."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from host_tools.errors import ExitCode, WakecallError

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
"""Scheme to its registered port; ``mqtts`` is MQTT over TLS."""


def server_url(text: str, source: str) -> str:
    """Return the base address of a REST API without its last slash.

    Args:
        text: ``http://host[:port][/prefix]`` or the same with ``https``.
        source: Where the text is from, for the error: a file and its key, a variable, an option.

    Raises:
        WakecallError: It is no such address, or carries a password (CONFIGURATION).
    """
    parts = _split(text, source, schemes=("http", "https"))
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def mqtt_url(text: str, source: str) -> str:
    """Return an MQTT address with its port written out.

    Args:
        text: ``mqtt://host[:port]``, or ``mqtts`` for TLS.
        source: Where the text is from, for the error.

    Raises:
        WakecallError: It is no such address, or carries a password (CONFIGURATION).
    """
    parts = _split(text, source, schemes=tuple(MQTT_PORTS))
    if parts.path.strip("/"):
        raise _wrong(text, source, "an MQTT address ends after its port")
    return f"{parts.scheme}://{_host(parts)}:{parts.port or MQTT_PORTS[parts.scheme]}"


def derived_mqtt_url(url: str) -> str:
    """Return the MQTT address on the standard port of a server's host.

    Args:
        url: The server's address, as `server_url` returns it; with ``https`` MQTT is over TLS.
    """
    parts = urlsplit(url)
    scheme = "mqtts" if parts.scheme == "https" else "mqtt"
    return f"{scheme}://{_host(parts)}:{MQTT_PORTS[scheme]}"


def _split(text: str, source: str, schemes: tuple[str, ...]) -> SplitResult:
    expected = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
    if "@" in text:
        raise WakecallError(  # without the address: what stands before the @ is a secret
            f"{source}: an address must not hold a user or password", code=ExitCode.CONFIGURATION
        )
    if any(character.isspace() or not character.isprintable() for character in text):
        raise _wrong(text, source, f"expected {expected}")
    try:
        parts = urlsplit(text)
        port = parts.port  # a property that parses: text such as ":80a" fails here
    except ValueError as error:
        raise _wrong(text, source, f"{error}; expected {expected}") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise _wrong(text, source, f"expected {expected}")
    if parts.query or parts.fragment:
        raise _wrong(text, source, "an address has no '?' or '#' part")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host  # IPv6


def _wrong(text: str, source: str, reason: str) -> WakecallError:
    return WakecallError(
        f"{source}: {text!r} is not an address: {reason}", code=ExitCode.CONFIGURATION
    )
