# SPDX-License-Identifier: Apache-2.0
"""Reading back with another client: whatever safeport wrote, skopeo must be able to pull, byte for byte."""

import hashlib
import json
import re
import shutil
import subprocess


def run(*arguments, timeout_s=120):
    return subprocess.run(["skopeo", *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s)


def _hash(path):
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()


def access(registry, folder, side="src"):
    """skopeo's options for a support.registry.Registry."""
    options = []
    if registry.tls:
        trust = folder / "skopeo-trust"
        trust.mkdir(exist_ok=True)
        shutil.copy(registry.ca, trust / "ca.crt")
        options += [f"--{side}-cert-dir", trust]
    else:
        options += [f"--{side}-tls-verify=false"]
    if registry.htpasswd:
        options += [f"--{side}-creds", ":".join(next(iter(registry.htpasswd.items())))]
    if registry.token:
        name, user = next(iter(registry.token.users.items()))
        options += [f"--{side}-creds", f"{name}:{user.password}"]
    return options


def pull(source, folder, options=()):
    """Copies everything of `source` (skopeo's name for it) into folder; answers the digest of its manifest.
    Every blob and child manifest is hashed here once more."""
    target = folder / "skopeo-pull"
    shutil.rmtree(target, ignore_errors=True)
    done = run("copy", "--all", "--preserve-digests", *options, source, f"dir:{target}")
    assert done.returncode == 0, f"skopeo cannot read {source}: {done.stderr}"
    for path in target.iterdir():
        match = re.fullmatch(r"([0-9a-f]{64})(\.manifest\.json)?", path.name)
        assert not match or _hash(path) == match[1], f"{path.name} of {source} holds other bytes"
    digest = "sha256:" + _hash(target / "manifest.json")
    shutil.rmtree(target)
    return digest


def pull_registry(registry, name, tag, folder):
    return pull(f"docker://{registry.host}/{name}:{tag}", folder, access(registry, folder))


def pull_layout(path, tag, folder):
    return pull(f"oci:{path}:{tag}", folder)


def raw(source, options=()):
    """The manifest as skopeo sees it."""
    done = run("inspect", "--raw", *options, source)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
