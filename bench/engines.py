# SPDX-License-Identifier: Apache-2.0
"""An image in a dockerd, and the ways to get it to two registries. CPU and memory are those of the client: what `docker
push` costs is the daemon's."""

import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

import rig

sys.path.insert(0, os.path.join(rig.ROOT, "tests"))
from support import engine  # noqa: E402

TOTAL_MIB, LAYERS = 500, 4
NAME = "bench/app"
FILES = "/usr"  # programs and their data, as images hold them


def why_not():
    return engine.why_not()


def real_files():
    """Regular files of this machine, in a fixed order."""
    for folder, folders, names in os.walk(FILES):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def write_layers(folder):
    """Tars of real files, TOTAL_MIB together."""
    files = real_files()
    for number in range(LAYERS):
        left = TOTAL_MIB * rig.MIB // LAYERS
        with tarfile.open(folder / f"layer{number}.tar", "w") as archive:
            while left > 0:
                path = next(files)
                archive.add(path)
                left -= os.path.getsize(path) + 1024


class Bench:
    def __init__(self, folder):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spb-"))  # a disk: overlay needs one
        self.home = self.folder / "home"
        self.dockerd = engine.Dockerd(self.folder / "docker").start()
        context = self.folder / "context"
        context.mkdir()
        write_layers(context)
        (context / "Dockerfile").write_text("FROM scratch\n" + "".join(f"ADD layer{n}.tar /\n" for n in range(LAYERS)))
        self.dockerd.run("build", "-t", NAME, context, timeout_s=600)
        shutil.rmtree(context)
        self.registries = [rig.Registry(folder, name) for name in ("first", "second")]
        os.environ["DOCKER_HOST"] = self.dockerd.host

    def stop(self):
        del os.environ["DOCKER_HOST"]
        for registry in self.registries:
            registry.stop()
        self.dockerd.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def commands(self):
        hosts = [registry.host for registry in self.registries]
        to = " ".join(f"--to {host}/{NAME}" for host in hosts)
        docker = f"docker --host {self.dockerd.host}"
        return {
            "safeport": f"SAFEPORT_STATE={self.home} {rig.SAFEPORT} push docker-daemon:{NAME} {to} --tag v1 --quiet",
            "skopeo twice": " && ".join(
                f"skopeo copy --quiet --src-daemon-host {self.dockerd.host} --dest-tls-verify=false "
                f"docker-daemon:{NAME}:latest docker://{host}/{NAME}:v1" for host in hosts),
            "docker push twice": " && ".join(f"{docker} tag {NAME} {host}/{NAME}:v1 && "
                                             f"{docker} push --quiet {host}/{NAME}:v1" for host in hosts),
        }

    def run(self, rounds):
        """{name: [Cost]}: all of them in every round, each into empty registries."""
        results = {}
        for _ in range(rounds):
            for name, command in self.commands().items():
                shutil.rmtree(self.home, ignore_errors=True)
                for registry in self.registries:
                    registry.wipe()
                results.setdefault(name, []).append(rig.measure(command, shell=True))
                if name == "safeport":
                    results.setdefault("safeport again", []).append(rig.measure(command, shell=True))
        return results
