# How a Mattermost server is spoken to on its own host.

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.error
import urllib.request

ANSWER_WITHIN_SECONDS = 120


class Failure(Exception):
    """A sentence for the operator."""


class Refused(Failure):
    """The server's answer to a call over HTTP."""


class Server:
    def __init__(self, command, url):
        self.command = command
        self.url = url

    def call(self, *words):
        """What mmctl prints as JSON, always as a list. What it fails with is said without its arguments."""
        code, out, err = self.ask(*words)
        if code:
            raise Failure("mmctl %s failed: %s" % (" ".join(words[:2]), err or "exit code %d" % code))
        return listed(out)

    def ask(self, *words):
        command = [*self.command, "--local", "--json", *words]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_WITHIN_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = error.strerror if isinstance(error, OSError) else "no answer in %d s" % ANSWER_WITHIN_SECONDS
            return 1, "", "%s: %s" % (self.command[0], reason)
        return ended.returncode, ended.stdout, " ".join(ended.stderr.split())

    def tokens(self, name):
        code, out, err = self.ask("token", "list", name)
        if code == 0:
            return listed(out)
        if "no tokens" in err + out:  # It calls none a failure.
            return []
        raise Failure("mmctl token list failed: %s" % err)

    def revoke(self, name, description):
        """Ends the tokens of an account that are so described."""
        found = [token["id"] for token in self.tokens(name) if token.get("description") == description]
        if found:
            self.call("token", "revoke", *found)

    def generate(self, name, description):
        made = self.call("token", "generate", name, description)
        if not made or not made[0].get("token"):
            raise Failure("mmctl token generate printed no token for %s" % name)
        return made[0]["token"]

    @contextlib.contextmanager
    def token_for(self, name, purpose):
        """A token for the time of some calls. It asks for no password: that may be another by now."""
        try:
            yield self.generate(name, purpose)
        finally:
            self.revoke(name, purpose)

    def sign_up(self, account):
        """The first account of a server is its admin, whoever makes it; later ones need an invitation."""
        try:
            self.post("/users", account)
        except Refused as refused:
            raise Failure(
                "Mattermost did not make the account %s %s Where somebody else made an account first, make"
                " this one in the system console, with the mail address %s, and run this again."
                % (account["username"], refused, account["email"])
            ) from None

    def make_bot(self, name, token):
        """Over HTTP: mmctl makes bots of people's accounts alone, whose password would be an argument."""
        try:
            self.post("/bots", {"username": name, "display_name": name.title(), "description": "Olympus agent"}, token)
        except Refused as refused:
            raise Failure("Mattermost did not make the bot %s %s" % (name, refused)) from None

    def post(self, route, body, token=None):
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = "Bearer %s" % token
        request = urllib.request.Request("%s/api/v4%s" % (self.url, route), json.dumps(body).encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=ANSWER_WITHIN_SECONDS).close()
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace")
            raise Refused("(status %d): %s" % (error.code, message_of(said))) from None
        except OSError as error:
            raise Failure("Mattermost does not answer at %s: %s" % (self.url, error)) from None


def listed(out):
    if not out.strip():
        return []
    value = json.loads(out)
    return value if isinstance(value, list) else [] if value is None else [value]


def message_of(body):
    try:
        return json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return body.strip()
