"""Values of the login window, checked and saved."""

from __future__ import annotations

import json

import pytest

from netchat.desktop.login import LoginValues, check_login
from netchat.desktop.saved_login import load_login, save_login


def test_values_are_checked_and_normalized():
    login = check_login(" Nova ", " ", " 7000 ", " 7K3F9-2MQ0T ", tls=True, password="")
    assert login == LoginValues("Nova", "127.0.0.1", 7000, True, "7K3F9-2MQ0T")
    assert login.servers == [("127.0.0.1", 7000)]
    several = check_login("Nova", "a.example,b.example:1", "7000", "", tls=False, password="x")
    assert several.servers == [("a.example", 7000), ("b.example", 1)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("", "h", "1", ""), "Enter a name."),
        (("No va!", "h", "1", ""), "A name may contain"),
        (("Nova", "h", "0", ""), "The port must be from 1 to 65535, got '0'."),
        (("Nova", "h", "65536", ""), "got '65536'."),
        (("Nova", "h", "²", ""), "got '²'."),
        (("Nova", "h/x", "1", ""), "'h/x' is a URL"),
        (("Nova", "a b", "1", ""), "'a b' is not a valid address"),
    ],
)
def test_an_invalid_value_is_named(values, said):
    with pytest.raises(ValueError) as caught:
        check_login(*values, tls=False, password="")
    assert said in str(caught.value)


def test_the_path_to_the_server_is_checked():
    plain = check_login("Nova", "h", "1", "", tls=False, password="")
    assert (plain.has_path, plain.path_text) == (False, "")
    noisy = check_login(
        "Nova", "h", "1", "", tls=True, password="", link=" rs:255,223 ", channel=" bsc:1e-3 "
    )
    assert (noisy.link, noisy.channel, noisy.has_path) == ("rs:255,223", "bsc:1e-3", True)
    assert noisy.path_text == "link rs:255,223  ·  channel bsc:1e-3"
    udp = check_login("Nova", "h", "1", "", tls=False, password="", udp=True)
    assert udp.path_text == "link uncoded  ·  UDP"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"link": "rs:300,2"}, "Link: "),
        ({"channel": "bsc:2"}, "Channel: "),
        ({"udp": True, "tls": True}, "TLS does not apply to UDP"),
        ({"udp": True, "link": "none"}, "UDP always uses a link"),
    ],
)
def test_an_invalid_path_is_named(values, said):
    with pytest.raises(ValueError) as caught:
        check_login("Nova", "h", "1", "", **{"tls": False, "password": "", **values})
    assert str(caught.value).startswith(said)


def test_the_values_are_remembered_without_secrets(tmp_path):
    file = tmp_path / "new" / "window.json"
    assert load_login(file) == LoginValues()
    login = LoginValues("Nova", "chat.example", 7000, True, "7K3F9-2MQ0T#secret", "password")
    assert "secret" not in repr(login)
    assert "password" not in repr(login)
    save_login(file, login)
    assert load_login(file) == LoginValues("Nova", "chat.example", 7000, True, "7K3F9-2MQ0T")
    assert "secret" not in file.read_text("utf-8")
    save_login(file, LoginValues("Nova", room="7K3F9-2MQ0T apple pear"))
    assert load_login(file).room == "7K3F9-2MQ0T"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", json.dumps({"port": "x"}).encode()]
)
def test_a_damaged_file_is_like_none(content, tmp_path):
    file = tmp_path / "window.json"
    file.write_bytes(content)
    assert load_login(file) == LoginValues()


def test_without_a_place_the_values_are_not_saved(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    save_login(tmp_path / "file" / "window.json", LoginValues())


def test_the_path_is_remembered_and_missing_in_earlier_files(tmp_path):
    file = tmp_path / "window.json"
    login = LoginValues("Nova", link="adaptive", channel="bsc:1e-3", udp=True)
    save_login(file, login)
    assert load_login(file) == login
    saved = json.loads(file.read_text("utf-8"))
    for key in ("link", "channel", "udp"):
        del saved[key]
    file.write_text(json.dumps(saved), "utf-8")
    assert load_login(file) == LoginValues("Nova")
