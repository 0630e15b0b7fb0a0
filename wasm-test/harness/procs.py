"""Child processes that are stopped whatever happens to this process.

Each child leads its own process group and is stopped by that group's id: at the end of a `with`, at
interpreter exit, on SIGTERM and SIGINT, and (on Linux) by the kernel when this process is killed.
"""

from __future__ import annotations

import atexit
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from .poll import PATIENCE

_running: dict[int, Process] = {}
_installed = False


class NotReady(RuntimeError):
    """A process ended, or did not answer its probe in time. The message carries the end of its log."""


class Server(ABC):
    """A server that a test starts and stops: `with Envoy(...) as envoy:`. It is stopped even if it does not come up."""

    @abstractmethod
    def start(self) -> Self: ...

    @abstractmethod
    def stop(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()


class Process:
    """One child process with a log file."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.argv = [os.fspath(a) for a in argv]
        self.log = log
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self.name} was not started"
        return self._popen.pid

    @property
    def resident(self) -> int:
        """Bytes of memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def start(self) -> Process:
        _install_exit_paths()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._popen = _spawner.spawn(self.argv, self.log, self._env, self._cwd)
        _running[self.pid] = self
        return self

    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def wait_ready(self, probe: Callable[[], bool], timeout: float = 30.0) -> Process:
        """Polls `probe` (which may raise OSError) until it is true."""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            if not self.alive():
                raise NotReady(f"{self.name} ended with {self._popen and self._popen.returncode}:\n{self.log_tail()}")
            try:
                if probe():
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise NotReady(f"{self.name} was not ready within {timeout * PATIENCE:.0f} s:\n{self.log_tail()}")

    def wait(self, timeout: float) -> int:
        """Waits for the process to end by itself; returns its exit code."""
        assert self._popen is not None
        return self._popen.wait(timeout)

    def stop(self, patience: float = 5.0) -> None:
        """Sends SIGTERM to the group, then SIGKILL to the processes that are left."""
        if self._popen is None:
            return
        group = self._popen.pid
        _signal_group(group, signal.SIGTERM)
        try:
            self._popen.wait(patience)
        except subprocess.TimeoutExpired:
            pass
        _signal_group(group, signal.SIGKILL)
        self._popen.wait()
        _running.pop(group, None)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def __enter__(self) -> Process:
        return self if self._popen else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def tcp_answers(port: int, host: str = "127.0.0.1") -> Callable[[], bool]:
    """A readiness probe: somebody accepts connections on the port."""

    def probe() -> bool:
        with socket.create_connection((host, port), timeout=1):
            return True

    return probe


def stop_all() -> None:
    for process in list(_running.values()):
        process.stop(patience=2.0)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def _install_exit_paths() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    atexit.register(stop_all)
    if threading.current_thread() is not threading.main_thread():
        return  # signal handlers belong to the main thread; atexit and the kernel's death signal remain

    for number in (signal.SIGTERM, signal.SIGINT):
        _chain(number)


def _chain(number: int) -> None:
    before = signal.getsignal(number)

    def handler(received: int, frame: FrameType | None) -> None:
        stop_all()
        if callable(before):
            before(received, frame)
        else:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)

    signal.signal(number, handler)


class _Spawner:
    """Starts every child from one thread that lives as long as this process.

    The kernel's parent-death signal follows the *thread* that forked: started from a short-lived thread, a
    child would be killed when that thread ends.
    """

    def __init__(self) -> None:
        self._jobs: queue.Queue[tuple[Callable[[], subprocess.Popen[bytes]], queue.Queue[object]]] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def spawn(
        self, argv: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
                self._thread.start()
        setpriv = shutil.which("setpriv")
        if setpriv:
            argv = [setpriv, "--pdeathsig", "KILL", *argv]

        def job() -> subprocess.Popen[bytes]:
            with open(log, "ab") as out:
                return subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )

        answer: queue.Queue[object] = queue.Queue()
        self._jobs.put((job, answer))
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        assert isinstance(result, subprocess.Popen)
        return result

    def _serve(self) -> None:
        while True:
            job, answer = self._jobs.get()
            try:
                answer.put(job())
            except BaseException as error:  # any exception is handed to the caller
                answer.put(error)


_spawner = _Spawner()
