# SPDX-License-Identifier: Apache-2.0
"""What the benches stand on: registries on loopback with their storage in memory, an image of a given shape, and the
cost of one command (wall, CPU, peak memory) as the kernel counts it.

Nothing here judges; bench/run does. Figures are only ever compared inside one run.
"""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time

MIB = 1 << 20
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAFEPORT = os.environ.get("SAFEPORT", os.path.join(ROOT, "build", "safeport"))


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cost:
    """What one command cost. Memory comes from a small parent (time), because a child inherits its parent's peak."""

    def __init__(self, wall, cpu, rss_mib, status):
        self.wall, self.cpu, self.rss_mib, self.status = wall, cpu, rss_mib, status


def measure(command, shell=False):
    argv = ["bash", "-c", command] if shell else command
    with tempfile.NamedTemporaryFile("r") as out:
        begin = time.monotonic()
        result = subprocess.run(["/usr/bin/time", "-q", "-o", out.name, "-f", "%U %S %M", *argv],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wall = time.monotonic() - begin
        user, system, rss = out.read().split()[-3:]
    if result.returncode:
        print(f"! {argv}: exit {result.returncode}: {result.stderr.decode(errors='replace')[-400:]}")
    return Cost(wall, float(user) + float(system), int(rss) / 1024, result.returncode)


def median(costs, field):
    return statistics.median(getattr(c, field) for c in costs)


class Registry:
    """Debian's docker-registry with its storage on tmpfs; `wipe` makes it empty and restarts it."""

    def __init__(self, folder, name, tls=None):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.tls = tls
        self.storage = os.path.join(folder, name)
        self.config = os.path.join(folder, name + ".yml")
        tls_part = f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}" if tls else ""
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"version: 0.1\nlog: {{level: error}}\n"
                    f"storage: {{filesystem: {{rootdirectory: {self.storage}}}}}\n"
                    f"http: {{addr: '{self.host}', secret: fixed{tls_part}}}\n")
        self.process = None
        self.start()

    def start(self):
        os.makedirs(self.storage, exist_ok=True)
        self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError("registry did not start")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def wipe(self):
        self.stop()
        shutil.rmtree(self.storage, ignore_errors=True)
        self.start()

    @property
    def scheme(self):
        return "https" if self.tls else "http"

    def request(self, method, path, body=None, headers=None):
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls[0])
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.headers, data

    def upload_url(self, repository, digest):
        """Opens an upload session; the URL of its closing PUT, for curl."""
        _, headers, _ = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        location = headers["Location"]
        return location + ("&" if "?" in location else "?") + "digest=" + digest

    def put_blob(self, repository, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        url = self.upload_url(repository, digest)
        status, _, _ = self.request("PUT", url[url.index("/v2/"):], data,
                                    {"Content-Type": "application/octet-stream"})
        assert status == 201, status
        return digest

    def put_manifest(self, repository, tag, manifest):
        data = json.dumps(manifest).encode()
        status, _, body = self.request("PUT", f"/v2/{repository}/manifests/{tag}", data,
                                       {"Content-Type": manifest["mediaType"]})
        assert status == 201, body
        return "sha256:" + hashlib.sha256(data).hexdigest()


CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def put_image(registry, repository, tag, layers):
    """Publishes an image of the given layers (bytes objects); returns its layers' digests."""
    config = registry.put_blob(repository, CONFIG)
    digests = [registry.put_blob(repository, layer) for layer in layers]
    registry.put_manifest(repository, tag, {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(CONFIG)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": d, "size": len(layer)}
                   for d, layer in zip(digests, layers)]})
    return digests


def tag_digest(registry, repository, tag):
    status, headers, _ = registry.request("HEAD", f"/v2/{repository}/manifests/{tag}",
                                          headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    return headers["Docker-Content-Digest"] if status == 200 else None


def make_certificate(folder):
    """A throw-away certificate for 127.0.0.1 that is its own authority: (certificate, key). The certificate has a folder
    of its own, because skopeo takes a folder of authorities."""
    os.makedirs(os.path.join(folder, "ca"))
    crt, key = os.path.join(folder, "ca", "tls.crt"), os.path.join(folder, "tls.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return crt, key


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "?")
    return f"{os.cpu_count()} x {model}, kernel {os.uname().release}"


def commit():
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    dirty = subprocess.run(["git", "-C", ROOT, "status", "--porcelain", "-uno"], capture_output=True, text=True).stdout
    return head.stdout.strip() + (" (with local changes)" if dirty.strip() else "")


class Relay:
    """bench/relay.c: every byte to and from these ports is late. `ports` are where it listens, in the same order."""

    def __init__(self, folder, delay_ms, targets):
        program = os.path.join(folder, "relay")
        if not os.path.exists(program):
            subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program, os.path.join(ROOT, "bench", "relay.c")],
                           check=True)
        self.process = subprocess.Popen([program, str(delay_ms), *map(str, targets)], stdout=subprocess.PIPE, text=True)
        self.ports = [int(self.process.stdout.readline()) for _ in targets]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
