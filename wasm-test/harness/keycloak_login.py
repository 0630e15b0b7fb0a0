"""A person at the pages of a Keycloak, without a browser: login, consent, and the page for devices."""

from __future__ import annotations

import html
import json
import re
import urllib.parse
import urllib.request
from email.message import Message
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, Any

from .keycloak import CLI, Keycloak

_FORM = re.compile(r'<form[^>]*?action="([^"]*)"')


class Visitor:
    def __init__(self, keycloak: Keycloak, name: str, password: str) -> None:
        self._keycloak, self._name, self._password = keycloak, name, password
        # Keycloak takes loopback for a secure place, as browsers do.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), _Redirects)

    def logs_in(self, client: str, secret: str, callback: str, scope: str = "openid") -> dict[str, Any]:
        """The tokens of a client that gets them by the authorization code flow."""
        query = {"client_id": client, "redirect_uri": callback, "response_type": "code", "scope": scope}
        arrived = self._goes_through(f"{self._keycloak.oidc}/auth?{urllib.parse.urlencode(query)}", callback)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(arrived).query)["code"][0]
        return self._keycloak.token(
            client, client_secret=secret, grant_type="authorization_code", code=code, redirect_uri=callback
        )

    def confirms_device(self, address: str) -> None:
        """Follows the link that a device shows, and agrees."""
        self._goes_through(address, f"{self._keycloak.issuer}/device/status")

    def token_by_device(self, client: str = CLI, **form: str) -> str:
        data = urllib.parse.urlencode({"client_id": client} | form).encode()
        with urllib.request.urlopen(f"{self._keycloak.oidc}/auth/device", data, timeout=60) as response:
            device = json.load(response)
        self.confirms_device(device["verification_uri_complete"])
        answer = self._keycloak.token(
            client, grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=device["device_code"]
        )
        return str(answer["access_token"])

    def _goes_through(self, address: str, end: str) -> str:
        """Fills in each form that comes, until a redirect leads to `end`."""
        data: bytes | None = None
        for _ in range(5):
            try:
                with self._opener.open(_Request(address, data, end), timeout=60) as response:
                    page = response.read().decode()
            except _Arrived as arrived:
                return arrived.address
            form = _FORM.search(page)
            assert form, page
            address = urllib.parse.urljoin(response.url, html.unescape(form[1]))
            fields = {"username": self._name, "password": self._password} if 'name="password"' in page else {"accept": "Yes"}
            data = urllib.parse.urlencode(_hidden(page) | fields).encode()
        raise AssertionError(f"{self._name} never came to {end}: {page}")


def _hidden(page: str) -> dict[str, str]:
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in inputs}


class _Request(urllib.request.Request):
    def __init__(self, address: str, data: bytes | None, end: str) -> None:
        super().__init__(address, data)
        self.end = end


class _Arrived(Exception):
    def __init__(self, address: str) -> None:
        self.address = address


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Stops before the address that a person was to come to: nobody listens there."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        assert isinstance(req, _Request)
        if newurl.startswith(req.end):
            raise _Arrived(newurl)
        return _Request(newurl, None, req.end)
