# What a bridge's configuration looks like, made of that of the card which becomes its first port. Only texts: nothing is
# read or written here.

from __future__ import annotations

import fnmatch
import glob
import re

BY_HAND = "Make the bridge yourself: leave hypervisor_bridge_manage out, and setup prints the lines."
# What stays with the card in netplan; everything else it is configured with belongs to the bridge.
OF_THE_CARD = ("match", "set-name", "wakeonlan", "mtu", "optional", "renderer")
STANZA = re.compile(
    r"(iface|mapping|auto|allow-\S+|source|source-directory|template|rename|no-auto-down|no-scripts)\b")


class Refusal(Exception):
    """A sentence: why this machine's network is left as it is."""


def moved_interfaces(text, port, bridge, mac):
    """A file of interfaces(5) with the card's stanzas given to a bridge; None when it has none."""
    lines, out, inside, found = text.splitlines(), [], False, False
    for line in lines:
        words = line.split()
        begins = bool(words and STANZA.match(words[0]))
        inside = words[:2] == ["iface", port] if begins else inside
        listed = begins and (words[0] == "auto" or words[0].startswith("allow-"))
        if not inside and not listed and port in re.split(r"[\s.@:]+", line.split("#")[0]):
            raise Refusal("%s is used by something else too: %s. %s" % (port, line.strip(), BY_HAND))
        if inside and begins:
            if "inherits" in words or line.endswith("\\"):
                raise Refusal("%s is written in a way this cannot move: %s. %s" % (port, line.strip(), BY_HAND))
            out += [] if found else ["iface %s inet manual" % port]
            out.append(" ".join(["iface", bridge, *words[2:]]))
            out += [] if found else [
                "    pre-up ip link add name %s address %s type bridge stp_state 0 forward_delay 0" % (bridge, mac),
                "    pre-up ip link set dev %s master %s up" % (port, bridge),
                # A bridge that somebody has taken away already must not keep ifdown from ending.
                "    post-down ip link set dev %s nomaster || true" % port,
                "    post-down ip link delete dev %s || true" % bridge,
            ]
            found = True
        elif inside and words[:1] == ["mtu"]:
            out += ["    pre-up ip link set dev %s mtu %s" % (port, " ".join(words[1:])), line]
        elif listed and port in words[1:]:
            others = [each for each in words[1:] if each != port]
            out += [" ".join([words[0], *others])] if others else []
            out.append("auto %s" % bridge)  # whatever the card was: a bridge is never plugged in
        else:
            out.append(line)
    if not found:
        return None
    if "auto %s" % bridge not in out:
        # Whatever brings the card up, a pattern or a line in another file, does not know the bridge.
        out.insert(out.index("iface %s inet manual" % port), "auto %s" % bridge)
    return "\n".join(out) + "\n"


def moved_netplan(text, port, bridge, mac):
    """A file of netplan(5) with the card's settings given to a bridge; None when it has none."""
    import yaml  # Where netplan is, this is too; where only ifupdown is, it need not be.
    try:
        whole = yaml.load(text, Loader=as_written(yaml.SafeLoader)) or {}
    except yaml.YAMLError as error:
        raise Refusal("A file in /etc/netplan cannot be read: %s" % error) from None
    network = whole.get("network") or {}
    names = [name for name, each in (network.get("ethernets") or {}).items() if is_card(name, each or {}, port, mac)]
    if not names:
        return None
    if len(names) > 1 or any(glob.has_magic(str(network["ethernets"][name].get("match", {}).get("name", "")))
                             for name in names if network["ethernets"][name]):
        raise Refusal("netplan configures %s together with other cards, or twice. %s" % (port, BY_HAND))
    [name] = names
    for kind in ("bonds", "bridges", "vlans", "vrfs"):
        for other, each in (network.get(kind) or {}).items():
            if name in (each or {}).get("interfaces", []) or (each or {}).get("link") == name:
                raise Refusal("%s is used by %s too. %s" % (port, other, BY_HAND))
    card = network["ethernets"][name] or {}
    stays = {key: value for key, value in card.items() if key in OF_THE_CARD}
    goes = {key: value for key, value in card.items() if key not in OF_THE_CARD or key == "mtu"}
    network["ethernets"][name] = {**stays, "dhcp4": False, "dhcp6": False, "link-local": []}
    network.setdefault("bridges", {})[bridge] = {
        "macaddress": mac, **goes, "interfaces": [name], "parameters": {"stp": False, "forward-delay": "0"}}
    return yaml.dump(whole, Dumper=as_written(yaml.SafeDumper), sort_keys=False)


def as_written(base):
    """A loader or dumper of YAML that leaves numbers as they are written: to YAML 1.1, many a MAC address is one."""
    own = type("AsWritten", (base,), {})
    own.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in resolvers if not tag.endswith((":int", ":float", ":timestamp"))]
        for first, resolvers in base.yaml_implicit_resolvers.items()}
    return own


def is_card(name, each, port, mac):
    match = each.get("match")
    if not match:
        return name == port
    wanted = (str(match.get("macaddress", mac)).lower(), str(match.get("name", port)))
    return wanted[0] == mac and (fnmatch.fnmatch(port, wanted[1]) or each.get("set-name") == port)
