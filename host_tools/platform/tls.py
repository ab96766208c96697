"""The TLS side of MQTT: a certificate and its key, checked before anything is served."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError
from host_tools.platform.addresses import Address


@dataclass(frozen=True, slots=True)
class Tls:
    """Where MQTT over TLS is served, and with which certificate (PEM files)."""

    address: Address
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return the server's context; raises WakecallError when the files are wrong."""
        for path in (self.certificate, self.key):
            if not path.is_file():
                raise WakecallError(f"no file {path}", code=ExitCode.NOT_FOUND)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise WakecallError(
                f"{self.certificate} and {self.key} are no certificate with its key",
                code=ExitCode.CONFIGURATION,
                hint="Both have to be PEM files, and the key without a password.",
            ) from error
        return context


def _no_password() -> str:
    raise ValueError("the key has a password")
