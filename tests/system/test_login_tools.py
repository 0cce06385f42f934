# SPDX-License-Identifier: Apache-2.0
"""One login serves all: what docker, podman, skopeo and buildah wrote is used by safeport, and the other way round.

The files are written by those tools, for real; docker's needs a dockerd, which asks the registry on its behalf."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support import images, wire
from support.token_server import User

PASSWORD = "canary-password-of-alice"
TOOLS = ["podman", "skopeo", "buildah"]


@pytest.fixture
def one(start):
    made = start("htpasswd", htpasswd={"alice": PASSWORD})
    wire.Wire.to(made).put_image("acme/app", images.small(5, tag="v1"))
    return made


@pytest.fixture
def folder():
    """A short path on a disk: engines want both."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="spl-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def tool(port, folder):
    """Runs a tool in the home of the program under test: tool("podman", "login", ...)."""
    port.secrets.append(PASSWORD)
    port.keepers += [port.home / "run" / "containers", port.home / "config" / "containers"]
    (port.home / "run").mkdir(exist_ok=True)
    conf = folder / "containers.conf"
    conf.write_text('[containers]\ndefault_ulimits = ["nofile=1024:8192"]\n[engine]\nruntime = "runc"\n'
                    'cgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    store = ["--root", folder / "data", "--runroot", folder / "exec", "--storage-driver", "vfs"]
    first = {"podman": store, "buildah": store}

    def run(name, *arguments, data=None, check=True, env=None):
        done = subprocess.run([name, *map(str, first.get(name, ())), *map(str, arguments)], input=data, text=True,
                              env={**port.env, "CONTAINERS_CONF": str(conf), **(env or {})}, cwd=port.home, timeout=120,
                              capture_output=True)
        assert not check or done.returncode == 0, f"{name} {arguments}: {done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="module")
def dockerd():
    """DOCKER_HOST of a docker engine."""
    if os.geteuid() != 0:
        pytest.skip("engines need root")
    path = pathlib.Path(tempfile.mkdtemp(prefix="spd-"))
    config = {"data-root": f"{path}/data", "exec-root": f"{path}/exec", "pidfile": f"{path}/pid", "bridge": "none",
              "hosts": [f"unix://{path}/sock"], "iptables": False, "ip6tables": False, "ip-forward": False,
              "ip-masq": False, "storage-driver": "vfs"}
    (path / "daemon.json").write_text(json.dumps(config))
    with open(path / "log", "wb") as log:
        process = subprocess.Popen(["dockerd", "--config-file", f"{path}/daemon.json"], stdout=log, stderr=log)
    try:
        env = {**os.environ, "DOCKER_HOST": f"unix://{path}/sock"}
        for _ in range(300):
            if subprocess.run(["docker", "info"], env=env, capture_output=True).returncode == 0:
                break
        else:
            pytest.fail(f"dockerd does not start: {(path / 'log').read_text()[-2000:]}")
        yield f"unix://{path}/sock"
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(path, ignore_errors=True)


def blobs_given(one):
    """The blobs that the registry gave to somebody: only to who is known there."""
    return [entry for entry in one.log()
            if entry.method == "GET" and "/blobs/" in entry.path and entry.status == 200]


def use(port, one, tmp_path, status, name="acme/app", **options):
    return port.run("copy", f"{one.host}/{name}:v1", f"oci:{tmp_path / 'copied'}:v1", status=status, **options)


# -- what others wrote
@pytest.mark.parametrize("name", TOOLS)
def test_login_of(name, tool, port, one, tmp_path):
    use(port, one, tmp_path, 8)
    tool(name, "login", "--tls-verify=false", "-u", "alice", "--password-stdin", one.host, data=PASSWORD)
    path = port.home / "run" / "containers" / "auth.json"
    assert one.host in json.loads(path.read_text())["auths"]
    use(port, one, tmp_path, 0)
    tool(name, "logout", one.host)
    use(port, one, tmp_path, 8)


@pytest.mark.parametrize("name", TOOLS)
def test_login_of_with_a_file_of_its_own(name, tool, port, one, tmp_path):
    path = port.home / "own.json"
    port.keepers.append(path)
    tool(name, "login", "--tls-verify=false", "-u", "alice", "--password-stdin", "--authfile", path, one.host,
         data=PASSWORD)
    use(port, one, tmp_path, 8)
    use(port, one, tmp_path, 0, env={"REGISTRY_AUTH_FILE": str(path)})


def test_namespaces_of_podman(tool, port, start, token_auth, tmp_path):
    """Two users of one registry, each for a namespace, in one file that podman wrote; one run uses both."""
    server = token_auth({"alice": User(PASSWORD, [("one/*", ("pull", "push"))]),
                         "bob": User("canary-password-of-bob", [("two/*", ("pull", "push"))])})
    one = start("tokens", token=server)
    port.secrets.append("canary-password-of-bob")
    port.options += ["--token-host", f"{one.host}=127.0.0.1:{server.port}"]
    for user, space in (("alice", "one"), ("bob", "two/team")):
        tool("podman", "login", "--tls-verify=false", "-u", user, "--password-stdin", f"{one.host}/{space}",
             data=server.users[user].password)
    written = json.loads((port.home / "run" / "containers" / "auth.json").read_text())
    assert set(written["auths"]) == {f"{one.host}/one", f"{one.host}/two/team"}
    layout = images.small(6, tag="v1").write_layout(tmp_path / "layout")
    places = [f"{one.host}/one/app", f"{one.host}/two/team/app"]
    port.run("push", f"oci:{layout}:v1", "--to", places[0], "--to", places[1], status=0)
    assert {user for _, user, scopes in server.requests if any("push" in scope for scope in scopes)} == {"alice", "bob"}
    done = port.run("push", f"oci:{layout}:v1", "--to", f"{one.host}/two/other:v1", status=8)
    assert "no credentials for" in done.stderr


@pytest.mark.parametrize("kind", ["htpasswd", "token"])
def test_login_of_docker(kind, tool, port, start, token_auth, dockerd, tmp_path):
    if kind == "htpasswd":
        one = start("htpasswd", htpasswd={"alice": PASSWORD})
    else:
        server = token_auth({"alice": User(PASSWORD)})
        one = start("token", token=server)
        port.options += ["--token-host", f"{one.host}=127.0.0.1:{server.port}"]
    wire.Wire.to(one).put_image("acme/app", images.small(5, tag="v1"))
    use(port, one, tmp_path, 8)
    env = {"DOCKER_HOST": dockerd}
    # With no entry at all, docker would choose a keychain that is installed.
    (port.home / ".docker").mkdir()
    (port.home / ".docker" / "config.json").write_text('{"auths": {"other.test": {"auth": "YTpi"}}}')
    tool("docker", "login", "-u", "alice", "--password-stdin", one.host, data=PASSWORD, env=env)
    entry = json.loads((port.home / ".docker" / "config.json").read_text())["auths"][one.host]
    # A token server that hands out refresh tokens gets docker to keep one, and no password.
    assert ("identitytoken" in entry) == (kind == "token")
    use(port, one, tmp_path, 0)
    tool("docker", "logout", one.host, env=env)
    use(port, one, tmp_path, 8)


# -- a helper that was not written here
@pytest.fixture
def keychain(port, folder):
    """docker-credential-pass with a gpg key of its own, named by docker's config.json."""
    port.env.update(GNUPGHOME=str(folder / "gpg"), PASSWORD_STORE_DIR=str(folder / "store"))
    (folder / "gpg").mkdir(mode=0o700)
    for command in (["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "test", "default", "default", "never"],
                    ["pass", "init", "test"]):
        subprocess.run(command, env=port.env, check=True, capture_output=True)
    (port.home / ".docker").mkdir()
    (port.home / ".docker" / "config.json").write_text('{"credsStore": "pass"}')
    yield lambda: json.loads(subprocess.run(["docker-credential-pass", "list"], env=port.env, check=True,
                                            capture_output=True).stdout)
    subprocess.run(["gpgconf", "--kill", "all"], env=port.env, check=True)


def test_real_keychain(keychain, tool, port, one, dockerd, tmp_path):
    port.run("login", one.host, "-u", "alice", "--password-stdin", data=PASSWORD, status=0)
    assert keychain() == {one.host: "alice"}
    assert PASSWORD not in (port.home / ".docker" / "config.json").read_text()
    use(port, one, tmp_path, 0)
    env = {"DOCKER_HOST": dockerd}
    tool("docker", "logout", one.host, env=env)
    assert keychain() == {}
    use(port, one, tmp_path, 8)
    tool("docker", "login", "-u", "alice", "--password-stdin", one.host, data=PASSWORD, env=env)
    use(port, one, tmp_path, 0)
    port.options = []
    assert "erased by docker-credential-pass" in port.run("logout", one.host, status=0).stdout
    assert keychain() == {}


# -- what safeport wrote
@pytest.fixture
def logged_in(port, one):
    port.run("login", one.host, "-u", "alice", "--password-stdin", data=PASSWORD, status=0)
    return one


def test_skopeo_uses_it(tool, logged_in):
    assert json.loads(tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{logged_in.host}/acme/app").stdout)[
        "Tags"] == ["v1"]


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_podman_and_buildah_use_it(name, tool, logged_in):
    assert tool(name, "login", "--get-login", logged_in.host).stdout.strip() == "alice"
    logged_in.clear_log()
    tool(name, "pull", "--tls-verify=false", f"{logged_in.host}/acme/app:v1", check=False)  # its layers are no file system
    assert blobs_given(logged_in)


def test_docker_uses_it(tool, logged_in, dockerd):
    env = {"DOCKER_HOST": dockerd}
    logged_in.clear_log()
    tool("docker", "pull", f"{logged_in.host}/acme/app:v1", env=env, check=False)
    assert blobs_given(logged_in)
    # docker takes back what it finds there: the name is the one that it uses itself
    assert "Removing login credentials" in tool("docker", "logout", logged_in.host, env=env).stdout


def test_podman_takes_it_back(tool, port, one):
    path = port.home / "run" / "containers" / "auth.json"
    port.run("login", one.host, "-u", "alice", "--password-stdin", "--authfile", path, data=PASSWORD, status=0)
    assert tool("podman", "login", "--get-login", one.host).stdout.strip() == "alice"
    tool("podman", "logout", one.host)
    assert json.loads(path.read_text()).get("auths", {}) == {}
