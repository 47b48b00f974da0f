#!/usr/bin/python
# What a Mattermost server has is compared with what a fleet wants, and only the difference is made.

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.olympus_mmctl import Failure, Server

DOCUMENTATION = """
module: olympus_chat
short_description: Makes the accounts, the team and the channels of a fleet on a Mattermost server
description:
  - Speaks through C(mmctl --local); makes the admin and the bots over HTTP, where no password is seen among the processes.
  - May be cut off at any point; the next run does what is left. A token is written down before anything else is done,
    and one that was made and not written down is revoked before there is another.
  - Answers no token. They lie in C(pending_dir), one file for each agent, until somebody takes them and removes them.
options:
  mmctl:
    description: The command, as words.
    type: list
  url:
    description: Where the server answers on this host.
    type: str
  pending_dir:
    description: Where new tokens lie, readable by root only.
    type: path
  mail_domain:
    description: An account is called name@this, by which we know our own again.
    type: str
  admin, admin_password:
    description: The account that looks after the server.
    type: str
  team:
    description: The team.
    type: str
  private_channels:
    description: Which channels people have to be invited to.
    type: list
  agents:
    description: For each agent the channels it is in.
    type: dict
  tokens_known:
    description: Whose tokens are among the secrets already.
    type: list
"""

RETURN = """
steps: {description: "What was, or in check mode would be, done."}
pending: {description: "Whose tokens lie in C(pending_dir)."}
"""

TOKEN = "olympus"  # The description of the tokens that are ours.
SETUP_TOKEN = "olympus setup"  # And of the admin's, for the time in which bots are made.
MADE_WITH_A_TEAM = ("town-square", "off-topic")


class UnloggedModule(AnsibleModule):
    def _log_invocation(self):
        """Ansible writes every module's arguments into the host's journal; ours hold a secret."""


class Bootstrap:
    """Each method makes what is missing of one kind, and notes it."""

    def __init__(self, server, given, check):
        self.server, self.given, self.check = server, given, check
        self.steps = []
        self.pending = []

    def run(self):
        try:
            users = self.users()
        except Failure as failure:
            if not self.check:
                raise
            self.steps.append("everything, once the server runs (%s)" % failure)
            return
        self.admin(users)
        self.team()
        self.channels()
        self.bots(users)
        self.members()
        for name in self.given["agents"]:
            self.token(name)

    def users(self):
        return {user["username"]: user for user in self.server.call("user", "list", "--all")}

    def mail(self, name):
        return "%s@%s" % (name, self.given["mail_domain"])

    def make(self, step, *words):
        self.steps.append(step)
        if not self.check:
            self.server.call(*words)

    def admin(self, users):
        name = self.given["admin"]
        if name not in users:
            self.steps.append("account %s" % name)
            if self.check:
                return
            account = {"username": name, "email": self.mail(name), "password": self.given["admin_password"]}
            self.server.sign_up(account)
            users = self.users()
        found = users.get(name, {})
        if found.get("is_bot"):
            raise Failure("%s is a bot and cannot look after the server: name another one in mattermost_admin_name." % name)
        if "system_admin" not in found.get("roles", "").split():
            self.make("admin %s" % name, "roles", "system-admin", name)

    def team(self):
        name = self.given["team"]
        found = [team for team in self.server.call("team", "list") if team["name"] == name]
        if found and found[0].get("delete_at"):
            raise Failure("The team %s is archived. Restore it: mmctl --local team restore %s" % (name, name))
        if not found:
            self.make("team %s" % name, "team", "create", "--name", name, "--display-name", name.title(), "--private")

    def channels(self):
        team = self.given["team"]
        wanted = {channel: None for channels in self.given["agents"].values() for channel in channels}
        wanted.update({channel: None for channel in self.given["private_channels"]})
        if self.check and "team %s" % team in self.steps:
            found = {}
        else:
            found = {channel["name"]: channel for channel in self.server.call("channel", "list", team)}
        for name in wanted:
            if name in found and found[name].get("delete_at"):
                raise Failure(
                    "The channel %s is archived. Restore it: mmctl --local channel unarchive %s:%s" % (name, team, name)
                )
            if name in found or name in MADE_WITH_A_TEAM:
                continue
            private = ["--private"] if name in self.given["private_channels"] else []
            words = ["--team", team, "--name", name, "--display-name", name.replace("-", " ").title()]
            self.make("channel %s" % name, "channel", "create", *words, *private)

    def bots(self, users):
        for name in self.given["agents"]:
            if name in users and not users[name].get("is_bot"):
                raise Failure(
                    "The account %s on the chat server is a person's (%s), and an agent is called so. Rename one of the two."
                    % (name, users[name].get("email"))
                )
        missing = [name for name in self.given["agents"] if name not in users]
        if self.check:
            self.steps.extend("bot %s" % name for name in missing)
            return
        admin = self.given["admin"]
        self.server.revoke(admin, SETUP_TOKEN)  # What a run that was cut off has left.
        if not missing:
            return
        with self.server.token_for(admin, SETUP_TOKEN) as token:
            for name in missing:
                self.steps.append("bot %s" % name)
                self.server.make_bot(name, token)

    def members(self):
        """Each time: mmctl does not say who is a member, and adding one who is changes nothing. So it is not noted."""
        if self.check or not self.given["agents"]:
            return
        team = self.given["team"]
        self.server.call("team", "users", "add", team, self.given["admin"], *self.given["agents"])
        channels = {channel for channels in self.given["agents"].values() for channel in channels}
        for channel in sorted(channels):
            inside = [name for name, channels in self.given["agents"].items() if channel in channels]
            self.server.call("channel", "users", "add", "%s:%s" % (team, channel), *inside)

    def token(self, name):
        path = os.path.join(self.given["pending_dir"], name)
        if os.path.exists(path):
            self.pending.append(name)
            return
        if self.check and "bot %s" % name in self.steps:
            self.steps.append("token of %s" % name)
            return
        tokens = self.server.tokens(name)
        # One that is known is not of this server where the server has none at all.
        if tokens and name in self.given["tokens_known"]:
            return
        self.steps.append("token of %s" % name)
        if self.check:
            return
        self.server.revoke(name, TOKEN)
        keep(path, self.server.generate(name, TOKEN))
        self.pending.append(name)


def keep(path, text):
    """Whole or not at all, and on the disk before anything else is done."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    os.rename(path + ".part", path)


def main():
    text = {"type": "str", "required": True}
    names = {"type": "list", "elements": "str", "default": []}
    module = UnloggedModule(
        argument_spec={
            "mmctl": {"type": "list", "elements": "str", "required": True},
            "url": text,
            "pending_dir": {"type": "path", "required": True},
            "mail_domain": text,
            "admin": text,
            "admin_password": {**text, "no_log": True},
            "team": text,
            "private_channels": names,
            "agents": {"type": "dict", "required": True},
            "tokens_known": {**names, "no_log": False},
        },
        supports_check_mode=True,
    )
    bootstrap = Bootstrap(Server(module.params["mmctl"], module.params["url"]), module.params, module.check_mode)
    try:
        bootstrap.run()
    except Failure as failure:
        done = " Done before: %s." % ", ".join(bootstrap.steps[:-1]) if bootstrap.steps[1:] else ""
        module.fail_json(msg="%s%s" % (failure, done), steps=bootstrap.steps, pending=bootstrap.pending)
    steps = bootstrap.steps
    diff = [{"prepared": "chat: %s\n" % step} for step in steps]
    module.exit_json(changed=bool(steps), steps=steps, pending=bootstrap.pending, diff=diff)


if __name__ == "__main__":
    main()
