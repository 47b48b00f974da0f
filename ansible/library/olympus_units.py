#!/usr/bin/python
# One process that restarts, starts and watches: in an emulated machine a task costs seconds, whatever it does.

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.olympus_systemd import RUNNING, ask_systemd, properties_of, runs, show

DOCUMENTATION = """
module: olympus_units
short_description: Keeps systemd units running and waits until their programs say that they are ready
description:
  - Ends at once, with the journal's last lines, when systemd has given a unit up.
  - Whether a unit starts at boot is a link that olympus_files keeps.
  - A reload counts as done only when the program says that it has taken its files up. It is told twice, because
    nats-server needs a second time for the imports of an account that is new.
options:
  restart:
    description: Units that are restarted, after systemd has read those files again that have changed.
    type: list
  started:
    description: Units that are started unless they run.
    type: list
  stopped:
    description: Units that are stopped if they run, also those whose file is gone. One that there is not is stopped.
    type: list
  ready:
    description: Units that are started unless they run, and the C(url) that answers 200 when each is ready.
    type: list
  start:
    description: Whether that is done. Without it a unit that does not run is a failure.
    type: bool
    default: true
  reload:
    description: >-
      Units that take up C(paths) without a restart, once they are ready. C(url) answers JSON with C(config_load_time),
      when they last did; files that are newer have them told.
    type: list
  timeout_seconds:
    description: How long the way to ready may take, for all of them together.
    type: int
"""

LOOK_EVERY_SECONDS = 1
# A machine on which looking takes long is busy with what is waited for: four fifths of the time
# are left to that, as olympusd leaves them to its gateway.
PAUSE_SHARE = 4
LONGEST_PAUSE_SECONDS = 5
ANSWER_WITHIN_SECONDS = 20
JOURNAL_LINES = "25"
TAKEN_WITHIN_SECONDS = 20
# Beside the first path, from before the program is told until it has said so the second time.
RELOADING = "%s.reloading"


def systemctl(module, verb, *units):
    code, _out, err = ask_systemd(module, verb, *units)
    if code == 0:
        return
    said = "systemctl %s says: %s" % (verb, err)
    awaited = [each["unit"] for each in module.params["ready"]]
    states = {unit: properties_of(module, unit, "ActiveState").get("ActiveState") for unit in units}
    culprits = [unit for unit, state in states.items() if state != "active"]
    if not culprits:
        module.fail_json(msg="%s (%s)" % (said, " ".join(units)))
    for unit in culprits:
        if states[unit] not in RUNNING or unit not in awaited:
            give_up(module, unit, said)
        # systemd starts it again, as its unit says; whether it comes to be ready is seen below.
        module.warn("%s failed once. %s\nThe end of its journal:\n%s" % (unit, said, journal_of(module, unit)))


def give_up(module, unit, reason):
    seen = (unit, reason, journal_of(module, unit))
    module.fail_json(msg="%s is not ready: %s\nThe end of its journal:\n%s" % seen)


def journal_of(module, unit):
    command = ["journalctl", "--unit", unit, "--lines", JOURNAL_LINES, "--no-pager", "--output", "cat"]
    _code, journal, _err = module.run_command(command)
    return journal.strip()


def answer(url):
    """None when it is ready, else what it said."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_SECONDS) as response:
            return None if response.status == 200 else "it answered %d" % response.status
    except urllib.error.HTTPError as error:
        return "it answered %d: %s" % (error.code, error.read(500).decode("utf-8", "replace").strip())
    except OSError as error:
        return "no answer: %s" % error


def wait_for(module, unit, url, deadline):
    while True:
        began = time.monotonic()
        said = answer(url)
        if said is None:
            return
        # Systemd that does not answer says nothing of the unit: what is waited for may keep the machine that busy.
        state, _err = show(module, unit, "ActiveState", "NRestarts")
        if state.get("ActiveState", "active") not in RUNNING:
            give_up(module, unit, "systemd says it is %s." % state["ActiveState"])
        if time.monotonic() > deadline:
            seen = (module.params["timeout_seconds"], state.get("NRestarts", "unknown"), url, said)
            give_up(module, unit, "after %d s and %s restarts, %s says: %s" % seen)
        took = time.monotonic() - began
        time.sleep(max(LOOK_EVERY_SECONDS, min(PAUSE_SHARE * took, LONGEST_PAUSE_SECONDS)))


def loaded_at(url):
    """When the program last took its files up (Unix time); None when it does not say."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_SECONDS) as response:
            said = json.load(response)["config_load_time"]
        whole, _, fraction = said.rstrip("Z").partition(".")
        at = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        return at.timestamp() + float("0." + (fraction or "0"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def reload_due(each):
    """Whether a file is newer than what the program has read, or telling it was cut short."""
    if os.path.exists(RELOADING % each["paths"][0]):
        return True
    at = loaded_at(each["url"])
    changed_at = [os.lstat(path).st_ctime for path in each["paths"] if os.path.lexists(path)]
    now = time.time()
    return at is not None and any(at < changed <= now for changed in changed_at)


def reload_twice(module, each):
    unit, url = each["unit"], each["url"]
    with open(RELOADING % each["paths"][0], "w"):
        pass
    for _time in ("first", "second"):
        before = loaded_at(url)
        systemctl(module, "reload", unit)
        deadline = time.monotonic() + TAKEN_WITHIN_SECONDS
        while loaded_at(url) in (None, before):
            if time.monotonic() > deadline:
                what = "it was told to take up its files again and has not: it goes on with what it had. Mend %s."
                give_up(module, unit, what % " or ".join(each["paths"]))
            time.sleep(LOOK_EVERY_SECONDS / 10)
    os.unlink(RELOADING % each["paths"][0])


def run(module):
    given = module.params
    changed = list(given["restart"])
    for unit in given["stopped"]:
        if runs(module, unit):
            changed.append(unit)
            if not module.check_mode:
                systemctl(module, "stop", unit)
    if given["restart"] and not module.check_mode:
        # Reading every unit again takes an emulated machine as long as a task; one that is new is read anyway.
        reads = [properties_of(module, unit, "NeedDaemonReload") for unit in given["restart"]]
        if any(read.get("NeedDaemonReload") == "yes" for read in reads):
            systemctl(module, "daemon-reload")
        systemctl(module, "restart", *given["restart"])
    for unit in given["started"] + [each["unit"] for each in given["ready"]]:
        if runs(module, unit):
            continue
        if not given["start"]:
            give_up(module, unit, "it does not run.")
        changed.append(unit)
        if not module.check_mode:
            systemctl(module, "start", unit)
    if not module.check_mode:
        deadline = time.monotonic() + given["timeout_seconds"]
        for each in given["ready"]:
            wait_for(module, each["unit"], each["url"], deadline)
    for each in given["reload"]:
        if not reload_due(each):
            continue
        changed.append(each["unit"])
        if not module.check_mode:
            reload_twice(module, each)
    return {"changed": bool(changed), "changed_units": changed}


def main():
    units = {"type": "list", "elements": "str", "default": []}
    program = {"unit": {"type": "str", "required": True}, "url": {"type": "str", "required": True}}
    reading = {**program, "paths": {"type": "list", "elements": "path", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "restart": units,
            "started": units,
            "stopped": units,
            "ready": {"type": "list", "elements": "dict", "default": [], "options": program},
            "start": {"type": "bool", "default": True},
            "reload": {"type": "list", "elements": "dict", "default": [], "options": reading},
            "timeout_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
