#!/usr/bin/python
# Works out what files a bridge is made of; switching the network is left to the role's program, which outlives a login.

from __future__ import annotations

import glob
import json
import os
import re
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.olympus_bridge_files import BY_HAND, Refusal, moved_interfaces, moved_netplan

DOCUMENTATION = """
module: olympus_bridge
short_description: Plans a bridge that takes the place of a network card, with what the card is configured with
description:
  - Finds the card and the file that configures it (netplan or ifupdown), and leaves the plan for the program that
    switches the network. Changes nothing else.
options:
  bridge:
    description: Its name.
    type: str
    required: true
  address:
    description: An IPv4 address of the card.
    type: str
    default: ""
  port:
    description: The card, where no card has the address.
    type: str
    default: ""
  state:
    description: C(absent) gives back to the card what a bridge has that was made this way, and only such a one.
    type: str
    choices: [present, absent]
    default: present
"""

RETURN = """
port: {description: "The card."}
path: {description: "The file that changes."}
"""

PLAN = "/run/olympus-bridge/plan"
MADE = "/var/lib/olympus-bridge/made.json"
INTERFACES = "/etc/network/interfaces"
STACKS = (
    ("netplan", "netplan", ["/etc/netplan/*.yaml"], moved_netplan),
    ("ifupdown", "ifup", [INTERFACES, INTERFACES + ".d/*"], moved_interfaces),
)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def about(card, what):
    return os.path.join("/sys/class/net", card, what)


def card_of(module):
    """The name of the card that becomes the bridge's first port."""
    port = module.params["port"]
    if not port:
        links = json.loads(module.run_command(["ip", "-json", "-4", "address"], check_rc=True)[1])
        has = [link["ifname"] for link in links for each in link.get("addr_info", [])
               if each.get("local") == module.params["address"]]
        port = has[0] if has else ""
    if not port:
        raise Refusal("No network card has the address %s. hypervisor_bridge_port names the card."
                      % module.params["address"])
    if not os.path.exists(about(port, "")):
        raise Refusal("There is no network card %s. hypervisor_bridge_port names one of: %s." % (
            port, ", ".join(sorted(set(os.listdir("/sys/class/net")) - {"lo"}))))
    kind = re.search(r"^DEVTYPE=(\S+)", read(about(port, "uevent")) or "", re.MULTILINE)
    if kind:
        raise Refusal("%s is no plain network card but a %s. %s" % (port, kind[1], BY_HAND))
    if os.path.exists(about(port, "brport")):
        raise Refusal("%s is part of another bridge already. hypervisor_bridge names that one." % port)
    return port


def plan_present(module):
    bridge = module.params["bridge"]
    if os.path.exists(about(bridge, "bridge")):
        return None
    if os.path.exists(about(bridge, "")):
        raise Refusal("%s is there already, and is no bridge." % bridge)
    port = card_of(module)
    mac = read(about(port, "address")).strip().lower()
    for stack, tool, patterns, moved in STACKS:
        if not shutil.which(tool):
            continue
        changes = {}
        for path in sorted(path for pattern in patterns for path in glob.glob(pattern) if os.path.isfile(path)):
            before = read(path)
            after = moved(before, port, bridge, mac)
            if after is not None:
                changes[path] = {"before": before, "after": after}
        if len(changes) > 1:
            raise Refusal("%s is configured in more than one file: %s. %s" % (port, ", ".join(changes), BY_HAND))
        for path, texts in changes.items():
            return {"stack": stack, "bridge": bridge, "port": port, "path": path, "back": False, **texts}
    raise Refusal("Neither netplan nor ifupdown configures %s here. %s" % (port, BY_HAND))


def plan_absent(_module):
    made = json.loads(read(MADE) or "null")
    if made is None:
        return None
    bridge, port, path = made["bridge"], made["port"], made["path"]
    if read(path) == made["before"]:
        return None  # The machine went down before it was written.
    if read(path) != made["after"]:
        raise Refusal("%s was edited since %s was made there. Take the bridge out by hand, then remove %s."
                      % (path, bridge, MADE))
    others = set(os.listdir(about(bridge, "brif"))) - {port} if os.path.exists(about(bridge, "brif")) else set()
    if others:
        raise Refusal("%s still carries %s, and stays." % (bridge, ", ".join(sorted(others))))
    return {**made, "before": made["after"], "after": made["before"], "back": True}


def main():
    module = AnsibleModule(
        argument_spec={
            "bridge": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "port": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    try:
        plan = (plan_absent if module.params["state"] == "absent" else plan_present)(module)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal))
    if plan is None:
        module.exit_json(changed=False)
    if not module.check_mode:
        os.makedirs(os.path.dirname(PLAN), mode=0o700, exist_ok=True)
        with open(os.open(PLAN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(plan, file)
    header = "%s on %s" % (plan["path"], os.uname().nodename)
    module.exit_json(changed=True, port=plan["port"], path=plan["path"], diff={
        "before": plan["before"], "after": plan["after"], "before_header": header, "after_header": header})


if __name__ == "__main__":
    main()
