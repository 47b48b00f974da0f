# Reads what olympus_files takes from the control node, and hands the module one list of contents.

from __future__ import annotations

import base64
import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

KINDS = ("mounts", "former", "directories", "links", "absent", "inputs")
ACCESS = ("owner", "group", "read_by")


class ActionModule(ActionBase):
    """Expands C(source) of files, and trees, into directories and files with their content."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        given = dict(self._task.args)
        wanted = {kind: list(given.pop(kind, None) or []) for kind in KINDS}
        wanted["files"] = []
        wanted["look_for"] = given.pop("look_for", None)
        for item in given.pop("files", None) or []:
            expand_file(item, wanted)
        for item in given.pop("trees", None) or []:
            expand_tree(item, wanted)
        if given:
            raise AnsibleActionFail("olympus_files does not know %s" % ", ".join(sorted(given)))
        result.update(self._execute_module(module_args=wanted, task_vars=task_vars))
        return result


def expand_file(item, wanted):
    item = dict(item)
    source, optional = item.pop("source", None), item.pop("optional", False)
    if source is None:
        wanted["files"].append(encoded(item))
    elif os.path.isfile(source):
        wanted["files"].append({**item, "content_base64": base64_of(source)})
    elif optional and not item.get("keep"):
        wanted["absent"].append(item["path"])
    elif not optional:
        raise AnsibleActionFail("%s is wanted at %s, and is not there" % (source, item["path"]))


def encoded(item):
    for name in ("content", "secret"):
        if name not in item:
            continue
        text = item.pop(name)
        if not isinstance(text, str):
            raise AnsibleActionFail("%s: Ansible made an object of its content; give it in base64" % item["path"])
        item["%s_base64" % name] = base64.b64encode(text.encode()).decode()
    return item


def expand_tree(item, wanted):
    source, path = item["source"], item["path"]
    if not os.path.isdir(source):
        if not item.get("optional"):
            raise AnsibleActionFail("the folder %s is wanted at %s, and is not there" % (source, path))
        wanted["absent"].append(path)
        return
    access = {name: item[name] for name in ACCESS if name in item}
    directory = {name: item[name] for name in ("owner", "group") if name in item}
    for folder, subfolders, names in os.walk(source):
        subfolders.sort()
        at = os.path.normpath(os.path.join(path, os.path.relpath(folder, source)))
        wanted["directories"].append({"path": at, "mode": item["directory_mode"], "purge": True, **directory})
        for name in sorted(names):
            content = base64_of(os.path.join(folder, name))
            wanted["files"].append(
                {"path": os.path.join(at, name), "mode": item["mode"], "content_base64": content, **access}
            )


def base64_of(source):
    with open(source, "rb") as opened:
        return base64.b64encode(opened.read()).decode()
