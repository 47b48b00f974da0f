"""
Stands for `mmctl --local` of Mattermost 11: the part of it that the role uses, over a file, with what it prints and
ends with. Told to, it fails at a command, before it has done it or after. It is called some fifty times in a test,
so it starts fast.

  scripted-mmctl.py <state file> --local --json <words…>
"""

import json
import os
import sys


class Refusal(Exception):
    pass


def new_id():
    return os.urandom(13).hex()


def options(words, *flags):
    """`--name value` and `--flag` as a dictionary."""
    given, words = {}, list(words)
    while words:
        name = words.pop(0)
        given[name[2:]] = True if name[2:] in flags else words.pop(0)
    return given


def account(state, name):
    for user in state["users"]:
        if user["username"] == name:
            return user
    raise Refusal('could not retrieve user information of "%s"' % name)


def without(entry, key):
    return {name: value for name, value in entry.items() if name != key}


def join(members, name):
    if name not in members:
        members.append(name)


def roles_system_admin(state, name):
    account(state, name)["roles"] = "system_admin system_user"


def team_create(state, *words):
    name = options(words, "private")["name"]
    if any(team["name"] == name for team in state["teams"]):
        raise Refusal("A team with that name already exists")
    state["teams"].append({"name": name, "delete_at": 0, "members": []})
    for channel in ("town-square", "off-topic"):
        state["channels"].append({"team": name, "name": channel, "type": "O", "delete_at": 0, "members": []})
    return {"name": name}


def team_users(state, verb, name, *users):
    found = [team for team in state["teams"] if team["name"] == name]
    if verb != "add" or not found:
        raise Refusal("Unable to find team '%s'" % name)
    for user in users:
        join(found[0]["members"], account(state, user)["username"])


def channel_list(state, name):
    if not any(team["name"] == name for team in state["teams"]):
        raise Refusal('unable to find team "%s"' % name)
    return [without(channel, "members") for channel in state["channels"] if channel["team"] == name]


def channel_create(state, *words):
    given = options(words, "private")
    where = (given["team"], given["name"])
    if any((channel["team"], channel["name"]) == where for channel in state["channels"]):
        raise Refusal("A channel with that name already exists on the same team.")
    kind = "P" if "private" in given else "O"
    state["channels"].append({"team": where[0], "name": where[1], "type": kind, "delete_at": 0, "members": []})
    return {"name": where[1], "type": kind}


def channel_users(state, verb, where, *users):
    team, name = where.split(":")
    found = [channel for channel in state["channels"] if (channel["team"], channel["name"]) == (team, name)]
    if verb != "add" or not found:
        raise Refusal('unable to find channel "%s"' % where)
    for user in users:
        if not any(each["name"] == team and user in each["members"] for each in state["teams"]):
            raise Refusal('unable to add "%s" to "%s"' % (user, name))
        join(found[0]["members"], account(state, user)["username"])


def token_list(state, name):
    user = account(state, name)["id"]
    found = [token for token in state["tokens"] if token["user"] == user]
    if not found:
        raise Refusal('there are no tokens for the "%s"' % name)
    return [{**without(token, "token"), "is_active": True} for token in found]


def token_revoke(state, *ids):
    for each in ids:
        if not any(token["id"] == each for token in state["tokens"]):
            raise Refusal('could not revoke token "%s"' % each)
        state["tokens"] = [token for token in state["tokens"] if token["id"] != each]


def token_generate(state, name, description=""):
    made = {"id": new_id(), "token": new_id(), "user": account(state, name)["id"], "description": description}
    state["tokens"].append(made)
    return [made]


COMMANDS = {
    "user list": lambda state, *_: state["users"],
    "roles system-admin": roles_system_admin,
    "team list": lambda state: [without(team, "members") for team in state["teams"]],
    "team create": team_create,
    "team users": team_users,
    "channel list": channel_list,
    "channel create": channel_create,
    "channel users": channel_users,
    "token list": token_list,
    "token revoke": token_revoke,
    "token generate": token_generate,
}


def answer(state, words):
    if words[:2] != ["--local", "--json"]:
        raise Refusal("connection refused")
    command = " ".join(words[2:4])
    if command not in COMMANDS:
        raise Refusal('unknown command "%s" for "mmctl"' % command)
    fault = state["faults"].pop(0) if state["faults"] and state["faults"][0]["command"] == command else None
    if fault and fault["when"] == "before":
        raise Refusal("the server is restarting")
    value = COMMANDS[command](state, *words[4:])
    if fault:
        raise Refusal("the connection was reset")
    return value


def main(file, *words):
    with open(file, encoding="utf-8") as opened:
        state = json.load(opened)
    state["calls"].append(words)
    code = 0
    try:
        value = answer(state, list(words))
        if value is not None:
            print(json.dumps(value, indent=2))
    except Refusal as refusal:
        print("Error: %s" % refusal, file=sys.stderr)
        code = 1
    with open(file, "w", encoding="utf-8") as opened:
        json.dump(state, opened)
    return code


sys.exit(main(*sys.argv[1:]))
