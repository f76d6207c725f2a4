"""A real browser without a window, driven over a pipe by the DevTools protocol: no driver, no port, no library."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
SECONDS = 120
"""A browser lives; one that does not answer meanwhile has failed."""


def browser() -> str | None:
    """Path of a Chromium, None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """An open page."""

    def __init__(self, process: subprocess.Popen, commands: int, answers: int):
        self._process, self._commands, self._answers = process, commands, answers
        self._number, self._read, self._session = 0, b"", None
        self.events: list[dict[str, Any]] = []
        """What the browser said unasked."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.resize(1280, 1000)

    def ask(self, method: str, **parameters: Any) -> Any:
        """The result of a command; RuntimeError where the browser refuses it."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (answer := self._message()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def resize(self, width: int, height: int) -> None:
        """Gives the page so many pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, page: Path) -> None:
        """Opens a file and waits until everything in it is loaded."""
        self.ask("Page.navigate", url=page.absolute().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message())

    def value(self, script: str) -> Any:
        """What an expression gives; RuntimeError where it raises."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Presses a key and lets it go. `code`: as KeyboardEvent.keyCode."""
        pressed = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **pressed)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def drag(self, *places: tuple[float, float]) -> None:
        """Presses the mouse at the first place and lets it go at the last one."""
        button = {"button": "left", "buttons": 1, "clickCount": 1}
        for kind, (x, y) in zip(["mousePressed", *["mouseMoved"] * (len(places) - 1)], places, strict=True):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", x=places[-1][0], y=places[-1][1], **button)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            part = os.read(self._answers, 1 << 20)
            if not part:
                raise RuntimeError(f"the browser has ended with {self._process.poll()}")
            self._read += part
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)


@contextlib.contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """A page of a browser that is started for it and ended after it. `profile`: an empty folder for its files."""
    program = browser()
    assert program is not None
    ends = [_high(end) for pipe in (os.pipe(), os.pipe()) for end in pipe]
    commands, to_browser, from_browser, answers = ends
    # The browser reads commands from file 3 and answers on file 4.
    shell = f'exec 3<&{commands} 4>&{answers}; exec "$0" "$@"'
    words = ["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
    words += [f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *words, "about:blank"],
        pass_fds=(commands, answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(answers)
    end = threading.Timer(SECONDS, process.kill)
    end.start()
    try:
        yield Tab(process, to_browser, from_browser)
    finally:
        end.cancel()
        process.kill()
        process.wait()
        os.close(to_browser)
        os.close(from_browser)


def _high(end: int) -> int:
    """The same end of a pipe under a number that is in nobody's way."""
    high = fcntl.fcntl(end, fcntl.F_DUPFD, 64)
    os.close(end)
    return high
