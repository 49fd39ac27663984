"""Commands, processes and signals of the machine this runs on."""

import contextlib
import os
import re
import signal
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = f"cvb{os.getpid()}"  # begins the name of everything that is made here
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something that a contestant or a tool did not do; names it."""


def run(*command, check=True, timeout=60):
    try:
        done = subprocess.run(
            command, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(command)} did not end within {timeout} s") from None
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def end_by_signal():
    """Lets the signals that end a program unwind it; later ones find it cleaning up already."""

    def stop(number, _frame):
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for ending in ENDINGS:
        signal.signal(ending, stop)


@contextlib.contextmanager
def undisturbed():
    """Holds back the ending signals, so that a clean-up is finished."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end(process, patience=5):
    """Ends a child of ours, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def of_session(session):
    """The processes of a session: a daemon and whatever it started. Gives (pid, CPU seconds)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                # The name may hold spaces and brackets; fields 3 and up follow it.
                fields = file.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            yield int(pid), (int(fields[11]) + int(fields[12])) / TICKS


def cpu_seconds(session):
    return sum(seconds for _, seconds in of_session(session))


def peak_mebibytes(session):
    return sum(peak_of(pid) for pid, _ in of_session(session))


def peak_of(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(found.group(1)) / 1024 if found else 0.0


def machine():
    """Conditions of the figures, for the charts' captions."""
    with open("/proc/cpuinfo") as file:
        name = re.search(r"model name\s*:\s*(.*)", file.read())
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "processor": name.group(1).strip() if name else os.uname().machine,
        "kernel": f"Linux {os.uname().release.split('-')[0]}",
    }
