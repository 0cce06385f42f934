# SPDX-License-Identifier: Apache-2.0
"""Runs the real program in a home of its own, with canary secrets, and looks for them in everything it says."""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

from .report import Report

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 90


def binary():
    """$SAFEPORT, or build/safeport as `make build` leaves it, or where ninja puts it."""
    named = os.environ.get("SAFEPORT")
    places = [pathlib.Path(named)] if named else [ROOT / "build" / "safeport", ROOT / "build" / "cli" / "safeport"]
    for place in places:
        if place.is_file():
            return place
    return None


def disguises(secret):
    """The forms in which a secret could leak: as it is, quoted, and base64 (in the three positions it can have)."""
    forms = {secret, urllib.parse.quote(secret, safe="")}
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + secret.encode()).decode()
        # The characters that bytes before or after the secret would change are left out.
        start = (0, 2, 3)[lead]
        end = len(coded) - (4 if (lead + len(secret)) % 3 else 0)
        if end - start >= 8:
            forms.add(coded[start:end])
    return {form for form in forms if len(form) >= 8}


def find_secret(text, secrets):
    """The first secret that appears in a text in any disguise, or None."""
    for secret in secrets:
        for form in disguises(secret):
            if form in text:
                return secret
    return None


class Result:
    def __init__(self, arguments, status, stdout, stderr, seconds):
        self.arguments, self.status, self.seconds = arguments, status, seconds
        self.stdout, self.stderr = stdout, stderr

    @property
    def report(self):
        """The --json document; stdout holds that and nothing else."""
        return Report(json.loads(self.stdout))

    @property
    def text(self):
        return self.stdout + self.stderr

    def __repr__(self):
        return (f"<safeport {' '.join(self.arguments)}\n exit {self.status} after {self.seconds:.2f} s\n"
                f"--- stdout\n{self.stdout[-6000:]}\n--- stderr\n{self.stderr[-6000:]}>")


# What must not reach a terminal: control characters and marks that turn the direction of writing.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


class Safeport:
    """home: an empty directory that becomes HOME, XDG_* and the vault's place.
    `secrets` grows by what login() and others add; no output may hold one."""

    def __init__(self, home):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.secrets = []
        self.keepers = []  # files and folders that may hold secrets, besides .docker
        self.env = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state"),
                    "XDG_CONFIG_HOME": str(home / "config"), "XDG_RUNTIME_DIR": str(home / "run"),
                    "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.options = ["--retry-for", "3"]  # what is down in a test stays down

    # -- who we are
    def login(self, host, user, password, *, how="environment"):
        """Credentials for a host: in the environment, or in docker's config.json."""
        self.secrets.append(password)
        if how == "environment":
            variable = "SAFEPORT_AUTH_" + re.sub(r"[^A-Z0-9]", "_", host.upper())
            self.env[variable] = f"{user}:{password}"
            return
        path = self.home / ".docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        document = json.loads(path.read_text()) if path.exists() else {"auths": {}}
        document["auths"][host] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
        path.write_text(json.dumps(document))
        path.chmod(0o600)

    def use(self, registry, *, how="environment"):
        """All that it needs to talk to a support.registry.Registry."""
        if registry.tls:
            self.options += ["--ca", f"{registry.host}={registry.ca}"]
        if registry.htpasswd:
            user, password = next(iter(registry.htpasswd.items()))
            self.login(registry.host, user, password, how=how)
        if registry.token:
            user, known = next(iter(registry.token.users.items()))
            self.login(registry.host, user, known.password, how=how)
            self.options += ["--token-host", f"{registry.host}=127.0.0.1:{registry.token.port}"]

    @property
    def vault(self):
        return self.home / "data" / "safeport" / "vault"

    def vault_layout(self, name):
        """Where a repository of the vault is an OCI image layout."""
        return self.vault / "repos" / name / "_"

    # -- running
    def command(self, *arguments):
        return [str(binary()), str(arguments[0]), *self.options, *map(str, arguments[1:])]

    def run(self, *arguments, env=None, cwd=None, timeout_s=TIMEOUT_S, status=None, data=None, stdin=None):
        """Runs to its end. status: what it must exit with (an int, or several). Its stdin: data (a text), a file, or
        nothing."""
        return self.start(*arguments, env=env, cwd=cwd, data=data, stdin=stdin).wait(timeout_s, status)

    def start(self, *arguments, env=None, cwd=None, data=None, stdin=None):
        return Running(self, self.command(*arguments), {**self.env, **(env or {})}, cwd or self.home, data, stdin)

    def check_quiet(self, result):
        """No secret in what was said, nor in what was left on disk (other than docker's config.json)."""
        leaked = find_secret(result.text, self.secrets)
        assert leaked is None, f"secret {leaked!r} in the output of {result!r}"
        assert not CONTROL.search(result.stdout), f"control characters on stdout: {result!r}"
        assert not CONTROL.search(result.stderr), f"control characters on stderr: {result!r}"
        assert "Sanitizer" not in result.stderr and "runtime error" not in result.stderr, repr(result)
        for path in self.home.rglob("*"):
            if ".docker" in path.parts or "pool" in path.parts or "blobs" in path.parts or not path.is_file():
                continue
            if any(path == keeper or keeper in path.parents for keeper in self.keepers):
                continue
            leaked = find_secret(path.read_bytes().decode("latin-1"), self.secrets)
            assert leaked is None, f"secret {leaked!r} in file {path}"


class Running:
    """A run that has begun."""

    def __init__(self, owner, command, env, cwd, data=None, stdin=None):
        self.owner, self.arguments, self.data = owner, command[1:], data
        self.began = time.monotonic()
        stdin = stdin or (subprocess.DEVNULL if data is None else subprocess.PIPE)
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout_s=TIMEOUT_S, status=None):
        try:
            out, err = self.process.communicate(self.data and self.data.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            out, err = self.process.communicate()
            result = self._result(out, err)
            raise AssertionError(f"did not end in {timeout_s} s: {result!r}") from None
        result = self._result(out, err)
        if result.status != -signal.SIGKILL:
            self.owner.check_quiet(result)
        if status is not None:
            wanted = (status,) if isinstance(status, int) else tuple(status)
            assert result.status in wanted, f"exit status {result.status}, expected {status}: {result!r}"
        return result

    def _result(self, out, err):
        return Result(self.arguments, self.process.returncode, out.decode(errors="surrogateescape"),
                      err.decode(errors="surrogateescape"), time.monotonic() - self.began)
