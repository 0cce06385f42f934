# SPDX-License-Identifier: Apache-2.0
"""Real engines on sockets of their own: dockerd, and podman's Docker-compatible service.

They need root (mounts, namespaces) and no network: images come from `import`, `load` and classic builds, containers run
with `--network none`."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

START_S = 60

CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:8192", "nproc=4096:4096"]
[engine]
runtime = "%s"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def wait_answering(path, process, timeout_s=START_S):
    """Waits until somebody accepts on a unix socket."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return True
        time.sleep(0.05)
    return False


class Engine:
    """What both have in common. `folder` must be short: a socket's path has 107 bytes."""

    name = ""
    client = ()

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "engine.sock"
        self.process = None
        self.env = dict(os.environ)

    @property
    def host(self):
        """As DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    def _command(self):
        raise NotImplementedError

    def start(self):
        with open(self.folder / "engine.log", "ab") as log:
            self.process = subprocess.Popen(self._command(), env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, start_new_session=True)
        if not wait_answering(self.socket, self.process):
            self.stop()
            raise RuntimeError(f"{self.name} does not start: {(self.folder / 'engine.log').read_text()[-3000:]}")
        return self

    def kill(self):
        """kill -9, in the middle of whatever it does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unmount(self):
        """What an engine that was killed leaves mounted."""
        mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{self.folder}/")]
        for path in sorted(below, reverse=True):
            subprocess.run(["umount", "-l", path], check=False, capture_output=True)

    # -- its own client
    def run(self, *arguments, data=None, timeout_s=180, check=True):
        done = subprocess.run([*self.client, *map(str, arguments)], env=self.env, input=data, capture_output=True,
                              timeout=timeout_s)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name} {arguments}: {done.stderr.decode()}")
        return done

    def text(self, *arguments, **more):
        return self.run(*arguments, **more).stdout.decode().strip()

    def inspect(self, name):
        return json.loads(self.text("image", "inspect", name))[0]

    def image_id(self, name):
        identity = self.inspect(name)["Id"]
        return identity if identity.startswith("sha256:") else f"sha256:{identity}"

    def diff_ids(self, name):
        return self.inspect(name)["RootFS"]["Layers"]

    def config(self, name, folder):
        """The bytes of an image's config, out of `save`."""
        path = folder / "config-of-save.tar"
        self.run("save", "-o", path, name)
        manifest = json.loads(subprocess.run(["tar", "-xOf", path, "manifest.json"], check=True,
                                             capture_output=True).stdout)
        data = subprocess.run(["tar", "-xOf", path, manifest[0]["Config"]], check=True, capture_output=True).stdout
        path.unlink()
        return data

    def run_image(self, name, *command):
        """Runs a container without network; answers what it said."""
        return self.text("run", "--rm", "--network", "none", *self.run_options, name, *command)

    run_options = ()

    def build(self, name, root_tar, *changes):
        """Builds an image of two layers from a root file system; `changes` are lines of a Dockerfile."""
        self.run("import", root_tar, f"{name}-base")
        context = self.folder / "build"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        (context / "greeting").write_text(f"built by {self.name}\n")
        lines = [f"FROM {self.local(name)}-base", "COPY greeting /greeting", *changes]
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        self.run("build", *self.build_options, "-t", name, context)
        return self.image_id(name)

    build_options = ()

    def local(self, name):
        """How the engine calls what it made under `name`."""
        return name

    def remove_all(self):
        self.run("rmi", "-f", *self.text("images", "-aq").split(), check=False)


class Dockerd(Engine):
    name = "docker"

    def __init__(self, folder, storage_driver="overlay2", tls=None):
        """tls: (port of 127.0.0.1, tls.Authority, tls.Pair): listens there too, for clients with a certificate."""
        super().__init__(folder)
        self.tls = tls
        self.client = ("docker", "--host", self.host)
        self.env["DOCKER_CONFIG"] = str(self.folder / "client")
        self.env["DOCKER_BUILDKIT"] = "0"
        self.driver = storage_driver

    def _command(self):
        config = {
            "data-root": str(self.folder / "data"), "exec-root": str(self.folder / "exec"),
            "pidfile": str(self.folder / "docker.pid"), "hosts": [self.host], "bridge": "none", "iptables": False,
            "ip6tables": False, "ip-forward": False, "ip-masq": False, "storage-driver": self.driver,
            "insecure-registries": ["127.0.0.0/8"],
        }
        if self.tls:
            port, authority, pair = self.tls
            config["hosts"].append(f"tcp://127.0.0.1:{port}")
            config |= {"tlsverify": True, "tlscacert": str(authority.ca), "tlscert": str(pair.cert),
                       "tlskey": str(pair.key)}
        path = self.folder / "daemon.json"
        path.write_text(json.dumps(config))
        return ["dockerd", "--config-file", str(path)]


class Podman(Engine):
    name = "podman"
    build_options = ("--isolation", "chroot", "--format", "docker")

    def __init__(self, folder, runtime="runc"):
        super().__init__(folder)
        conf = self.folder / "containers.conf"
        conf.write_text(CONTAINERS_CONF % runtime)
        self.env["CONTAINERS_CONF"] = str(conf)
        registries = self.folder / "registries.conf"
        registries.write_text('unqualified-search-registries = []\n')
        self.env["CONTAINERS_REGISTRIES_CONF"] = str(registries)
        self.client = ("podman", "--root", str(self.folder / "data"), "--runroot", str(self.folder / "exec"),
                       "--storage-driver", "overlay")

    def _command(self):
        return [*self.client, "system", "service", "--time=0", self.host]

    def local(self, name):
        return f"localhost/{name}"


KINDS = {"docker": Dockerd, "podman": Podman}


def why_not():
    """Why engines cannot run here; None if they can."""
    if os.geteuid() != 0:
        return "engines need root"
    missing = [name for name in ("dockerd", "docker", "podman", "runc") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None
