#!/usr/bin/python
# One process that watches a start costs an emulated machine less than a task for every look.

from __future__ import annotations

import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: olympus_ready
short_description: Waits until programs say that they are ready
description:
  - Ends at once, with the journal's last lines, when systemd has given one up.
options:
  programs:
    description: Each with its systemd C(unit) and the C(url) that answers 200 when it is ready.
    type: list
  timeout_seconds:
    description: How long the way there may take, for all of them together.
    type: int
"""

LOOK_EVERY_SECONDS = 1
ANSWER_WITHIN_SECONDS = 20
JOURNAL_LINES = "25"


def answer(url):
    """None when it is ready, else what it said."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_SECONDS) as response:
            return None if response.status == 200 else "it answered %d" % response.status
    except urllib.error.HTTPError as error:
        return "it answered %d: %s" % (error.code, error.read(500).decode("utf-8", "replace").strip())
    except OSError as error:
        return "no answer: %s" % error


def unit_state(module, unit):
    _code, out, _err = module.run_command(["systemctl", "show", unit, "--property", "ActiveState,NRestarts"])
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def give_up(module, unit, reason):
    command = ["journalctl", "--unit", unit, "--lines", JOURNAL_LINES, "--no-pager", "--output", "cat"]
    _code, journal, _err = module.run_command(command)
    module.fail_json(msg="%s is not ready: %s\nThe end of its journal:\n%s" % (unit, reason, journal.strip()))


def wait_for(module, unit, url, deadline):
    while (said := answer(url)) is not None:
        state = unit_state(module, unit)
        if state.get("ActiveState") in ("failed", "inactive"):
            give_up(module, unit, "systemd says it is %s." % state["ActiveState"])
        if time.monotonic() > deadline:
            timeout = module.params["timeout_seconds"]
            restarts = state.get("NRestarts", "0")
            give_up(module, unit, "after %d s and %s restarts, %s says: %s" % (timeout, restarts, url, said))
        time.sleep(LOOK_EVERY_SECONDS)


def main():
    program = {"unit": {"type": "str", "required": True}, "url": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "programs": {"type": "list", "elements": "dict", "required": True, "options": program},
            "timeout_seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, skipped=True)
    started_at = time.monotonic()
    for each in module.params["programs"]:
        wait_for(module, each["unit"], each["url"], started_at + module.params["timeout_seconds"])
    module.exit_json(changed=False, seconds=round(time.monotonic() - started_at, 1))


if __name__ == "__main__":
    main()
