"""Imports for the firmware of one boot: its own modules, from its own flash.

Each boot gets fresh modules, as on a board, and boards in one process do not share any. The
firmware's code runs with builtins of its own, where ``import`` and ``open`` are the board's.
Nothing of this process's import state is touched.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any

SHARED = (
    "__future__",
    "array",
    "binascii",
    "cmath",
    "collections",
    "contextlib",
    "errno",
    "functools",
    "gc",
    "hashlib",
    "heapq",
    "io",
    "itertools",
    "json",
    "math",
    "re",
    "ssl",
    "string",
    "struct",
    "sys",
    "traceback",
    "types",
)
"""Modules of CPython that firmware may use as they are; the rest would reach out of the board."""

Search = Callable[[str], bytes | None]


@lru_cache(maxsize=1024)
def _compile(source: bytes, path: str) -> CodeType:
    return compile(source, path, "exec", dont_inherit=True)


class Importer:
    """The modules of one boot.

    Args:
        frozen: Returns the content of a frozen file by its path, or None.
        flash: The same for a file on the flash, which is asked last.
        roots: Folders that are searched, in order; ``""`` is the root of the flash.
        given: Modules that are there from the beginning.
        replaced: Builtins that the firmware gets in place of this process's.
    """

    def __init__(
        self,
        frozen: Search,
        flash: Search,
        roots: Sequence[str],
        given: Mapping[str, ModuleType],
        replaced: Mapping[str, object],
    ) -> None:
        self._frozen = frozen
        self._flash = flash
        self._roots = roots
        self.modules: dict[str, ModuleType] = dict(given)
        self._builtins = {**vars(builtins), **replaced, "__import__": self._import}

    def run(self, path: str, source: bytes, namespace: dict[str, Any]) -> None:
        """Run a file's code.

        Args:
            path: The file, for tracebacks.
            source: Its content.
            namespace: Its global names; ``__builtins__`` is put in.
        """
        namespace["__builtins__"] = self._builtins
        exec(_compile(source, path), namespace)

    def load(self, name: str) -> ModuleType:
        """Return a module by its full name, loaded if it is not yet.

        Raises:
            ImportError: There is no such module.
        """
        module = self.modules.get(name)
        if module is not None:
            return module
        parent_name, _, last = name.rpartition(".")
        parent = self.load(parent_name) if parent_name else None
        module = self._load_file(name, self._frozen) or _load_shared(name)
        module = module or self._load_file(name, self._flash)
        if module is None:
            raise ImportError(f"no module named '{name}'")
        if parent is not None:
            setattr(parent, last, module)
        return module

    def _load_file(self, name: str, search: Search) -> ModuleType | None:
        relative = name.replace(".", "/")
        for root in self._roots:
            base = f"{root}/{relative}" if root else relative
            for path in (f"{base}/__init__.py", f"{base}.py"):
                source = search(path)
                if source is not None:
                    return self._execute(name, path, source)
            if search(f"{base}/") is not None:
                return self._remember(name, f"{base}/__init__.py")
        return None

    def _execute(self, name: str, path: str, source: bytes) -> ModuleType:
        module = self._remember(name, path)
        try:
            self.run(path, source, vars(module))
        except BaseException:
            del self.modules[name]
            raise
        return module

    def _remember(self, name: str, path: str) -> ModuleType:
        module = ModuleType(name)
        module.__file__ = path
        is_package = path.endswith("/__init__.py")
        module.__package__ = name if is_package else name.rpartition(".")[0]
        if is_package:
            module.__path__ = [path.removesuffix("/__init__.py")]
        self.modules[name] = module
        return module

    def _import(
        self,
        name: str,
        importing: Mapping[str, Any] | None = None,
        _: object = None,
        wanted: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what the ``import`` statement asks for."""
        if level:
            package = (importing or {})["__package__"].split(".")
            name = ".".join([*package[: len(package) - level + 1], *([name] if name else [])])
        module = self.load(name)
        if not wanted:
            return module if level else self.load(name.partition(".")[0])
        for attribute in wanted:
            if attribute != "*" and not hasattr(module, attribute) and hasattr(module, "__path__"):
                self.load(f"{name}.{attribute}")
        return module


def _load_shared(name: str) -> ModuleType | None:
    return importlib.import_module(name) if name.partition(".")[0] in SHARED else None
