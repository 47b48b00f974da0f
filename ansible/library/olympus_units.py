#!/usr/bin/python
# One process that restarts, starts and watches: in an emulated machine a task costs seconds, whatever it does.

from __future__ import annotations

import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.olympus_systemd import RUNNING, properties_of, runs

DOCUMENTATION = """
module: olympus_units
short_description: Keeps systemd units running and waits until their programs say that they are ready
description:
  - Ends at once, with the journal's last lines, when systemd has given a unit up.
  - Whether a unit starts at boot is a link that olympus_files keeps.
options:
  restart:
    description: Units that are restarted, after systemd has read those files again that have changed.
    type: list
  started:
    description: Units that are started unless they run.
    type: list
  ready:
    description: Units that are started unless they run, and the C(url) that answers 200 when each is ready.
    type: list
  timeout_seconds:
    description: How long the way to ready may take, for all of them together.
    type: int
"""

LOOK_EVERY_SECONDS = 1
ANSWER_WITHIN_SECONDS = 20
JOURNAL_LINES = "25"


def systemctl(module, verb, *units):
    code, _out, err = module.run_command(["systemctl", verb, *units])
    if code == 0:
        return
    said = "systemctl %s says: %s" % (verb, err.strip())
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
    while (said := answer(url)) is not None:
        state = properties_of(module, unit, "ActiveState", "NRestarts")
        if state.get("ActiveState") not in RUNNING:
            give_up(module, unit, "systemd says it is %s." % state.get("ActiveState"))
        if time.monotonic() > deadline:
            seen = (module.params["timeout_seconds"], state.get("NRestarts"), url, said)
            give_up(module, unit, "after %d s and %s restarts, %s says: %s" % seen)
        time.sleep(LOOK_EVERY_SECONDS)


def run(module):
    given = module.params
    changed = list(given["restart"])
    if given["restart"] and not module.check_mode:
        # Reading every unit again takes an emulated machine as long as a task; one that is new is read anyway.
        reads = [properties_of(module, unit, "NeedDaemonReload") for unit in given["restart"]]
        if any(read.get("NeedDaemonReload") == "yes" for read in reads):
            systemctl(module, "daemon-reload")
        systemctl(module, "restart", *given["restart"])
    for unit in given["started"] + [each["unit"] for each in given["ready"]]:
        if runs(module, unit):
            continue
        changed.append(unit)
        if not module.check_mode:
            systemctl(module, "start", unit)
    if not module.check_mode:
        deadline = time.monotonic() + given["timeout_seconds"]
        for each in given["ready"]:
            wait_for(module, each["unit"], each["url"], deadline)
    return {"changed": bool(changed), "changed_units": changed}


def main():
    units = {"type": "list", "elements": "str", "default": []}
    program = {"unit": {"type": "str", "required": True}, "url": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "restart": units,
            "started": units,
            "ready": {"type": "list", "elements": "dict", "default": [], "options": program},
            "timeout_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
