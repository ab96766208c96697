"""Runs one portable test file on MicroPython: every function named test_, told one by one."""

import sys


def main():
    module = __import__(sys.argv[1])
    failures = 0
    for name in sorted(dir(module)):
        if name.startswith("test_"):
            try:
                getattr(module, name)()
                print("passed", name)
            except Exception as error:
                failures += 1
                print("failed", name)
                sys.print_exception(error)
    sys.exit(1 if failures else 0)


main()
