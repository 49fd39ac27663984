"""A small service manager for tests: `service_manager.py FOLDER (keep|ignore) COMMAND...`.

It runs COMMAND, hears its messages on a socket in FOLDER, keeps descriptors if it is to, and runs
COMMAND again with them when it fails. It goes on after COMMAND has ended well, with all that it
keeps.
"""
# SPDX-License-Identifier: Apache-2.0
import array
import fcntl
import os
import select
import socket
import sys

FIRST = 3
FAR = 100

folder, mode, command = sys.argv[1], sys.argv[2], sys.argv[3:]
address = os.path.join(folder, "notify")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(address)
kept = []  # names and descriptors, in order


def say(text):
    print("manager: " + text, flush=True)


def start():
    child = os.fork()
    if child == 0:
        environment = dict(os.environ, NOTIFY_SOCKET=address)
        if kept:
            environment["LISTEN_PID"] = str(os.getpid())
            environment["LISTEN_FDS"] = str(len(kept))
            environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in kept)
        for i, (_, descriptor) in enumerate(kept):
            os.dup2(descriptor, FIRST + i)
        os.execvpe(command[0], command, environment)
    say("started %d with %d" % (child, len(kept)))
    return os.pidfd_open(child)


def hear():
    global kept
    message, ancillary, _, _ = notify.recvmsg(65536, socket.CMSG_SPACE(4 * 253))
    received = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(data[: len(data) - len(data) % 4])
    lines = dict(line.split("=", 1) for line in message.decode().split("\n"))
    name = lines.get("FDNAME")
    if "FDSTOREREMOVE" in lines:
        for _, descriptor in [one for one in kept if one[0] == name]:
            os.close(descriptor)
        kept = [one for one in kept if one[0] != name]
        say("keeps %d" % len(kept))
    for descriptor in received:
        if "FDSTORE" in lines and mode == "keep":
            kept.append((name, fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FAR)))
        os.close(descriptor)
    if received:
        say("keeps %d" % len(kept))


running = start()
while True:
    for ready in select.select([notify] + ([running] if running else []), [], [])[0]:
        if ready is notify:
            hear()
            continue
        result = os.waitid(os.P_PIDFD, running, os.WEXITED)
        os.close(running)
        running = None
        failed = (result.si_code, result.si_status) != (os.CLD_EXITED, 0)
        say("ended %s" % ("badly" if failed else "well"))
        if failed:
            running = start()
