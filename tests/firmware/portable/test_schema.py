from expect import raised

from wakecall.errors import SchemaError
from wakecall.schema import Boolean, Choice, Each, Integer, Number, Object, Text


def test_a_number_may_come_as_text_or_as_a_whole_float():
    for value in (23, "23", 23.0):
        assert Integer(0, 39).check(value) == 23
    assert Integer().check("-5") == -5


def test_an_integer_refuses_what_is_no_whole_number():
    for value in (True, None, "", "-", "2x", 2.5, [], {}, "\u0663", "1" * 19):
        assert raised(SchemaError, Integer().check, value).code == "INVALID_ARGUMENT"


def test_a_value_outside_its_range_is_told_with_the_range():
    error = raised(SchemaError, Integer(1, 60).check, 61)
    assert error.code == "OUT_OF_RANGE"
    assert error.message == "must be 1 to 60, not 61"
    assert raised(SchemaError, Integer(minimum=1).check, 0).message == "must be at least 1, not 0"
    assert raised(SchemaError, Number(maximum=1).check, 2).message == "must be at most 1, not 2"


def test_a_number_takes_fractions_and_refuses_what_json_has_not():
    assert Number().check("1.5") == 1.5
    assert Number().check(2) == 2
    for value in (float("nan"), float("inf"), "nan", "1e", "x1", False):
        raised(SchemaError, Number().check, value)


def test_a_boolean_takes_the_spellings_of_widgets():
    for value in (True, 1, "1", "true"):
        assert Boolean().check(value) is True
    for value in (False, 0, "0", "false"):
        assert Boolean().check(value) is False
    for value in (None, 2, "yes", [], {}):
        raised(SchemaError, Boolean().check, value)


def test_a_text_is_held_to_its_length():
    assert Text(3).check("abc") == "abc"
    assert raised(SchemaError, Text(3).check, "abcd").code == "OUT_OF_RANGE"
    assert raised(SchemaError, Text(3, minimum_length=1).check, "").code == "OUT_OF_RANGE"
    assert raised(SchemaError, Text(3).check, 5).code == "INVALID_ARGUMENT"


def test_a_choice_tells_its_options_and_keeps_one_apart_from_true():
    kind = Choice(("fast", 1))
    assert kind.check("fast") == "fast"
    assert "fast, 1" in raised(SchemaError, kind.check, "slow").message
    raised(SchemaError, kind.check, True)


def test_a_list_checks_its_items_and_its_length():
    kind = Each(Integer(0, 9), maximum_length=2)
    assert kind.check(["1", 2]) == [1, 2]
    assert raised(SchemaError, kind.check, [1, 2, 3]).code == "OUT_OF_RANGE"
    raised(SchemaError, kind.check, [10])
    raised(SchemaError, kind.check, "12")


def test_an_object_takes_defaults_and_names_missing_and_unknown_members():
    kind = Object({"pin": Integer(0, 39), "mode": Text(8, default="slow")})
    assert kind.check({"pin": "5"}) == {"pin": 5, "mode": "slow"}
    assert raised(SchemaError, kind.check, {}).message == "pin is missing"
    told = raised(SchemaError, kind.check, {"pin": 1, "mod": 2}).message
    assert told == "'mod' is not known here (known: mode, pin)"
    assert raised(SchemaError, kind.check, {"pin": 99}).message == "pin must be 0 to 39, not 99"


def test_a_long_value_is_shown_short():
    assert len(raised(SchemaError, Integer().check, "x" * 500).message) < 80


def test_a_declaration_describes_itself_as_json_schema():
    kind = Object({"pin": Integer(0, 39, help="where"), "on": Boolean(default=True)})
    assert kind.describe() == {
        "type": "object",
        "properties": {
            "pin": {"type": "integer", "minimum": 0, "maximum": 39, "description": "where"},
            "on": {"type": "boolean", "default": True},
        },
        "required": ["pin"],
    }
