from expect import raised

from wakecall import Boolean, CommandError, Integer, Text, method
from wakecall.registry import Registry


@method({"seconds": Integer(1, 60, default=5)}, help="Open the valve")
def water(agent, seconds):
    return {"watered": seconds}


@method(Boolean(), effect="set")
def setValue(agent, value):
    return value


class Module:
    water = water
    setValue = setValue
    other = 5


def test_a_declared_function_can_still_be_called():
    assert water(None, seconds=3) == {"watered": 3}


def test_a_module_brings_its_methods_and_nothing_else():
    registry = Registry()
    assert sorted(registry.add_module(Module)) == ["setValue", "water"]
    assert registry.names() == ["setValue", "water"]


def test_an_unknown_method_is_not_found_by_name():
    error = raised(CommandError, Registry().find, "fly")
    assert (error.code, error.effect) == ("NOT_FOUND", "none")
    assert "'fly'" in error.message


def test_params_may_be_absent_or_a_text_that_holds_an_object():
    for params in (None, {}, "{}"):
        assert water.check(params, None) == {"seconds": 5}
    assert water.check('{"seconds": 7}', None) == {"seconds": 7}


def test_params_of_another_type_are_refused_by_name():
    for params in ([], 5, "text", "{broken"):
        error = raised(CommandError, water.check, params, None)
        assert error.code == "INVALID_ARGUMENT"
        assert error.message.startswith("water: must be an object")


def test_a_bare_value_is_checked_and_handed_over_as_it_is():
    arguments = setValue.check("true", None)
    assert setValue.run(None, arguments) is True
    assert raised(CommandError, setValue.check, "maybe", None).message.startswith(
        "setValue: params"
    )


def test_a_method_describes_effect_and_params():
    described = water.describe()
    assert described["method"] == "water"
    assert described["effect"] == "once"
    assert described["help"] == "Open the valve"
    assert described["params"]["properties"]["seconds"]["default"] == 5


def test_the_effect_class_has_to_exist():
    assert "always" in str(raised(ValueError, lambda: method({"x": Text()}, effect="always")))
