# SPDX-License-Identifier: Apache-2.0
"""Images out of real engines and into them: dockerd and podman, each building what the other runs."""

import copy
import gzip
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from support import archives, engine, engine_images, fake_engine, oracle, ports, skopeo, tls, wire

ENGINES = pytest.mark.parametrize("kind", list(engine.KINDS))
FULL = os.environ.get("SAFEPORT_TEST_FULL")  # the Debian image everywhere: minutes more
OTHER = {"docker": "podman", "podman": "docker"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def images(*debian):
    """Parameters: busybox of each engine, and the real Debian of these (of both in a full run)."""
    cases = [(kind, "busybox") for kind in engine.KINDS]
    cases += [(kind, "debian") for kind in (engine.KINDS if FULL else debian)]
    return pytest.mark.parametrize("kind,image", cases)


class Built:
    """One image in one engine."""

    def __init__(self, one, name):
        self.engine, self.name = one, one.local(name)
        self.id = one.image_id(self.name)
        self.diff_ids = one.diff_ids(self.name)

    @property
    def greeting(self):
        return f"built by {self.engine.name}"


@pytest.fixture(scope="session")
def built(engines, debian, session_dir):
    """{(engine, image): Built}: a Debian and a busybox, built by each engine."""
    folder = session_dir / "engine-images"
    folder.mkdir()
    roots = {"busybox": engine_images.busybox_root(folder / "busybox.tar"),
             "debian": engine_images.debian_root(debian, folder / "debian.tar")}
    roots["second"] = roots["busybox"]
    made = {}
    for kind, one in engines.items():
        for image, root in roots.items():
            one.build(f"{image}-app", root, f"ENV IMAGE={image}", 'CMD ["/bin/cat", "/greeting"]')
            made[kind, image] = Built(one, f"{image}-app")
    return made


@pytest.fixture
def two(start):
    return [start("first"), start("second")]


def to(registries, name="team/app"):
    return [word for one in registries for word in ("--to", f"{one.host}/{name}")]


def use(port, one):
    port.env["DOCKER_HOST"] = one.host


def pull_and_run(one, server, digest):
    """The engine pulls by digest and runs it; answers what the container said."""
    reference = f"{server.host}/team/app@{digest}"
    insecure = ["--tls-verify=false"] if one.name == "podman" else []
    one.run("pull", *insecure, reference)
    said = one.run_image(reference)
    one.run("rmi", "-f", reference)
    return said


def check_content(image, server, digest, tmp_path):
    """Config and diffIDs are the engine's own, byte for byte."""
    client = wire.Wire.to(server)
    manifest = json.loads(client.manifest("team/app", digest).body)
    assert manifest["config"]["digest"] == image.id
    config = client.blob("team/app", image.id).body
    assert config == image.engine.config(image.name, tmp_path)
    assert json.loads(config)["rootfs"]["diff_ids"] == image.diff_ids
    plain = [gzip.decompress(client.blob("team/app", layer["digest"]).body) for layer in manifest["layers"]]
    assert [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in plain] == image.diff_ids


def check_arrival(image, registries, report, engines, tmp_path, tag="v1"):
    for place, server in zip(report.places, registries):
        assert place.error is None and place.tags == {tag: "set"} and place.proof in ("touched", "read")
        assert oracle.check_tag(oracle.StoragePlace(server.storage, "team/app"), tag, report.digest)
        assert wire.Wire.to(server).tags("team/app") == [tag]
    assert skopeo.pull_registry(registries[0], "team/app", tag, tmp_path) == report.digest
    check_content(image, registries[0], report.digest, tmp_path)
    other = engines[OTHER[image.engine.name]]
    assert pull_and_run(other, registries[1], report.digest) == image.greeting


# -- an engine as the source

@images("docker", "podman")
def test_socket_to_two_registries_and_run_by_the_other_engine(built, engines, two, port, tmp_path, kind, image):
    use(port, engines[kind])
    source = built[kind, image]
    done = port.run("push", f"docker-daemon:{source.name}", *to(two), "--tag", "v1", "--json", status=0)
    check_arrival(source, two, done.report, engines, tmp_path)


@images()
def test_second_push_asks_for_no_image_and_sends_nothing(built, engines, two, port, socket_path, kind, image):
    listening = fake_engine.Listening(socket_path, engines[kind].socket)
    try:
        port.env["DOCKER_HOST"] = listening.host
        push = ("push", f"docker-daemon:{built[kind, image].name}", *to(two), "--tag", "v1", "--json")
        first = port.run(*push, status=0).report
        assert len(listening.asked("/get$")) == 1
        listening.requests.clear()
        for server in two:
            server.clear_log()
        again = port.run(*push, status=0).report
        assert again.digest == first.digest
        assert not listening.asked("/get$") and listening.asked("/json$")
        for server in two:
            assert {entry.method for entry in server.log()} <= {"GET", "HEAD"}
    finally:
        listening.stop()


def test_new_destination_of_a_known_image_gets_the_same(built, engines, two, port):
    """What is remembered is not what is sent: the layers come from the engine again."""
    use(port, engines["docker"])
    name = built["docker", "busybox"].name
    first = port.run("push", f"docker-daemon:{name}", *to(two[:1]), "--tag", "v1", "--json", status=0).report
    second = port.run("push", f"docker-daemon:{name}", *to(two), "--tag", "v2", "--json", status=0).report
    assert first.digest == second.digest
    assert oracle.check_tag(oracle.StoragePlace(two[1].storage, "team/app"), "v2", first.digest)


def test_lost_memory_changes_nothing(built, engines, two, port):
    use(port, engines["docker"])
    push = ("push", f"docker-daemon:{built['docker', 'busybox'].name}", *to(two), "--tag", "v1", "--json")
    first = port.run(*push, status=0).report
    records = list((port.home / "state" / "safeport" / "images").iterdir())
    assert records
    for number, path in enumerate(records):
        path.write_bytes([b"", b"sha256:" + b"0" * 64 + b" x\n{}"][number % 2])
    assert port.run(*push, status=0).report.digest == first.digest


def test_by_id_and_by_the_names_that_engines_use(built, engines, two, port):
    use(port, engines["docker"])
    image = built["docker", "busybox"]
    digests = {port.run("push", f"docker-daemon:{name}", *to(two[:1]), "--tag", "v1", "--json", status=0).report.digest
               for name in (image.id, image.name, f"{image.name}:latest", f"docker.io/library/{image.name}")}
    assert len(digests) == 1
    use(port, engines["podman"])  # what podman builds as "app" is localhost/app, and found as "app" too
    port.run("push", "docker-daemon:busybox-app", *to(two[:1]), "--tag", "v1", status=0)
    port.run("push", f"docker-daemon:{image.id}", *to(two[:1]), status=2)  # which tag is it to get?


def test_inspect_and_verify_what_an_engine_has(built, engines, two, port):
    use(port, engines["docker"])
    image = built["docker", "busybox"]
    where = f"docker-daemon:{image.id}"
    pushed = port.run("push", where, *to(two[:1]), "--tag", "v1", "--json", status=0).report.digest
    for name in (where, f"docker-daemon:{image.name}"):
        assert json.loads(port.run("inspect", name, "--json", status=0).stdout)["digest"] == pushed
        config = json.loads(port.run("inspect", name, "--config", status=0).stdout)
        assert config["rootfs"]["diff_ids"] == image.diff_ids
        port.run("verify", name, f"{two[0].host}/team/app:v1", "--read", status=0)
    assert "docker images" in port.run("tags", f"docker-daemon:{image.name}", status=1).stderr


@ENGINES
def test_an_image_of_another_platform_than_was_asked_for_is_refused(built, engines, two, port, kind):
    use(port, engines[kind])
    push = ("push", f"docker-daemon:{built[kind, 'busybox'].name}", *to(two[:1]), "--tag", "v1", "--platform")
    assert f"is of the platform 'linux/{HERE}' only" in port.run(*push, "linux/s390x", status=1).stderr
    port.run(*push, f"linux/{HERE}", status=0)


def test_zstd_on_request(built, engines, two, port):
    use(port, engines["docker"])
    name = f"docker-daemon:{built['docker', 'busybox'].name}"
    gzip_digest = port.run("push", name, *to(two[:1]), "--tag", "v1", "--json", status=0).report.digest
    report = port.run("push", name, *to(two[:1]), "--tag", "v2", "--compress", "zstd", "--json", status=0).report
    manifest = json.loads(wire.Wire.to(two[0]).manifest("team/app", report.digest).body)
    assert report.digest != gzip_digest
    assert all(layer["mediaType"].endswith("+zstd") for layer in manifest["layers"])
    assert manifest["config"]["digest"] == built["docker", "busybox"].id


# -- what the engines save

SAVES = {"docker": [("docker-archive", ())],
         "podman": [("docker-archive", ("--format", "docker-archive")), ("oci-archive", ("--format", "oci-archive"))]}
CASES = [(kind, image, *save) for kind, saves in SAVES.items() for save in saves for image in ("busybox", "debian")
         if image == "busybox" or kind == "docker" or FULL]


def member_of(path, name):
    return subprocess.run(["bsdtar", "-xOf", path, name], check=True, capture_output=True).stdout


def config_seen_by_skopeo(source):
    return subprocess.run(["skopeo", "inspect", "--config", "--raw", source], check=True, capture_output=True).stdout


@pytest.mark.parametrize("kind,image,transport,options", CASES)
def test_save_gives_the_same_as_the_socket(built, engines, two, port, tmp_path, kind, image, transport, options):
    use(port, engines[kind])
    source = built[kind, image]
    path = tmp_path / "saved.tar"
    engines[kind].run("save", *options, "-o", path, source.name)
    done = port.run("push", f"{transport}:{path}", *to(two), "--tag", "v1", "--json", status=0).report
    if transport == "docker-archive":
        wanted = port.run("push", f"docker-daemon:{source.name}", *to(two[:1]), "--tag", "v1", "--json", status=0)
        assert done.digest == wanted.report.digest
        check_arrival(source, two, done, engines, tmp_path)
    else:  # podman compresses for this format itself, with a manifest and a config of its own
        other = engines[OTHER[kind]]
        assert done.digest == json.loads(member_of(path, "index.json"))["manifests"][0]["digest"]
        assert pull_and_run(other, two[1], done.digest) == source.greeting
    client = wire.Wire.to(two[0])
    config = json.loads(client.manifest("team/app", done.digest).body)["config"]["digest"]
    assert client.blob("team/app", config).body == config_seen_by_skopeo(f"{transport}:{path}")


@images("podman")
def test_save_through_a_pipe(built, engines, two, port, tmp_path, kind, image):
    source = built[kind, image]
    saving = subprocess.Popen([*engines[kind].client, "save", source.name], env=engines[kind].env,
                              stdout=subprocess.PIPE)
    command = port.command("push", "docker-archive:-", *to(two), "--tag", "v1", "--json")
    pushed = subprocess.run(command, env=port.env, stdin=saving.stdout, capture_output=True, timeout=120)
    saving.stdout.close()
    assert saving.wait(60) == 0 and pushed.returncode == 0, pushed.stderr.decode()
    digest = json.loads(pushed.stdout)["digest"]
    check_content(source, two[0], digest, tmp_path)
    assert pull_and_run(engines[OTHER[kind]], two[1], digest) == source.greeting


@ENGINES
def test_saved_archive_of_several_images(built, engines, two, port, tmp_path, kind):
    one = engines[kind]
    path = tmp_path / "several.tar"
    names = [built[kind, image].name for image in ("busybox", "second")]
    multi = ["--multi-image-archive"] if kind == "podman" else []
    one.run("save", *multi, "-o", path, *names)
    for image, name in zip(("busybox", "second"), names):
        done = port.run("push", f"docker-archive:{path}:{name}:latest", *to(two), "--tag", "v1", "--json", status=0)
        check_content(built[kind, image], two[0], done.report.digest, tmp_path)
        assert pull_and_run(engines[OTHER[kind]], two[1], done.report.digest) == built[kind, image].greeting
        assert wire.Wire.to(two[0]).blob("team/app", built[kind, image].id).body == config_seen_by_skopeo(
            f"docker-archive:{path}:{name}:latest")
    which = port.run("push", f"docker-archive:{path}", *to(two), "--tag", "v1", status=1)
    assert all(name in which.stderr for name in names)


def test_what_podman_builds_by_itself(engines, two, port, tmp_path):
    """Its default is OCI, in the store and in what it saves."""
    one = copy.copy(engines["podman"])
    one.build_options = ("--isolation", "chroot")
    one.build("oci-app", engine_images.busybox_root(tmp_path / "root.tar"), 'CMD ["/bin/cat", "/greeting"]')
    use(port, one)
    push = (*to(two), "--tag", "v1", "--json")
    socket = port.run("push", "docker-daemon:localhost/oci-app", *push, status=0).report
    config = json.loads(wire.Wire.to(two[0]).manifest("team/app", socket.digest).body)["config"]
    assert config["digest"] == one.image_id("localhost/oci-app")
    assert pull_and_run(engines["docker"], two[1], socket.digest) == "built by podman"
    for kind in ("docker-archive", "oci-archive"):
        path = tmp_path / f"{kind}.tar"
        one.run("save", "--format", kind, "-o", path, "localhost/oci-app")
        saved = port.run("push", f"{kind}:{path}", *push, status=0).report
        config = json.loads(wire.Wire.to(two[0]).manifest("team/app", saved.digest).body)["config"]["digest"]
        assert wire.Wire.to(two[0]).blob("team/app", config).body == config_seen_by_skopeo(f"{kind}:{path}")
    one.run("rmi", "-f", "localhost/oci-app")


# -- an engine as the destination

@images("docker")
def test_into_an_engine_and_run_there(built, engines, two, port, kind, image):
    source = built[OTHER[kind], image]
    use(port, source.engine)
    pushed = port.run("push", f"docker-daemon:{source.name}", *to(two[:1]), "--tag", "v1", "--json", status=0).report
    into = engines[kind]
    use(port, into)
    name = f"loaded-{image}"
    done = port.run("push", f"{two[0].host}/team/app:v1", "--to", f"docker-daemon:{name}", "--tag", "one", "--tag",
                    "latest", "--json", status=0).report
    assert done.digest == pushed.digest and done.places[0].tags == {"one": "set", "latest": "set"}
    for tag in ("one", "latest"):
        full = f"docker.io/library/{name}:{tag}"
        assert into.image_id(full) == source.id and into.diff_ids(full) == source.diff_ids
        assert into.run_image(full) == source.greeting
        into.run("rmi", "-f", full)


@ENGINES
def test_ci_is_told_a_name_that_the_engine_knows(built, engines, two, port, runner, kind):
    """No digest of a manifest finds an image in a classic engine: steps that come later get the tag."""
    source = built[OTHER[kind], "busybox"]
    use(port, source.engine)
    registry = f"{two[0].host}/team/app"
    digest = port.run("push", f"docker-daemon:{source.name}", "--to", registry, "--tag", "v1", "--json", status=0).report.digest
    use(port, engines[kind])
    port.run("push", f"{registry}:v1", "--to", "docker-daemon:for-ci", "--to", "vault:for-ci", "--tag", "one", "--tag",
             "two", env=runner.env, status=0)
    place = "docker-daemon:docker.io/library/for-ci:one"
    assert runner.output["images"].split("\n") == [place, f"vault:for-ci@{digest}"]
    assert engines[kind].run_image(place.removeprefix("docker-daemon:")) == source.greeting
    engines[kind].run("rmi", "-f", "docker.io/library/for-ci:one", "docker.io/library/for-ci:two")


@ENGINES
def test_copy_under_the_name_of_a_registry(built, engines, two, port, kind):
    source = built[OTHER[kind], "busybox"]
    use(port, source.engine)
    port.run("push", f"docker-daemon:{source.name}", *to(two[:1]), "--tag", "v1", status=0)
    use(port, engines[kind])
    port.run("copy", f"{two[0].host}/team/app:v1", "docker-daemon:ghcr.io/team/app:v1", status=0)
    assert engines[kind].run_image("ghcr.io/team/app:v1") == source.greeting
    engines[kind].run("rmi", "-f", "ghcr.io/team/app:v1")


@pytest.fixture
def several(tmp_path):
    """An archive with an index of two platforms, of which one is this host's: (place, index, manifests, images)."""
    made = {name: archives.Image([archives.layer(seed)], arch=name)
            for seed, name in enumerate(("s390x", HERE))}
    data, index, manifests = archives.containerd({f"linux/{name}": image for name, image in made.items()})
    path = archives.write(tmp_path / "several.tar", data)
    return (f"oci-archive:{path}", index["digest"],
            {name: manifests[f"linux/{name}"]["digest"] for name in made}, made)


@ENGINES
def test_of_an_index_an_engine_gets_the_image_of_its_platform(engines, port, kind, several):
    """Nothing is claimed that is not there: the digest is the image's, and the ID its config's."""
    source, _, manifests, made = several
    one = engines[kind]
    use(port, one)
    for name, options in ((HERE, ()), ("s390x", ("--platform", "linux/s390x"))):
        place = f"docker-daemon:docker.io/library/several:{name}"
        done = port.run("copy", source, place, *options, "--json", status=0)
        assert done.report.digest == manifests[name] and done.report.places[0].number("blobs_sent") == 2
        assert ("one platform" in done.stdout) == (not options)
        assert one.image_id(f"docker.io/library/several:{name}") == f"sha256:{made[name].id}"
        one.run("rmi", "-f", f"docker.io/library/several:{name}")


@ENGINES
def test_an_index_for_a_registry_is_none_for_the_engine_beside_it(engines, start, port, kind, several):
    source, index, manifests, _ = several
    one, server = engines[kind], start()
    use(port, one)
    both = ("push", source, "--to", "docker-daemon:beside", "--to", f"{server.host}/team/app", "--tag", "v1", "--json")
    done = port.run(*both, status=1)
    assert done.report.digest == index and done.report.place(server.host).tags == {"v1": "set"}
    assert "--platform" in done.report.place("beside").message
    assert done.report.place("beside").tags == {"v1": "not_set"}
    assert one.run("image", "inspect", "docker.io/library/beside:v1", check=False).returncode != 0
    done = port.run(*both, "--platform", f"linux/{HERE}", status=0)
    assert done.report.digest == manifests[HERE]
    one.run("rmi", "-f", "docker.io/library/beside:v1")


def test_dry_run_asks_the_engine_and_loads_nothing(built, engines, two, port, socket_path):
    use(port, engines["docker"])
    port.run("push", f"docker-daemon:{built['docker', 'busybox'].name}", *to(two[:1]), "--tag", "v1", status=0)
    listening = fake_engine.Listening(socket_path, engines["docker"].socket)
    try:
        port.env["DOCKER_HOST"] = listening.host
        port.run("copy", f"{two[0].host}/team/app:v1", "docker-daemon:nothing:v1", "--dry-run", status=0)
        assert listening.asked("_ping") and not listening.asked("POST")
    finally:
        listening.stop()


# -- finding the engine

@pytest.fixture(scope="module")
def over_tls(engines, session_dir):
    """A dockerd behind mutual TLS with an image 'x:1': (address, directory of a client's files)."""
    authority = tls.Authority(session_dir / "engine-ca")
    pair, number = authority.issue("engine"), ports.free_port()
    certs = session_dir / "engine-certs"
    certs.mkdir()
    for path, name in ((authority.ca, "ca.pem"), (pair.cert, "cert.pem"), (pair.key, "key.pem")):
        shutil.copy(path, certs / name)
    one = engine.Dockerd(engines["docker"].folder.parent / "tls", "vfs", tls=(number, authority, pair)).start()
    try:
        one.run("import", "-", "x:1", data=fake_engine.tar_of({"file": b"x"}))
        yield f"tcp://127.0.0.1:{number}", certs
    finally:
        one.stop()


def test_engine_behind_tls(over_tls, port, tmp_path):
    address, certs = over_tls
    push = ("push", "docker-daemon:x:1", "--to", "vault:x")
    port.env["DOCKER_HOST"] = address
    assert "DOCKER_TLS_VERIFY=1" in port.run(*push, status=2).stderr
    port.env["DOCKER_TLS_VERIFY"] = "1"
    port.run(*push, env={"DOCKER_CERT_PATH": str(certs)}, status=0)
    port.run("copy", "vault:x:1", "docker-daemon:back:1", env={"DOCKER_CERT_PATH": str(certs)}, status=0)
    strange = tls.Authority(tmp_path / "strange")
    other = tmp_path / "other"
    shutil.copytree(certs, other)
    shutil.copy(strange.ca, other / "ca.pem")
    assert "TLS handshake failed" in port.run(*push, env={"DOCKER_CERT_PATH": str(other)}, status=4).stderr
    assert "cannot be used" in port.run(*push, env={"DOCKER_CERT_PATH": str(tmp_path)}, status=4).stderr


def test_context_with_tls(over_tls, port):
    address, certs = over_tls
    files = ",".join(f"{key}={certs}/{name}.pem" for key, name in (("ca", "ca"), ("cert", "cert"), ("key", "key")))
    subprocess.run(["docker", "context", "create", "far", "--docker", f"host={address},{files}"], check=True,
                   env={**os.environ, "DOCKER_CONFIG": str(port.home / ".docker")}, capture_output=True)
    port.run("push", "docker-daemon:x:1", "--to", "vault:y", env={"DOCKER_CONTEXT": "far"}, status=0)


def test_docker_contexts(built, engines, two, port):
    """The contexts that docker's own client writes."""
    folder = port.home / ".docker"
    env = {**os.environ, "DOCKER_CONFIG": str(folder)}
    for kind, one in engines.items():
        subprocess.run(["docker", "context", "create", f"my-{kind}", "--docker", f"host={one.host}"], env=env,
                       check=True, capture_output=True)
    push = [*to(two[:1]), "--tag", "v1"]
    names = {kind: f"docker-daemon:{built[kind, 'busybox'].id}" for kind in engines}
    port.run("push", names["podman"], *push, env={"DOCKER_CONTEXT": "my-podman"}, status=0)
    subprocess.run(["docker", "context", "use", "my-docker"], env=env, check=True, capture_output=True)
    port.run("push", names["docker"], *push, status=0)
    port.run("push", names["podman"], *push, env={"DOCKER_HOST": engines["podman"].host}, status=0)
    missing = port.run("push", names["docker"], *push, env={"DOCKER_CONTEXT": "my-other"}, status=2)
    assert "my-other" in missing.stderr and "docker context ls" in missing.stderr
