#!/usr/bin/python3
"""Switches this machine's network to what the module olympus_bridge planned, and back unless somebody logs in anew.

The network changes first and the file in /etc last, when `confirm` was run: a power cut before that undoes it, and so
does --seconds without a `confirm`, or a command that fails.

  begin     starts, and answers when the network is switched, which may be when it is back to what it was
  confirm   keeps it, by a login that came after the switch; answers when it is kept
  outcome   what became of it
  recover   undoes what a switch left that was killed
"""

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

RUN = "/run/olympus-bridge"
MADE = "/var/lib/olympus-bridge/made.json"
COMMAND_SECONDS = 45
ENDING_SECONDS = 120
STARTING_SECONDS = 10


class Failure(Exception):
    """A sentence."""


def at(name):
    return os.path.join(RUN, name)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text, like=None):
    """At once or not at all; with the owner and mode of `like`, or for root alone."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    part = path + ".part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if like and os.path.exists(like):
            found = os.stat(like)
            os.fchmod(file.fileno(), found.st_mode & 0o7777)
            os.fchown(file.fileno(), found.st_uid, found.st_gid)
        file.flush()
        os.fsync(file.fileno())
    os.rename(part, path)


def remove(path):
    if os.path.exists(path):
        os.remove(path)


def call(*command):
    # No pipe: what a command leaves running would hold it open.
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  timeout=COMMAND_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise Failure("%s took more than %d s." % (" ".join(command), COMMAND_SECONDS)) from None
        output.seek(0)
        said = output.read().strip().splitlines() or ["exit code %d" % done.returncode]
    if done.returncode:
        raise Failure("%s: %s." % (" ".join(command), " ".join(said[-3:]).rstrip(".")))


def shadow(plan):
    """A file there goes before the one of the same name in /etc, until the machine restarts."""
    return os.path.join("/run/netplan", os.path.basename(plan["path"]))


def bring(plan, text_from, text_to, back):
    """Takes the running network from one text to the other; neither has to be in /etc."""
    bridge, port = plan["bridge"], plan["port"]
    if plan["stack"] == "ifupdown":
        write(at("from"), text_from)
        write(at("to"), text_to)
        down, up = (bridge, port) if back else (port, bridge)
        try:
            call("ifdown", "--force", "-i", at("from"), down)
        except Failure:
            pass  # What is only half up is down afterwards, whatever it says.
        drop(bridge, back)
        call("ifup", "--force", "-i", at("to"), up)
        return
    if text_to == read(plan["path"]):
        remove(shadow(plan))
    else:
        write(shadow(plan), text_to)
    call("netplan", "apply")
    drop(bridge, back)


def drop(bridge, back):
    """No tool takes away a bridge that is no longer configured."""
    if back and os.path.exists("/sys/class/net/" + bridge):
        call("ip", "link", "delete", "dev", bridge)


def remember(device):
    """What the device has now, for the case that its tool cannot bring it back."""
    for what in ("address", "route"):
        with open(at(what), "wb") as file:
            subprocess.run(["ip", "-4", what, "save", "dev", device], stdout=file, timeout=COMMAND_SECONDS, check=False)


def put_back(device):
    call("ip", "link", "set", "dev", device, "up")
    for what in ("address", "route"):
        with open(at(what), "rb") as file:
            subprocess.run(["ip", "-4", what, "restore"], stdin=file, capture_output=True, timeout=COMMAND_SECONDS,
                           check=False)  # What is there already is no failure.


def keep(plan):
    if not plan["back"]:
        # First: whoever finds this beside a file that is as it was knows that the machine went down in between.
        write(MADE, json.dumps({key: plan[key] for key in ("stack", "bridge", "port", "path", "before", "after")}))
    write(plan["path"], plan["after"], like=plan["path"])
    remove(shadow(plan))
    if plan["back"]:
        shutil.rmtree(os.path.dirname(MADE))


def end(kept, why):
    write(at("outcome"), json.dumps({"kept": kept, "why": why}))


def device_before(plan):
    return plan["bridge" if plan["back"] else "port"]


def go_back(plan, why):
    """Answers what became of it, in a sentence, and whether the network is as it was before."""
    whole = False
    try:
        bring(plan, plan["after"], plan["before"], not plan["back"])
        whole, became = True, "It is as it was before."
    except (Failure, OSError) as error:
        try:
            if not plan["back"]:
                drop(plan["bridge"], True)
            put_back(device_before(plan))
            became = "Only its addresses and routes are back, for going back failed, too: %s" % error
        except (Failure, OSError) as worse:
            became = "Going back failed, too, and the machine may not be reached: %s %s" % (error, worse)
    said = "%s %s" % (why, became)
    end(False, said)
    return whole, said


def run(seconds):
    """The switch itself, in a process that no login ends."""
    with open(at("lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        plan = json.loads(read(at("begun")))
        remember(device_before(plan))
        try:
            bring(plan, plan["before"], plan["after"], plan["back"])
        except (Failure, OSError) as error:
            go_back(plan, str(error))
            return
        write(at("switched"), "")
        until = time.monotonic() + seconds
        while not os.path.exists(at("confirmed")):
            if time.monotonic() > until:
                go_back(plan, "Nobody could log in for %d s." % seconds)
                return
            time.sleep(0.2)  # then looks again: no more than a file tells it
        try:
            keep(plan)
        except OSError as error:
            go_back(plan, "%s could not be written: %s." % (plan["path"], error))
            return
        end(True, "")


def begin(seconds):
    for name in ("switched", "confirmed", "outcome"):
        remove(at(name))
    os.rename(at("plan"), at("begun"))
    shutil.copy(__file__, at("program"))  # The one that runs now goes with the login.
    command = [sys.executable, at("program"), "run", "--seconds", str(seconds)]
    if os.path.isdir("/run/systemd/system"):
        call("systemd-run", "--collect", "--quiet", "--unit=olympus-bridge",
             "--property=KillMode=process", *command)  # A DHCP client that ifup starts goes on.
    else:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True)
    await_one_of(seconds, "switched", "outcome")


def await_one_of(seconds, *names):
    begun = time.monotonic()
    while not any(os.path.exists(at(name)) for name in names):
        waited = time.monotonic() - begun
        if waited > seconds + ENDING_SECONDS or (waited > STARTING_SECONDS and not is_running()):
            raise Failure("It was begun, and has not ended well: see journalctl -u olympus-bridge there.")
        time.sleep(0.2)  # then looks again: no more than a file tells it


def confirm(seconds):
    if not os.path.exists(at("switched")) and not os.path.exists(at("outcome")):
        raise Failure("This login is from before the switch, and says nothing about the network after it.")
    write(at("confirmed"), "")
    outcome(seconds)


def outcome(seconds):
    await_one_of(seconds, "outcome")
    text = read(at("outcome"))
    print(text)
    if not json.loads(text)["kept"]:
        sys.exit(1)


def is_running():
    with open(at("lock"), "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def recover(_seconds):
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    with open(at("lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("Another switch of the network is under way on this machine.") from None
        plan = json.loads(read(at("begun")) or "null")
        if not plan or os.path.exists(at("outcome")):
            return
        if read(plan["path"]) == plan["after"]:
            remove(shadow(plan))
            end(True, "")  # It was killed at its very end.
            return
        whole, said = go_back(plan, "The switch was killed.")
        if not whole:
            raise Failure(said)
        print("went back")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = {"begin": begin, "confirm": confirm, "outcome": outcome, "recover": recover, "run": run}
    parser.add_argument("command", choices=sorted(commands))
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    try:
        commands[given.command](given.seconds)
    except Failure as failure:
        sys.exit(str(failure))


main()
