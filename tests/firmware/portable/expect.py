"""The one helper of the portable tests, which run on CPython and MicroPython alike."""


def raised(kind, function, *arguments):
    """Return the exception of that kind that the function raises."""
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
