"""Addresses that users type."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.errors import WakecallError
from host_tools.urls import derived_mqtt_url, mqtt_url, server_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("HTTP://Host/", "http://Host"),
        ("https://example.org/tb//", "https://example.org/tb"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_server_address_loses_its_last_slash(text, expected):
    assert server_url(text, "URL") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8080",
        "127.0.0.1",
        "ftp://h",
        "http://",
        "http://:80",
        "http://h:0",
        "http://h:80a",
        "http://h:99999",
        "http://[::1",
        "http://a b",
        "http://h/?x=1",
        "http://h#x",
        "http://h\n",
    ],
)
def test_what_is_no_server_address_is_refused_with_its_source(text):
    with pytest.raises(WakecallError, match=r"^the URL: ") as caught:
        server_url(text, "the URL")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["http://u:secret@h", "http://u:sec ret@h", "http://secret@"])
def test_a_password_in_an_address_is_refused_and_not_repeated(text):
    with pytest.raises(WakecallError) as caught:
        server_url(text, "URL")
    assert "sec" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://h", "mqtt://h:1883"),
        ("mqtts://h/", "mqtts://h:8883"),
        ("mqtt://[::1]:2000", "mqtt://[::1]:2000"),
    ],
)
def test_an_mqtt_address_gets_the_port_of_its_scheme(text, expected):
    assert mqtt_url(text, "URL") == expected


@pytest.mark.parametrize("text", ["h:1883", "http://h", "mqtt://h/topic", "mqtt://"])
def test_what_is_no_mqtt_address_is_refused(text):
    with pytest.raises(WakecallError):
        mqtt_url(text, "URL")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "mqtt://127.0.0.1:1883"),
        ("https://example.org/tb", "mqtts://example.org:8883"),
        ("http://[::1]:8080", "mqtt://[::1]:1883"),
    ],
)
def test_an_mqtt_address_is_derived_from_the_servers(url, expected):
    assert derived_mqtt_url(url) == expected


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(max_size=20).map(lambda text: "http://" + text))
def test_no_text_at_all_does_more_than_be_refused(text):
    try:
        url = server_url(text, "URL")
    except WakecallError:
        return
    assert server_url(url, "URL") == url
    mqtt_url(derived_mqtt_url(url), "URL")
