"""Makes `.venv` and installs the locked packages: wheels only, each checked against its hash.

Run by the Makefile with whatever Python the machine has, so it uses the standard library only.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOCKS = {"runtime": "requirements.txt", "dev": "requirements-dev.txt"}
CURE_FOR_VENV = "Cure: install the venv module of this Python (on Debian and Ubuntu: apt install python3-venv)."


def main(kind: str) -> None:
    """Bring the environment up to date for running ("runtime") or developing ("dev")."""
    lock = PROJECT / "config" / LOCKS[kind]
    python = VENV / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        say(f"Making .venv with Python {sys.version.split()[0]}")
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
        if made.returncode:
            sys.exit(f"{made.stdout}{made.stderr}\n{CURE_FOR_VENV}")
    install(python, lock)
    if kind == "dev":
        (VENV / "runtime.stamp").touch()
    (VENV / f"{kind}.stamp").touch()


def install(python: Path, lock: Path) -> None:
    """Install a lock file, counting the packages."""
    total = len(re.findall(r"^[A-Za-z0-9._-]+==", lock.read_text(), flags=re.MULTILINE))
    say(f"Installing up to {total} packages from {lock.relative_to(PROJECT)}")
    command: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        lock,
    ]
    began, seen, output = time.monotonic(), 0, []
    with subprocess.Popen(
        [*command, "--disable-pip-version-check", "--no-input", "--progress-bar", "off"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            output.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                show_progress(seen, total)
            elif line.startswith("Installing collected"):
                say(f"\n  unpacking, {time.monotonic() - began:.0f} s so far")
    if pip.returncode:
        sys.exit("".join(output[-40:]) + "\nThe packages could not be installed; pip's last words are above.")
    say(f"  done in {time.monotonic() - began:.0f} s")


def show_progress(seen: int, total: int) -> None:
    """One line that counts on a terminal; every twentieth package elsewhere."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r  {seen} of {total} ")
    elif seen % 20 == 0:
        sys.stdout.write(f"  {seen} of {total}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell the person at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
