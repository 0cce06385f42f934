# SPDX-License-Identifier: Apache-2.0
"""Real registries: Debian's docker-registry as a process on loopback, with storage that a test may damage."""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
from collections import namedtuple

from . import ports

Access = namedtuple("Access", "method path query status sent")
ACCESS_LINE = re.compile(r'^\S+ \S+ \S+ \[[^\]]*\] "([A-Z]+) (\S+) [^"]*" (\d+) (\d+|-)')
BLOB_READ = re.compile(r"^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$")


class Registry:
    """One docker-registry.

    tls        tls.Pair: serve https with it
    htpasswd   {user: password}: basic auth
    token      TokenServer: token auth
    cache      the blob descriptor cache that most installations have; what makes HEAD lie after a loss
    storage    an existing directory (a tmpfs, say) to use in place of folder/storage
    """

    def __init__(self, folder, *, tls=None, htpasswd=None, token=None, cache=True, delete=True, storage=None,
                 readonly=False, ca=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.tls, self.htpasswd, self.token, self.ca = tls, htpasswd, token, ca
        self.cache, self.delete, self.readonly = cache, delete, readonly
        self.storage = storage or folder / "storage"
        self.storage.mkdir(exist_ok=True)
        self.process = None
        self.port = 0
        self._log = folder / "access.log"

    # -- life
    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def _auth_config(self):
        if self.htpasswd:
            path = self.folder / "htpasswd"
            lines = [subprocess.run(["htpasswd", "-nbB", "-C", "4", user, password], check=True, capture_output=True,
                                    text=True).stdout.strip() for user, password in self.htpasswd.items()]
            path.write_text("\n".join(lines) + "\n")
            return {"htpasswd": {"realm": "basic-realm", "path": str(path)}}
        if self.token:
            return {"token": {"realm": self.token.realm, "service": self.token.service, "issuer": self.token.issuer,
                              "rootcertbundle": str(self.token.pair.cert)}}
        return None

    def _write_config(self):
        config = {
            "version": "0.1",
            "log": {"level": "info", "formatter": "json"},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": self.delete},
                        "maintenance": {"uploadpurging": {"enabled": False},
                                        "readonly": {"enabled": self.readonly}}},
            "http": {"addr": self.host, "secret": "a-fixed-secret"},
        }
        if self.cache:
            config["storage"]["cache"] = {"blobdescriptor": "inmemory"}
        if self.tls:
            config["http"]["tls"] = {"certificate": str(self.tls.cert), "key": str(self.tls.key)}
        auth = self._auth_config()
        if auth:
            config["auth"] = auth
        path = self.folder / "config.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def start(self):
        for _ in range(5):
            if self.port == 0:
                self.port = ports.free_port()
            path = self._write_config()
            env = {k: v for k, v in os.environ.items() if not k.startswith("REGISTRY_")}
            with open(self._log, "ab") as out, open(self.folder / "error.log", "ab") as err:
                self.process = subprocess.Popen(["docker-registry", "serve", str(path)], stdout=out, stderr=err,
                                                env=env, cwd=self.folder, start_new_session=True)
            if ports.wait_listening(self.port, self.process):
                return self
            self.stop()
            self.port = 0
        raise RuntimeError(f"docker-registry does not start: {(self.folder / 'error.log').read_text()[-2000:]}")

    def stop(self):
        """Ends it politely."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self):
        """kill -9."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def restart(self):
        """A restart on the same port: the cache is cold afterwards."""
        self.stop()
        return self.start()

    def collect_garbage(self):
        """Takes whatever no tag names."""
        self.stop()
        subprocess.run(["docker-registry", "garbage-collect", "-m", str(self.folder / "config.yml")],
                       capture_output=True, check=True)
        self.start()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # -- what it was asked
    def log(self):
        """All requests answered so far, in the order of their answers. A line is written after its answer was sent: the log
        is read when it grows no more, or after a second: somebody may write without end."""
        size, deadline = -1, time.monotonic() + 1
        while size != (now := self._log.stat().st_size) and time.monotonic() < deadline:
            size = now
            time.sleep(0.015)
        entries = []
        for line in self._log.read_text(errors="replace").splitlines():
            match = ACCESS_LINE.match(line)
            if match:
                target = urllib.parse.urlsplit(match[2])
                sent = 0 if match[4] == "-" else int(match[4])
                entries.append(Access(match[1], target.path, target.query, int(match[3]), sent))
        return entries

    def clear_log(self):
        os.truncate(self._log, 0)

    def blob_reads(self):
        """{digest: number of GETs of the blob that sent more than one byte} (a touch fetches one)."""
        counts = {}
        for entry in self.log():
            match = BLOB_READ.match(entry.path)
            if match and entry.method == "GET" and entry.status in (200, 206) and entry.sent > 1:
                counts[match[2]] = counts.get(match[2], 0) + 1
        return counts

    # -- its storage
    @property
    def _root(self):
        return self.storage / "docker" / "registry" / "v2"

    def blob_path(self, digest):
        alg, hexa = digest.split(":")
        return self._root / "blobs" / alg / hexa[:2] / hexa / "data"

    def repository_path(self, name):
        return self._root / "repositories" / name

    def tag_link(self, name, tag):
        return self.repository_path(name) / "_manifests" / "tags" / tag / "current" / "link"

    def uploads(self):
        """Upload sessions that were left behind."""
        return [p for folder in self._root.glob("repositories/**/_uploads") for p in folder.iterdir()]

    def wipe(self):
        """The volume is lost under the running registry."""
        for child in list(self.storage.iterdir()):
            shutil.rmtree(child)

    def truncate(self, digest, size):
        os.truncate(self.blob_path(digest), size)

    def flip(self, digest, offset=0):
        """One bit of a stored blob changes."""
        with open(self.blob_path(digest), "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))

    def remove(self, digest):
        shutil.rmtree(self.blob_path(digest).parent)

    def poison(self, digest):
        """The zero-length file that a full disk leaves."""
        path = self.blob_path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


@contextlib.contextmanager
def tmpfs(path, mib, inodes=None):
    """A small file system of its own; needs root."""
    path.mkdir(parents=True, exist_ok=True)
    options = f"size={mib}m" + (f",nr_inodes={inodes}" if inodes else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def can_mount_tmpfs(folder):
    """Whether tmpfs() works for us here."""
    if os.geteuid() != 0:
        return False
    try:
        with tmpfs(folder / "mount-probe", 1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def fill(path, leave_bytes=0):
    """Writes a file until the file system has at most leave_bytes free; answers the file."""
    ballast = path / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                left = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize - leave_bytes
                if left <= 0:
                    break
                file.write(bytes(min(left, 1 << 20)))
    return ballast


def basic_header(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
