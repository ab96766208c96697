"""The module ``micropython``, which CPython lacks."""


def const(value):
    return value


def schedule(function, argument):
    function(argument)


def opt_level(level=None):
    return 0


def native(function):
    return function


viper = native
