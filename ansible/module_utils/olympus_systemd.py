# What both of our modules ask systemd.

from __future__ import annotations

import os
import time

RUNNING = ("active", "activating", "reloading")

# systemctl waits 25 s for systemd, which a busy machine, an emulated one above all, may keep from answering.
UNANSWERED = "timed out"
TIMES_ASKED = 4


def ask_systemd(module, *words):
    """What systemctl ends with and says. Asked again while systemd does not answer it: each verb may be said twice."""
    for _time in range(TIMES_ASKED):
        code, out, err = module.run_command(["systemctl", *words])
        if code == 0 or UNANSWERED not in err:
            break
    return code, out, err.strip()


def show(module, unit, *names):
    """The properties of a unit as `systemctl show` prints them, and why there are none."""
    code, out, err = ask_systemd(module, "show", unit, "--property", ",".join(names))
    return (dict(line.split("=", 1) for line in out.splitlines() if "=" in line), "") if code == 0 else ({}, err)


def properties_of(module, unit, *names):
    """The same; empty where there is no systemd. One that does not answer is a failure."""
    properties, err = show(module, unit, *names)
    if UNANSWERED in err:
        module.fail_json(msg="%s: systemd did not answer, %d times: %s" % (unit, TIMES_ASKED, err))
    return properties


def runs(module, unit):
    return properties_of(module, unit, "ActiveState").get("ActiveState") in RUNNING


def stale_units(module, inputs, changed):
    """Also those that a run which was cut short left running with what they had read before."""
    stale = set()
    for unit in sorted({item["read_by"] for item in inputs if item["read_by"]}):
        paths = [item["path"] for item in inputs if item["read_by"] == unit]
        if any(path in changed for path in paths) or runs_since_before(module, unit, paths):
            stale.add(unit)
    return sorted(stale)


def runs_since_before(module, unit, paths):
    values = properties_of(module, unit, "ActiveState", "ExecMainStartTimestampMonotonic", "NeedDaemonReload")
    if values.get("ActiveState") != "active":
        return False
    if values.get("NeedDaemonReload") == "yes":
        return True
    # Against the monotonic clock: an emulated machine may step its wall clock after it has started the unit.
    running_for = time.clock_gettime(time.CLOCK_MONOTONIC) - int(values["ExecMainStartTimestampMonotonic"]) / 1e6
    now = time.time()
    changed_at = [os.lstat(path).st_ctime for path in paths if os.path.lexists(path)]
    return any(now - running_for < at <= now for at in changed_at)
