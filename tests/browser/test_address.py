"""The address in a real browser: Back and Forward lead through the states of the page, and out of the app."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

OpenApp = Callable[..., None]


def test_back_and_forward_show_what_their_addresses_say(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?text=abc&unit=2")
    box = page.get_by_role("textbox", name="Sequence")
    box.fill("abcd")
    page.wait_for_url("**text=abcd&**")
    page.get_by_role("slider", name="Units").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**hidden_size=7&**")
    page.go_back()
    expect(page.get_by_role("slider", name="Units")).to_have_value("8")
    expect(box).to_have_value("abcd")
    page.go_back()
    expect(box).to_have_value("abc")
    expect(page.locator(".ribbon .token")).to_have_count(3)
    page.go_forward()
    expect(box).to_have_value("abcd")
    page.go_forward()
    expect(page.get_by_role("slider", name="Units")).to_have_value("7")
    assert "hidden_size=7&" in page.url


def test_back_leads_out_of_the_app(page: Page, open_app: OpenApp, server: object) -> None:
    page.goto("about:blank")
    open_app(page)
    page.wait_for_url("**text=hello**")
    page.go_back()
    page.wait_for_url(f"{server}/")
    page.wait_for_timeout(1000)
    assert page.url == f"{server}/"
    page.go_back()
    page.wait_for_url("about:blank")
