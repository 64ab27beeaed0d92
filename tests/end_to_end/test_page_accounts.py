"""Accounts on the page, in Chromium: register, log in elsewhere, change the password, log out."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.end_to_end.browsing import People, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = [needs_chromium, pytest.mark.slow]

GOOD, OTHER = "correct horse", "battery staple"


@pytest.fixture(params=["optional"])
def people(request, chromium):
    accounts, *more = request.param.split()
    with Server("--ephemeral", "--web", "--web-port", "0", "--accounts", accounts, *more) as server:
        group = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
        yield group
        group.go_home()


def fill(person, **fields):
    for name, value in fields.items():
        person.page.fill(f"#account-{name}", value)
    person.page.click("#account-submit")


def test_register_and_continue_on_another_device(people):
    nova = people.new()
    code = nova.enter("Nova")
    nova.page.click("#account-open")
    assert nova.page.get_attribute("#account-name", "autocomplete") == "username"
    assert nova.page.get_attribute("#account-new", "autocomplete") == "new-password"
    assert nova.page.get_attribute("#account-password", "autocomplete") == "current-password"
    fill(nova, new="short")
    expect(nova.page.locator("#account-problem")).to_contain_text("at least 8 characters")
    fill(nova, new=GOOD)
    expect(nova.page.locator("#toasts")).to_contain_text("Nova is registered")
    nova.say("from the desk")
    nova.sees("from the desk")

    phone = people.new(f"/r/{code.replace('-', '')}", phone=True)
    phone.page.fill("#home-name", "nova")
    phone.page.click("#home-join")
    expect(phone.page.locator("#account-title")).to_have_text("Log in")
    expect(phone.page.locator("#account-problem")).to_contain_text("registered")
    fill(phone, password="a wrong one")
    expect(phone.page.locator("#account-problem")).to_contain_text("wrong")
    fill(phone, password=GOOD)
    expect(phone.page.locator("#room")).to_be_visible()
    phone.online()
    phone.say("from the phone")
    phone.sees("from the phone")
    expect(nova.page.locator("#ended")).to_be_visible()

    # The password is in no frame that the page shows, and in no field that it keeps.
    phone.page.reload()
    phone.ready()
    phone.online()
    phone.sees("from the phone")
    assert GOOD not in phone.page.content()
    assert GOOD not in str(phone.page.evaluate("JSON.stringify({...localStorage})"))


def test_change_the_password_and_log_out(people):
    nova = people.new()
    nova.enter("Nova")
    nova.tool("hood-open")
    nova.say("/register")
    fill(nova, new=GOOD)
    expect(nova.page.locator("#toasts")).to_contain_text("registered")
    expect(nova.page.locator("#frames")).to_contain_text("REGISTER")
    nova.page.locator("#frames li", has_text="REGISTER").click()
    expect(nova.page.locator("#frame")).to_contain_text("hidden (secret)")
    assert GOOD not in nova.page.inner_text("#frame")
    nova.say("/passwd")
    fill(nova, password="not the one", new=OTHER)
    expect(nova.page.locator("#account-problem")).to_contain_text("wrong")
    fill(nova, password=GOOD, new=OTHER)
    expect(nova.page.locator("#toasts")).to_contain_text("password is changed")
    nova.page.click("#account-open")
    expect(nova.page.locator("#account-own")).to_contain_text("owner")
    nova.page.click("#account-logout-all")
    expect(nova.page.locator("#home")).to_be_visible()
    nova.page.fill("#home-name", "Nova")
    nova.page.click("#home-lobby")
    expect(nova.page.locator("#account-problem")).to_contain_text("registered")
    fill(nova, password=OTHER)
    expect(nova.page.locator("#room")).to_be_visible()


@pytest.mark.parametrize("people", ["required"], indirect=True)
def test_a_server_that_requires_accounts(people):
    maya = people.new()
    maya.page.fill("#home-name", "Maya")
    maya.page.click("#home-create")
    expect(maya.page.locator("#account-problem")).to_contain_text("only registered users")
    maya.page.click("#account-other")
    fill(maya, new=GOOD)
    expect(maya.page.locator("#room")).to_be_visible()
    maya.say("hello")
    maya.sees("hello")


def test_registering_instead_of_logging_in_takes_another_name(people):
    nova = people.new()
    code = nova.enter("Nova")
    nova.say("/register")
    fill(nova, new=GOOD)
    expect(nova.page.locator("#toasts")).to_contain_text("registered")
    other = people.new(f"/r/{code.replace('-', '')}")
    other.page.fill("#home-name", "nova")
    other.page.click("#home-join")
    expect(other.page.locator("#account-title")).to_have_text("Log in")
    other.page.click("#account-other")
    name = other.page.locator("#account-name")
    expect(name).to_have_value("nova2")
    expect(other.page.locator("#account-invitation-field")).to_be_hidden()  # the server needs none
    fill(other, new=OTHER)
    nova.sees("nova2 joined")


@pytest.mark.parametrize("people", ["optional --registration invitation"], indirect=True)
def test_the_field_for_an_invitation_appears_once_it_is_needed(people):
    nova = people.new()
    nova.enter("Nova")
    nova.page.click("#account-open")
    field = nova.page.locator("#account-invitation")
    expect(field).to_be_hidden()
    fill(nova, new=GOOD)
    expect(nova.page.locator("#account-problem")).to_contain_text("needs an invitation")
    expect(field).to_be_focused()
    assert nova.page.input_value("#account-new") == GOOD  # it need not be typed again
    fill(nova, invitation="7K3F-92MQ-0TAB-XY5Z")
    expect(nova.page.locator("#account-problem")).to_contain_text("not valid")
