"""The libraries of other authors that go onto a board, pinned: `umqtt.simple` and `microdot`.

They are gathered in one folder below the Python environment. `umqtt.simple` is a source archive
without a build file, which pip refuses: it is fetched by its name in the package index and its hash
is checked before anything is unpacked. `microdot` is copied from the installed wheel. Both as
reference/environment.md section 2 describes.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from host_tools.errors import ExitCode, WakecallError

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage, PyPISimple

MICRODOT_VERSION = "2.7.0"
INDEX_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class SourceArchive:
    """One pinned archive of the package index, and the one file that is taken from it."""

    project: str
    version: str
    sha256: str
    member: str

    @property
    def filename(self) -> str:
        """Return the archive's name in the index."""
        return f"{self.project}-{self.version}.tar.gz"


UMQTT_SIMPLE = SourceArchive(
    project="micropython-umqtt.simple",
    version="1.3.4",
    sha256="b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
    member="umqtt/simple.py",
)

# Named by what is pinned: another pin is another folder, and a whole folder is never changed.
_FOLDER_NAME = f"umqtt.simple-{UMQTT_SIMPLE.version}-microdot-{MICRODOT_VERSION}"


def folder() -> Path:
    """Return the folder that holds ``umqtt/simple.py`` and ``microdot/``, made when it is missing.

    Quick when it is there: nothing is fetched or compared again. It is built aside and renamed, so
    that it is whole or absent, also when two processes begin at the same time.

    Raises:
        WakecallError: The package index does not answer, has another archive than the pinned one,
            or microdot is not installed in the pinned version (MISSING).
    """
    target = _target()
    if not target.is_dir():
        _build(target)
    return target


def _target() -> Path:
    return Path(sys.prefix) / "share" / "wakecall" / "device-libraries" / _FOLDER_NAME


def _build(target: Path) -> None:
    microdot = _installed_microdot()
    simple = _member(UMQTT_SIMPLE, _fetch(UMQTT_SIMPLE))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".building-"))
        try:
            work.chmod(0o755)  # mkdtemp's 0700 would shut out the other users of this environment
            (work / "umqtt").mkdir()
            (work / UMQTT_SIMPLE.member).write_bytes(simple)
            _copy_modules(microdot, work / "microdot")
            _rename(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise WakecallError(
            f"cannot write the device libraries to {target}: {error.strerror}",
            code=ExitCode.MISSING,
            hint="use a virtual environment that you may write (`make` creates one)",
        ) from error


def _rename(work: Path, target: Path) -> None:
    try:
        work.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was quicker, with the same content
            raise


def _copy_modules(source: Path, target: Path) -> None:
    """Copy a package's modules; its type stubs and byte code are of no use on a board."""
    target.mkdir()
    for module in sorted(source.glob("*.py")):
        shutil.copyfile(module, target / module.name)


def _installed_microdot() -> Path:
    hint = "run `make` again, or: pip install --require-hashes -r requirements.lock"
    try:
        wheel: Distribution = distribution("microdot")
    except PackageNotFoundError:
        raise WakecallError(
            "the package microdot is not installed", code=ExitCode.MISSING, hint=hint
        ) from None
    if wheel.version != MICRODOT_VERSION:
        raise WakecallError(
            f"microdot {wheel.version} is installed, boards need {MICRODOT_VERSION}",
            code=ExitCode.MISSING,
            hint=hint,
        )
    return Path(str(wheel.locate_file("microdot")))


def _fetch(archive: SourceArchive) -> bytes:
    """Return the bytes of a pinned archive from the package index that pip would use."""
    import requests
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, NoSuchProjectError, PyPISimple
    from pypi_simple import UnsupportedContentTypeError as NoIndexError

    try:
        with PyPISimple(os.environ.get("PIP_INDEX_URL") or PYPI_SIMPLE_ENDPOINT) as index:
            if os.environ.get("PIP_CERT"):  # requests reads REQUESTS_CA_BUNDLE itself
                index.s.verify = os.environ["PIP_CERT"]
            content = _download(index, _package(index, archive))
    except (requests.RequestException, NoSuchProjectError, NoIndexError, OSError) as error:
        # Without the exception's text: the address of a private index may hold a password.
        raise WakecallError(
            f"cannot fetch {archive.filename} from the package index ({type(error).__name__})",
            code=ExitCode.MISSING,
            hint="needed once: connect to the network, or set PIP_INDEX_URL (and PIP_CERT) "
            "to an index that answers",
        ) from None
    if hashlib.sha256(content).hexdigest() != archive.sha256:
        raise WakecallError(
            f"{archive.filename} of the package index has another SHA-256 than the pinned one",
            code=ExitCode.MISSING,
            hint="the download was changed on its way or by the index: use another PIP_INDEX_URL",
        )
    return content


def _package(index: PyPISimple, archive: SourceArchive) -> DistributionPackage:
    page = index.get_project_page(archive.project, timeout=INDEX_TIMEOUT_S)
    for package in page.packages:
        if package.filename == archive.filename:
            return package
    raise WakecallError(
        f"the package index has no {archive.filename}",
        code=ExitCode.MISSING,
        hint="set PIP_INDEX_URL to an index that has it",
    )


def _download(index: PyPISimple, package: DistributionPackage) -> bytes:
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "archive"
        # Our own pinned hash is what counts, also where an index lists none.
        index.download_package(package, file, verify=False, timeout=INDEX_TIMEOUT_S)
        return file.read_bytes()


def _member(archive: SourceArchive, content: bytes) -> bytes:
    """Return the one wanted file of an archive; no other name of it reaches the disk."""
    root = archive.filename.removesuffix(".tar.gz")
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as files:
            stream = files.extractfile(f"{root}/{archive.member}")
            if stream is not None:  # None for a folder
                return stream.read()
    except (tarfile.TarError, KeyError):
        pass
    raise WakecallError(
        f"{archive.filename} is pinned, but holds no file {archive.member}",
        code=ExitCode.MISSING,
        hint="correct the pin in host_tools/device_libraries.py",
    )


def main() -> int:
    """Make the folder if needed, tell where it is, and return an exit status."""
    present = _target().is_dir()
    try:
        libraries = folder()
    except WakecallError as error:
        print(f"wakecall: {error.message}\n  {error.hint}".rstrip(), file=sys.stderr)
        return error.code
    pinned = f"umqtt.simple {UMQTT_SIMPLE.version} and microdot {MICRODOT_VERSION}"
    print(f"{pinned} {'are' if present else 'put'} in {libraries}")
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
