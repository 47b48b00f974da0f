#!/usr/bin/python
# All knocks at once: one that is dropped takes its whole time, and there are many of them.

from __future__ import annotations

import errno
import os
import selectors
import socket
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: olympus_knock
short_description: Knocks at TCP ports of other machines, where it should be let in and where it should not
description:
  - An open port has to take the connection. A closed one must not answer at all; where a refusal comes back, no
    firewall was in the way, and it was only by chance that nobody listened.
options:
  at:
    description: Machines with their C(machine) name, C(address), and the ports that are C(open) and C(closed) to us.
    type: list
    required: true
  open_seconds:
    description: How long an open port may take to answer.
    type: int
    default: 20
  closed_seconds:
    description: How long a closed one is listened to.
    type: int
    default: 3
"""

RETURN = """
knocks: {description: "How often it was knocked."}
wrong: {description: "A sentence for each port that was not as it should be."}
"""

TAKEN, REFUSED, SILENT = "took the connection", "refused it", "did not answer"
AT_ONCE = 400


def outcome_of(code):
    if code == 0:
        return TAKEN
    if code == errno.ECONNREFUSED:
        return REFUSED
    if code == errno.ETIMEDOUT:
        return SILENT
    return "cannot be knocked at: %s" % os.strerror(code)


def knock(knocks):
    """What became of each: all begin together, and each has its own time."""
    results = {}
    selector = selectors.DefaultSelector()
    begun = time.monotonic()
    for key, address, port, seconds in knocks:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        code = connection.connect_ex((address, port))
        if code not in (0, errno.EINPROGRESS):
            results[key] = outcome_of(code)
            connection.close()
        else:
            selector.register(connection, selectors.EVENT_WRITE, (key, begun + seconds))
    while selector.get_map():
        until = min(entry.data[1] for entry in selector.get_map().values())
        ready = selector.select(max(0, until - time.monotonic()))
        for entry, _events in ready:
            results[entry.data[0]] = outcome_of(entry.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            selector.unregister(entry.fileobj)
            entry.fileobj.close()
        now = time.monotonic()
        for entry in [each for each in selector.get_map().values() if each.data[1] <= now]:
            results[entry.data[0]] = SILENT
            selector.unregister(entry.fileobj)
            entry.fileobj.close()
    selector.close()
    return results


def wrongs(at, results):
    for each in at:
        for is_open, ports in ((True, each["open"]), (False, each["closed"])):
            for port in ports:
                found = results[(each["machine"], port)]
                if is_open and found != TAKEN:
                    yield "%s should take connections at %d and %s" % (each["machine"], port, found)
                elif not is_open and found != SILENT:
                    yield "%s should be closed to us at %d and %s" % (each["machine"], port, found)


def main():
    module = AnsibleModule(
        argument_spec={
            "at": {"type": "list", "elements": "dict", "required": True},
            "open_seconds": {"type": "int", "default": 20},
            "closed_seconds": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    at, open_seconds, closed_seconds = (module.params[name] for name in ("at", "open_seconds", "closed_seconds"))
    knocks = [
        ((each["machine"], port), each["address"], port, seconds)
        for each in at
        for ports, seconds in ((each["open"], open_seconds), (each["closed"], closed_seconds))
        for port in ports
    ]
    results = {}
    for first in range(0, len(knocks), AT_ONCE):
        results.update(knock(knocks[first : first + AT_ONCE]))
    wrong = list(wrongs(at, results))
    if wrong:
        module.fail_json(msg="; ".join(wrong), wrong=wrong, knocks=len(knocks))
    module.exit_json(changed=False, knocks=len(knocks), wrong=[])


if __name__ == "__main__":
    main()
