# How a Mattermost server is spoken to on its own host.

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request

ANSWER_WITHIN_SECONDS = 120


class Failure(Exception):
    """A sentence for the operator."""


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

    def sign_up(self, account):
        """The first account of a server is its admin, whoever makes it; later ones need an invitation."""
        body = json.dumps(account).encode()
        request = urllib.request.Request(self.url + "/api/v4/users", body, {"content-type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=ANSWER_WITHIN_SECONDS).close()
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace")
            raise Failure(
                "Mattermost did not make the account %s (status %d): %s Where somebody else made an account first, make"
                " this one in the system console, with the mail address %s, and run this again."
                % (account["username"], error.code, message_of(said), account["email"])
            ) from None
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
