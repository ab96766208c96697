"""The owner's own methods: plain Python files in the folder ``app``, loaded at start."""

from wakecall.faults import describe

_FOLDER = "app"


def load_apps(port, registry, log):
    """Add the methods of every file in ``app``; one that does not load is told, the others work.

    Args:
        port: The board's port, for the folder's names.
        registry: Takes the methods.
        log: Called with one line of text for each file.
    """
    for file_name in port.list_folder(_FOLDER):
        name, dot, ending = file_name.partition(".")
        if ending not in ("py", "mpy") or name.startswith("_"):
            continue
        try:
            package = __import__("%s.%s" % (_FOLDER, name))
            names = registry.add_module(getattr(package, name))
        except Exception as error:  # whatever the owner's file raises, the board must live
            log("%s/%s does not load: %s" % (_FOLDER, file_name, describe(error)))
        else:
            log("%s/%s: %s" % (_FOLDER, file_name, ", ".join(names) or "defines no method"))
