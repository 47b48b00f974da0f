#!/usr/bin/python
# One process that watches a start costs an emulated machine less than a task for every look.

from __future__ import annotations

import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: olympus_ready
short_description: Waits until a unit's program says that it is ready
description:
  - Ends at once with the journal's last lines when systemd has given the unit up.
options:
  unit:
    description: The systemd unit.
    type: str
  url:
    description: The address that answers 200 when the program is ready.
    type: str
  timeout_seconds:
    description: How long the way there may take.
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
    _code, out, _err = module.run_command(["systemctl", "show", unit, "--property", "ActiveState,SubState,NRestarts"])
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def give_up(module, unit, reason):
    command = ["journalctl", "--unit", unit, "--lines", JOURNAL_LINES, "--no-pager", "--output", "cat"]
    _code, journal, _err = module.run_command(command)
    module.fail_json(msg="%s is not ready: %s\nThe end of its journal:\n%s" % (unit, reason, journal.strip()))


def main():
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "timeout_seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    unit, url, timeout = (module.params[name] for name in ("unit", "url", "timeout_seconds"))
    if module.check_mode:
        module.exit_json(changed=False, skipped=True)
    started_at = time.monotonic()
    while (said := answer(url)) is not None:
        state = unit_state(module, unit)
        if state.get("ActiveState") in ("failed", "inactive"):
            give_up(module, unit, "systemd says it is %s." % state["ActiveState"])
        if time.monotonic() - started_at > timeout:
            restarts = state.get("NRestarts", "0")
            give_up(module, unit, "after %d s %s (%s restarts). Look at it: %s" % (timeout, said, restarts, url))
        time.sleep(LOOK_EVERY_SECONDS)
    module.exit_json(changed=False, seconds=round(time.monotonic() - started_at, 1))


if __name__ == "__main__":
    main()
