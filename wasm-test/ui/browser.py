"""A person in front of the Web UI: a real Chromium, a fresh profile for each person, and only what a person can do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import parts
from harness.poll import PATIENCE, until
from harness.web_ui import WebUi
from servers import Person

parts.use_driver()
from playwright.sync_api import Error, Locator, Page, Request, expect, sync_playwright  # noqa: E402

# The driver waits this long for what must appear, in milliseconds.
TIMEOUT = 20000 * PATIENCE
QUIET = 0.8

expect.set_options(timeout=TIMEOUT)


class Browser:
    """One Chromium. `with Browser() as browser:`"""

    def __enter__(self) -> Self:
        self._driver = sync_playwright().start()
        # It runs nothing but pages of this machine, and root has no sandbox.
        self._chromium = self._driver.chromium.launch(executable_path=parts.chromium(), args=["--no-sandbox"])
        return self

    def __exit__(self, *_: object) -> None:
        self._chromium.close()
        self._driver.stop()

    def visitor(self, web_ui: WebUi) -> Visitor:
        """Somebody whose browser knows nothing yet."""
        context = self._chromium.new_context(viewport={"width": 1280, "height": 720}, base_url=web_ui.address)
        context.set_default_timeout(TIMEOUT)
        return Visitor(context.new_page(), web_ui.address)


class Visitor:
    """A window of the browser, with the requests that it makes."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self._address = page, address
        self.statuses: list[tuple[int, str]] = []
        self._open: set[Request] = set()
        self._last = time.monotonic()
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("response", lambda response: self.statuses.append((response.status, _path(response.url))))

    # -- what a person does

    def visits(self, path: str) -> None:
        """Follows a link from outside."""
        self.page.goto(path)
        self.settle()

    def logs_in(self, name: str, person: Person) -> None:
        """From the Web UI's login page through the provider's."""
        self.continues_to_sso()
        self.page.get_by_label(re.compile(r"^\s*(Name|Username or email)\s*$")).fill(name)
        self.page.locator("input[type=password]").fill(person.password)
        self.page.get_by_role("button", name=re.compile("^(Log|Sign) in$", re.IGNORECASE)).click()
        self.page.wait_for_url(lambda url: url.startswith(self._address) and not _path(url).startswith("/auth/"))
        self.settle()

    def continues_to_sso(self) -> None:
        self.page.get_by_test_id("login-button").click()
        self.page.wait_for_url(lambda url: urlsplit(url).path != "/login")
        self.settle()

    def clicks(self, target: str | Locator) -> None:
        """Clicks what is visible of this: a locator, or a link or button by its text."""
        if isinstance(target, str):
            link, button = self.page.get_by_role("link", name=target), self.page.get_by_role("button", name=target)
            target = link.or_(button)
        visible(target).first.click()
        self.settle()

    def opens(self, entry: str) -> None:
        """Clicks an entry of the side bar, by its test id."""
        self.clicks(self.page.get_by_test_id(entry).get_by_role("link"))

    def picks(self, namespace: str) -> None:
        """Picks a namespace from the switcher or the picker."""
        self._open_switcher()
        visible(self.page.get_by_role("option", name=namespace, exact=True)).first.click()
        self.settle()

    def fills(self, test_id: str, text: str) -> None:
        visible(self.page.get_by_test_id(test_id)).first.fill(text)

    def confirms(self) -> None:
        """Confirms the dialog that is open."""
        self.clicks(self.page.get_by_test_id("confirm-modal-button"))

    # -- what a person sees

    @property
    def path(self) -> str:
        """Where the person is: the address without its query."""
        return _path(self.page.url)

    def is_at_login(self) -> bool:
        return self.path == "/login"

    def choice(self) -> list[str]:
        """The namespaces that the switcher or the picker lists."""
        self._open_switcher()
        options = [option.inner_text().strip() for option in visible(self.page.get_by_role("option")).all()]
        self.page.keyboard.press("Escape")
        return options

    def _open_switcher(self) -> None:
        # On the page for choosing, there is a picker as well.
        self.page.locator("#namespace-switcher").last.click()
        self.settle()

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(visible(self.page.get_by_text(text)).first).to_be_visible()

    def reads(self, label: str, text: str) -> None:
        """In a text box that has this label."""
        expect(visible(self.page.get_by_role("textbox", name=label))).to_contain_text(text)

    def has_dialog(self) -> bool:
        return self.page.locator("dialog[open]").count() > 0

    def text(self) -> str:
        """What the page shows. Empty while one page follows another."""
        try:
            return str(self.page.evaluate("document.body?.innerText ?? ''"))
        except Error:
            return ""

    def picture(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)

    def settle(self) -> None:
        """Waits until the page asks for nothing more, long polls aside, and shows the same as before."""
        self.page.wait_for_load_state("load")
        seen = ""

        def is_quiet() -> bool:
            nonlocal seen
            # Events of the driver arrive only while it is asked something.
            self.page.wait_for_timeout(50)
            # Clocks tick on some pages.
            now = f"{_path(self.page.url)} {re.sub('[0-9]+', '', self.text())}"
            if now != seen or self._open:
                seen, self._last = now, time.monotonic()
            # A page is empty before its program has run.
            return bool(now.split(maxsplit=1)[1:]) and time.monotonic() - self._last > QUIET

        until(is_quiet, 40, f"{self.path} to be quiet: {[request.url for request in self._open]}")

    def eventually(self, condition: Callable[[], bool], what: str) -> None:
        def probe() -> bool:
            self.page.wait_for_timeout(50)
            return condition()

        until(probe, 10, f"{what}; at {self.path}")

    def close(self) -> None:
        self.page.context.close()

    # -- events

    def _asked(self, request: Request) -> None:
        self._last = time.monotonic()
        if not _waits(request.url):
            self._open.add(request)

    def _answered(self, request: Request) -> None:
        self._last = time.monotonic()
        self._open.discard(request)


def visible(locator: Locator) -> Locator:
    return locator.locator("visible=true")


def _path(url: str) -> str:
    return urlsplit(url).path


def _waits(url: str) -> bool:
    """Whether the request is one of the long polls of a workflow's page."""
    return "waitNewEvent=true" in url
