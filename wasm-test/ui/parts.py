"""Where `scripts/ui.sh` puts what these tests run."""

from __future__ import annotations

import os
import shutil
import sys

from harness import paths

DRIVER = paths.UI / "python"
IDP = paths.ROOT / "demo" / "idp" / "idp.mjs"
DEMO_WORKER = paths.ROOT / "demo" / "worker.py"


def chromium() -> str | None:
    names = (os.environ.get("CHROMIUM", "chromium"), "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def missing() -> list[str]:
    """What is not there. Keycloak may be missing: its tests are skipped then."""
    needed = {str(paths.WEB_UI): paths.WEB_UI.exists(), str(DRIVER): DRIVER.exists(), "chromium": chromium() is not None}
    return [name for name, is_there in needed.items() if not is_there]


def use_driver() -> None:
    """Puts the driver of the browser on Python's path: it is not among the packages of the other tests."""
    sys.path.append(str(DRIVER))
