"""Keys of a device: what is bound to what, and what opens."""

import pytest

from netchat.chat.sealing.device_key import DeviceKey, check_bundle, wrap
from netchat.chat.sealing.epoch_keys import EpochKeys
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.safety import pair_number, room_number
from netchat.errors import SealingError


def test_a_wrap_opens_on_its_device_and_for_its_purpose_only():
    device, other = DeviceKey(), DeviceKey()
    enc, sealed = wrap(b"secret", device.keys, b"purpose")
    assert device.unwrap(enc, sealed, b"purpose") == b"secret"
    for key, info in ((other, b"purpose"), (device, b"other")):
        with pytest.raises(SealingError):
            key.unwrap(enc, sealed, info)
    with pytest.raises(SealingError):
        device.unwrap(b"", b"", b"purpose")


def test_a_key_of_small_order_is_refused():
    with pytest.raises(SealingError):
        wrap(b"secret", bytes(64), b"")


def test_both_keys_of_a_bundle_are_bound():
    device, other = DeviceKey(), DeviceKey()
    assert check_bundle(device.bundle) == device.keys
    mixed = device.bundle[:32] + other.bundle[32:64] + device.bundle[64:]
    for bad in (mixed, device.bundle[:-1], b""):
        with pytest.raises(SealingError):
            check_bundle(bad)
    assert DeviceKey(device.seed).keys == device.keys
    with pytest.raises(ValueError, match="must have 64 bytes, got 1"):
        DeviceKey(b"x")


def test_the_number_of_cached_ciphers_is_bounded():
    keys = EpochKeys(bytes(16), 1, 1)
    for number in range(1030):
        keys.cipher(number.to_bytes(64, "big"))
    assert len(keys._ciphers) < 1024
    with pytest.raises(ValueError, match="must have 16 bytes, got 0"):
        EpochKeys(b"", 1, 1)


def test_safety_numbers_are_the_same_on_both_sides_and_depend_on_all_keys():
    one, two, three = (DeviceKey().keys for _ in range(3))
    assert pair_number(one, two) == pair_number(two, one) != pair_number(one, three)
    number = room_number(1, 1, b"c", [one, two])
    assert number == room_number(1, 1, b"c", [two, one])
    others = [room_number(1, 1, b"c", [one]), room_number(1, 2, b"c", [one, two])]
    assert number not in others
    assert len(number.code) == 60
    assert number.digits.split() == [number.code[at : at + 5] for at in range(0, 60, 5)]
    assert len(number.words.split()) == 12


def test_pins_remember_keys_by_name():
    pins = Pins()
    assert pins.check("Ann", b"1")
    assert pins.check("ann", b"1"), "in any case"
    pins.mark_verified("Ann")
    pins.mark_verified("Unknown")
    pins.rename("Ann", "Anna")
    pins.rename("Ann", "Anna")
    pins.rename("Unknown", "Other")
    assert pins.is_verified("Anna")
    assert not pins.check("Ann", b"2")
    assert not pins.is_verified("Ann")
    again = Pins(pins.dump())
    assert (again.get("Anna"), again.get("Ann"), again.get("Other")) == (b"1", b"2", None)
    assert again.is_verified("Anna")
    again.forget("Anna")
    assert again.get("Anna") is None
