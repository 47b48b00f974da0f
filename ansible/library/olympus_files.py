#!/usr/bin/python
# One round trip for all the files of a role: in an emulated machine a task costs seconds, whatever it does.

from __future__ import annotations

import base64
import grp
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from difflib import unified_diff

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.olympus_systemd import runs, stale_units

DOCUMENTATION = """
module: olympus_files
short_description: Makes directories, files and links what they are said to be, in one round trip
description:
  - Files are replaced by rename, never written in place. A symbolic link is never followed.
  - The action plugin of the same name runs first; it reads C(source) and C(trees) on the control node, and encodes
    C(content) and C(secret).
options:
  mounts:
    description: What has to be mounted before anything is written.
    type: list
  former:
    description: >-
      Where an earlier version kept what belongs elsewhere now (C(path), C(now), and the C(units) that use it). While it holds
      something, nothing is written: a program would begin anew beside it.
    type: list
  directories:
    description: >-
      Directories, parents first. With C(purge), what this task does not name in it is removed. With C(with_content),
      what is in one that had another owner goes over with it: a disk that was moved here knows its owner by number.
    type: list
  files:
    description: >-
      Files with their C(content), or C(secret) for content that must not be shown, or C(source), a file on the
      control node. C(optional) removes the file where the source is missing; C(keep) leaves an existing one as it is.
      C(read_by) is the unit that reads the file when it starts. What looks like JSON is given as C(content_base64) or
      C(secret_base64), because Ansible makes an object of text that looks like one.
    type: list
  trees:
    description: Folders of the control node (C(source)) that appear as they are at C(path); nothing else stays there.
    type: list
  links:
    description: Symbolic links, C(path) and C(target).
    type: list
  absent:
    description: Paths that must not exist.
    type: list
  inputs:
    description: What others made (C(path)) and a unit reads when it starts (C(read_by)).
    type: list
  look_for:
    description: Paths, users and running units that are only looked for, so that no task is needed to see them.
    type: dict
"""

RETURN = """
changed_paths: {description: "What was, or in check mode would be, made, replaced or removed."}
stale_units: {description: "Units that read a changed file, or that run since before the last change of one."}
missing: {description: "Those of C(look_for) that are not there."}
"""


MOUNT_SECONDS = 120
NAMES = {"type": "list", "elements": "str", "default": []}


class Failure(Exception):
    """A sentence for the operator."""


class UnloggedModule(AnsibleModule):
    def _log_invocation(self):
        """Ansible writes every module's arguments into the machine's journal; ours hold secrets."""


class Target:
    """The machine's file system, seen through what this task wants of it."""

    def __init__(self, module):
        self.check = module.check_mode
        self.changed = []
        self.diffs = []

    def note(self, path, what, before=None, after=None):
        self.changed.append(path)
        if before is None:
            self.diffs.append({"prepared": "%s: %s\n" % (path, what)})
        else:
            self.diffs.append({"prepared": "".join(unified_diff(before, after, path, path, n=1))})

    def directory(self, item, named):
        path = item["path"]
        found = status(path)
        if found and not stat.S_ISDIR(found.st_mode):
            raise Failure("%s is in the way: a directory is wanted there. Move it away." % path)
        if not found:
            self.note(path, "directory made")
            if not self.check:
                os.mkdir(path, 0o700)
        if found and item["with_content"]:
            self.hand_over(path, found, item)
        self.access(path, item, bool(found))
        if item["purge"] and found:
            for name in sorted(os.listdir(path)):
                if os.path.join(path, name) not in named:
                    self.absent(os.path.join(path, name))

    def hand_over(self, path, found, item):
        """Everything in it that belongs to whom it belongs; the directory itself comes last, so that a cut is seen."""
        uid, gid, _mode = owner_of(item, self.check)
        if self.check or (found.st_uid, found.st_gid) == (uid, gid):
            return
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                each = os.path.join(folder, name)
                its = os.lstat(each)
                new_uid = uid if its.st_uid == found.st_uid else its.st_uid
                new_gid = gid if its.st_gid == found.st_gid else its.st_gid
                if (its.st_uid, its.st_gid) != (new_uid, new_gid):
                    os.chown(each, new_uid, new_gid, follow_symlinks=False)

    def file(self, item):
        path = item["path"]
        found = status(path)
        if found and stat.S_ISDIR(found.st_mode):
            raise Failure("%s is a directory, a file is wanted there. Move it away." % path)
        if found and item["keep"]:
            return
        wanted = content_of(item)
        before = read(path) if found and stat.S_ISREG(found.st_mode) else None
        if before == wanted:
            self.access(path, item, True)
            return
        if before is None or item["secret_base64"] is not None:
            self.note(path, "file written" if before is None else "secret replaced")
        else:
            self.note(path, "", lines(before), lines(wanted))
        if not self.check:
            replace(path, wanted, item)

    def access(self, path, item, existed):
        """Owner, group and mode of what is there; in check mode a path may be missing yet."""
        if not existed and self.check:
            return
        found = os.lstat(path)
        uid, gid, mode = owner_of(item, self.check)
        if (found.st_uid, found.st_gid) != (uid, gid):
            if existed:
                self.note(path, "owner %d:%d, wanted %d:%d" % (found.st_uid, found.st_gid, uid, gid))
            if not self.check:
                os.chown(path, uid, gid, follow_symlinks=False)
        if stat.S_IMODE(found.st_mode) != mode:
            if existed:
                self.note(path, "mode %04o, wanted %04o" % (stat.S_IMODE(found.st_mode), mode))
            if not self.check:
                os.chmod(path, mode)

    def link(self, item):
        path, target = item["path"], item["target"]
        found = status(path)
        if found and not stat.S_ISLNK(found.st_mode):
            raise Failure("%s is in the way: a link to %s is wanted there. Move it away." % (path, target))
        if found and os.readlink(path) == target:
            return
        self.note(path, "link to %s" % target)
        if not self.check:
            following = "%s.next" % path
            if status(following):
                os.unlink(following)
            os.symlink(target, following)
            os.rename(following, path)

    def absent(self, path):
        found = status(path)
        if not found:
            return
        self.note(path, "removed")
        if self.check:
            return
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def status(path):
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def read(path):
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
        return opened.read()


def lines(content):
    return content.decode("utf-8", "replace").splitlines(keepends=True)


def content_of(item):
    encoded = item["content_base64"] if item["content_base64"] is not None else item["secret_base64"]
    if encoded is None:
        raise Failure("%s has neither content, secret nor source." % item["path"])
    return base64.b64decode(encoded)


def owner_of(item, check):
    uid, gid = os.geteuid(), os.getegid()
    try:
        if item["owner"] is not None:
            uid = pwd.getpwnam(item["owner"]).pw_uid
        if item["group"] is not None:
            gid = grp.getgrnam(item["group"]).gr_gid
    except KeyError:
        if not check:
            raise Failure(
                "%s is to belong to %s:%s, and there is no such user or group. The role base makes them."
                % (item["path"], item["owner"], item["group"])
            ) from None
    return uid, gid, int(item["mode"], 8)


def replace(path, content, item):
    """A reader sees the old file or the new one, never half of it, and never with the wrong owner."""
    uid, gid, mode = owner_of(item, False)
    if not os.path.isdir(os.path.dirname(path)):
        raise Failure("%s cannot be written: its directory does not exist." % path)
    handle, following = tempfile.mkstemp(prefix=".%s." % os.path.basename(path), dir=os.path.dirname(path))
    try:
        with open(handle, "wb") as opened:
            os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            opened.write(content)
            opened.flush()
            os.fsync(handle)
        os.rename(following, path)
    except BaseException:
        os.unlink(following)
        raise


def missing_of(module, wanted):
    paths = [path for path in wanted["paths"] if not os.path.exists(path)]
    known = {user.pw_name for user in pwd.getpwall()} if wanted["users"] else set()
    users = [user for user in wanted["users"] if user not in known]
    return paths + users + [unit for unit in wanted["units"] if not runs(module, unit)]


def is_mounted(path, check):
    """Right after a boot its file system may still be looked at: systemd is asked to mount it, and waited for."""
    if not os.path.ismount(path) and not check:
        try:
            escaped = ["systemd-escape", "--path", "--suffix=mount", path]
            unit = subprocess.run(escaped, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            subprocess.run(["systemctl", "start", unit], capture_output=True, check=True, timeout=MOUNT_SECONDS)
        except (OSError, subprocess.SubprocessError):
            pass  # What counts is whether it is mounted now.
    return os.path.ismount(path)


def refuse_former(item):
    if not holds_something(item["path"]):
        return
    if holds_something(item["now"]):
        raise Failure(
            "%(path)s and %(now)s both hold something, and nothing was written. See which of them is newer"
            " (sudo ls -ltR %(path)s %(now)s), move the other one away, and run this again." % item
        )
    raise Failure(
        "What is in %(path)s belongs to %(now)s now, and nothing was written. Move it, and run this again:"
        " sudo systemctl disable --now %(units)s; sudo rm -rf %(now)s.part && sudo cp -a %(path)s %(now)s.part"
        " && sudo mv -T %(now)s.part %(now)s && sudo mv -T %(path)s %(path)s.moved" % item
    )


def holds_something(path):
    return os.path.isdir(path) and not os.path.islink(path) and bool(os.listdir(path))


def run(module):
    given = module.params
    target = Target(module)
    for path in given["mounts"]:
        if not is_mounted(path, module.check_mode):
            raise Failure(
                "%s is not mounted, and what is kept there would be lost with the root disk."
                " See why: systemctl status $(systemd-escape --path --suffix=mount %s)" % (path, path)
            )
    for item in given["former"]:
        refuse_former(item)
    named = {item["path"] for kind in ("directories", "files", "links") for item in given[kind]}
    for item in given["directories"]:
        target.directory(item, named)
    for item in given["files"]:
        target.file(item)
    for item in given["links"]:
        target.link(item)
    for path in given["absent"]:
        target.absent(path)
    stale = stale_units(module, given["files"] + given["inputs"], target.changed)
    return {
        "changed": bool(target.changed or stale),
        "changed_paths": target.changed,
        "stale_units": stale,
        "missing": missing_of(module, given["look_for"]) if given["look_for"] else [],
        "diff": target.diffs + [{"prepared": "%s: restart due\n" % unit} for unit in stale],
    }


def main():
    access = {
        "path": {"type": "path", "required": True},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "mode": {"type": "str", "required": True},
    }
    directory = {
        **access,
        "purge": {"type": "bool", "default": False},
        "with_content": {"type": "bool", "default": False},
    }
    file = {
        **access,
        "content_base64": {"type": "str"},
        "secret_base64": {"type": "str", "no_log": True},
        "keep": {"type": "bool", "default": False},
        "read_by": {"type": "str"},
    }
    former = {name: {"type": "str", "required": True} for name in ("path", "now", "units")}
    link = {"path": {"type": "path", "required": True}, "target": {"type": "str", "required": True}}
    reading = {"path": {"type": "path", "required": True}, "read_by": {"type": "str", "required": True}}

    def records(options):
        return {"type": "list", "elements": "dict", "default": [], "options": options}

    module = UnloggedModule(
        argument_spec={
            "mounts": NAMES,
            "former": records(former),
            "directories": records(directory),
            "files": records(file),
            "links": records(link),
            "absent": NAMES,
            "inputs": records(reading),
            "look_for": {"type": "dict", "options": {name: NAMES for name in ("paths", "users", "units")}},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except Failure as failure:
        module.fail_json(msg=str(failure))


if __name__ == "__main__":
    main()
