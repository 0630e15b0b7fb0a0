"""Tokens of an issuer whose keys are in the filter's configuration, so no server is needed."""

from __future__ import annotations

from typing import Any

from . import jws


class Minter:
    """An issuer's name and keys. `config` is its entry under `issuers`."""

    def __init__(self, url: str = "https://corp.test/", keys: list[jws.Key] | None = None) -> None:
        self._url = url
        self.keys: list[jws.Key] = keys if keys is not None else [jws.shared_key("RS256")]

    @property
    def url(self) -> str:
        """The value of `iss`."""
        return self._url

    def claims(self, subject: str = "alice", **members: Any) -> dict[str, Any]:
        """Valid claims for the audience `temporal`; a member that is None is left out."""
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": subject,
            "aud": "temporal",
            "iat": jws.now(),
            "exp": jws.now() + 3600,
        }
        claims |= members
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, subject: str = "alice", *, key: jws.Key | None = None, **members: Any) -> str:
        return jws.token(key or self.keys[0], self.claims(subject, **members))

    def key(self, alg: str) -> jws.Key:
        return next(key for key in self.keys if key.alg == alg)

    def config(self, **members: Any) -> dict[str, Any]:
        """Inline keys, and every algorithm of these keys; `members` replace members, or remove them if None."""
        config: dict[str, Any] = {
            "issuer": self.url,
            "audiences": ["temporal"],
            "keys": {"inline": {"keys": [key.jwk() for key in self.keys]}},
            "algorithms": sorted({key.alg for key in self.keys}),
        } | members
        return {name: value for name, value in config.items() if value is not None}
