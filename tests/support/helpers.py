# SPDX-License-Identifier: Apache-2.0
"""Credential helpers as programs on a PATH: one that is good, and all kinds that are not. Every bad one has a secret in
hand, says it on stdout and stderr, and must not get it shown."""

import json

CANARY = "canary-of-a-helper"

GOOD = """\
#!/usr/bin/python3
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
(folder / "calls").open("a").write(sys.argv[1] + "\\n")
path = folder / "kept.json"
kept = json.loads(path.read_text()) if path.exists() else {}
text = sys.stdin.read()
def unknown():
    print("credentials not found in native keychain")
    sys.exit(1)
if sys.argv[1] == "get":
    if text not in kept: unknown()
    print(json.dumps(kept[text]))
elif sys.argv[1] == "store":
    entry = json.loads(text)
    kept[entry["ServerURL"]] = entry
    path.write_text(json.dumps(kept))
elif sys.argv[1] == "erase":
    if kept.pop(text, None) is None: unknown()
    path.write_text(json.dumps(kept))
"""

# Ends well, and keeps nothing, or what it had before.
FORGETFUL = '''\
#!/bin/sh
[ "$1" = store ] && exit 0
echo "credentials not found in native keychain"; exit 1
'''
STUBBORN = '''\
#!/bin/sh
[ "$1" = get ] && echo '{"ServerURL":"","Username":"%s","Secret":"%s"}'
exit 0
''' % ("_token", "canary-of-a-helper")

# name -> (body of a shell script, what safeport must say)
BAD = {
    "hanging": (f"echo {CANARY}; echo {CANARY} >&2; sleep 1000", "gave no answer within 10 s"),
    "flooding": (f"while :; do echo {CANARY}; echo {CANARY} >&2; done", "answered with more than 64 KiB"),
    "lying": (f"""echo '{{"ServerURL":"evil.test","Username":"bob","Secret":"{CANARY}"}}'""",
              "answered with the credentials of another registry"),
    "babbling": (f"echo {CANARY}", "did not answer with credentials"),
    "failing": (f"echo {CANARY}; echo {CANARY} >&2; exit 1", "failed (exit status 1)"),
    "absent": (None, "is not installed"),
}


class Helpers:
    """folder: an empty one, to be put on the PATH."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self._write("good", GOOD)
        self._write("forgetful", FORGETFUL)
        self._write("stubborn", STUBBORN)
        for name, (body, _) in BAD.items():
            if body:
                self._write(name, f"#!/bin/sh\n{body}\n")

    def _write(self, name, text):
        path = self.folder / f"docker-credential-{name}"
        path.write_text(text)
        path.chmod(0o755)

    @property
    def kept(self):
        """What the good one keeps."""
        path = self.folder / "kept.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def keep(self, url, user, secret):
        (self.folder / "kept.json").write_text(
            json.dumps({**self.kept, url: {"ServerURL": url, "Username": user, "Secret": secret}}))

    @property
    def calls(self):
        """The verbs that the good one was called with."""
        path = self.folder / "calls"
        return path.read_text().split() if path.exists() else []
