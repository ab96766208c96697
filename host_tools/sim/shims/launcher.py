"""Runs the firmware in a child process as a board does: ``boot.py``, then ``main.py``.

Called in the folder that is the board's flash, with the folder of the shims, a mode, and ``real``
or ``warped`` time (MicroPython only). A real board goes to its prompt when ``main.py`` ends or
raises. So does this with a serial port (modes ``friendly`` and, without ``main.py``, ``raw``);
else the host is told, and the process ends.
"""

import sys

_SHIMS, _MODE, _TIME = sys.argv[1:4]


def _prepare_micropython():
    import os

    import vfs

    # A root of its own, so that absolute paths mean the board's flash, as on a board.
    flash = os.getcwd()
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix(flash), "/")
    vfs.mount(vfs.VfsPosix(_SHIMS + "/common"), "/.shims")
    os.chdir("/")
    sys.path[:] = ["/.shims", "", ".frozen", "/lib"]
    if _TIME == "warped":
        vfs.mount(vfs.VfsPosix(_SHIMS + "/warp"), "/.warp")
        sys.path.insert(0, "/.warp")
        import scripted_server

        scripted_server.install("/server_script.json")


def _prepare_cpython():
    sys.path[:] = [_SHIMS + "/common", _SHIMS + "/cpython", "", "lib"] + sys.path
    sys.dont_write_bytecode = True
    import missing

    missing.install()


def _run(name, namespace):
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    exec(compile(source, name, "exec"), namespace)


def _tell_exception(error):
    # The first two frames are this file's; a board does not show such.
    if sys.implementation.name == "micropython":
        import io

        text = io.StringIO()
        sys.print_exception(error, text)
        lines = text.getvalue().split("\n")
        del lines[1:3]
        sys.stdout.write("\n".join(lines))
        return
    import traceback

    frames = error.__traceback__ and error.__traceback__.tb_next
    frames = frames and frames.tb_next
    traceback.print_exception(type(error), error, frames, file=sys.stdout)


def main():
    if sys.implementation.name == "micropython":
        _prepare_micropython()
    else:
        _prepare_cpython()
    sys.argv[:] = []
    from _wakecall_control import ask, forever

    if _MODE != "run":
        ask("ready")
    # The prompt goes on with the names of the firmware, as on a board.
    namespace = {"__name__": "__main__"} if _MODE == "run" else globals()
    try:
        _run("boot.py", namespace)
        if _MODE != "raw":
            _run("main.py", namespace)
    except SystemExit:
        ask("reset.soft")
        forever()
    except BaseException as error:
        _tell_exception(error)
    if _MODE == "run":
        ask("halted")


main()
