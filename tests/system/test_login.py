# SPDX-License-Identifier: Apache-2.0
"""login and logout against real registries: checked first, then kept as docker keeps it; and credential helpers."""

import base64
import concurrent.futures
import copy
import http.server
import json
import os
import stat
import threading

import pytest

from support import images, ports, registry, tls, wire
from support.helpers import BAD, CANARY, Helpers
from support.token_server import User

PASSWORD = "canary-password-of-alice"
WRONG = "canary-wrong-password"


@pytest.fixture
def basic(start):
    """A registry with a password, on plain http of loopback."""
    one = start("htpasswd", htpasswd={"alice": PASSWORD})
    wire.Wire.to(one).put_image("acme/app", images.small(5, tag="v1"))
    return one


@pytest.fixture
def tokens(start, token_auth, port):
    """A registry with a token server, that alice may use."""
    server = token_auth({"alice": User(PASSWORD)})
    one = start("tokens", token=server)
    wire.Wire.to(one).put_image("acme/app", images.small(5, tag="v1"))
    port.options += ["--token-host", f"{one.host}=127.0.0.1:{server.port}"]
    return one


@pytest.fixture
def helpers(tmp_path, port):
    one = Helpers(tmp_path / "helpers")
    port.env["PATH"] = f"{one.folder}:{port.env['PATH']}"
    port.secrets.append(CANARY)
    return one


@pytest.fixture
def config(port):
    """docker's config.json of the program under test."""
    return port.home / ".docker" / "config.json"


def login(port, host, secret=PASSWORD, *more, user="alice", **options):
    port.secrets.append(secret)
    return port.run("login", host, "-u", user, "--password-stdin", *more, data=f"{secret}\n", **options)


def logout(port, host, *more, **options):
    """It talks to nobody, and takes none of the options of the others."""
    quiet = copy.copy(port)
    quiet.options = []
    return quiet.run("logout", host, *more, **options)


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def auth(user, password):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def read_back(port, one, tmp_path, **options):
    """Uses the registry: a copy of its image."""
    return port.run("copy", f"{one.host}/acme/app:v1", f"oci:{tmp_path / 'copied'}:v1", **options)


# -- checked, then kept
@pytest.mark.parametrize("kind", ["basic", "tokens"])
def test_login_is_kept_and_used(kind, request, port, config, tmp_path):
    one = request.getfixturevalue(kind)
    read_back(port, one, tmp_path, status=8)
    done = login(port, one.host, status=0)
    assert f"logged in to '{one.host}' as 'alice'" in done.stdout and str(config) in done.stdout and not done.stderr
    assert json.loads(config.read_text()) == {"auths": {one.host: auth("alice", PASSWORD)}}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600 and stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert [p.name for p in config.parent.iterdir()] == ["config.json"]  # neither a lock nor a temporary file
    read_back(port, one, tmp_path, status=0)


@pytest.mark.parametrize("kind", ["basic", "tokens"])
def test_wrong_password_is_not_kept(kind, request, port, config):
    one = request.getfixturevalue(kind)
    for secret, user in ((WRONG, "alice"), (PASSWORD, "mallory")):
        done = login(port, one.host, secret, user=user, status=8)
        assert f"cannot log in to '{one.host}'" in done.stderr and "401" in done.stderr and not done.stdout
        assert not config.exists()
    login(port, one.host, status=0)
    before = config.read_bytes()
    login(port, one.host, WRONG, status=8)
    assert config.read_bytes() == before


def test_unreachable_is_told_from_wrong(port, config, authority, start, tmp_path):
    done = login(port, f"127.0.0.1:{ports.free_port()}", status=4)
    assert "cannot log in to" in done.stderr and "refused" in done.stderr
    hidden = start("tls", https=True, htpasswd={"alice": PASSWORD})
    other = tls.Authority(tmp_path / "other-ca").ca
    done = login(port, hidden.host, PASSWORD, "--ca", f"{hidden.host}={other}", status=4)
    assert "the TLS handshake failed" in done.stderr
    assert not config.exists()
    login(port, hidden.host, PASSWORD, "--ca", f"{hidden.host}={authority.ca}", status=0)
    assert list(json.loads(config.read_text())["auths"]) == [hidden.host]


def test_what_is_no_registry_is_told(port, config):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = login(port, f"127.0.0.1:{server.server_address[1]}", status=1)
        server.shutdown()
    assert "does not answer as a registry (status 404)" in done.stderr and not config.exists()


def test_a_registry_that_asks_nobody_is_told(port, config, start):
    one = start("open")
    done = login(port, one.host, status=0)
    assert "could not be checked" in done.stderr and config.exists()


def test_credentials_go_to_no_strange_token_server(port, tokens, config):
    port.options = ["--retry-for", "3"]  # without --token-host: the realm is another origin's
    before = len(tokens.token.requests)
    done = login(port, tokens.host.replace("127.0.0.1", "localhost"), status=(6, 8))
    assert "token-host" in done.stderr and not config.exists()
    assert len(tokens.token.requests) == before


# -- the file is docker's
ODD = ('{ "credHelpers":{ "other.test" : "ecr-login" },\n "HttpHeaders": {"a": "\\u00e9"},'
       '  "x":[1e3, 9007199254740993],\n  "auths": {\n    "other.test": {"auth": "YTpi"}\n  } }\n\n')


def test_everything_else_in_the_file_stays(port, config, basic):
    write(config, ODD)
    login(port, basic.host, status=0)
    text = config.read_text()
    entry = json.loads(text)["auths"][basic.host]
    assert entry == auth("alice", PASSWORD)
    head, tail = ODD.split('"YTpi"}')
    assert text.startswith(head + '"YTpi"},\n    "' + basic.host) and text.endswith(tail)
    logout(port, basic.host, status=0)
    assert config.read_text() == ODD


def test_link_is_followed(port, config, basic, tmp_path):
    real = tmp_path / "dotfiles" / "docker.json"
    write(real, {"auths": {}, "detachKeys": "ctrl-e,e"})
    real.chmod(0o644)
    os.chown(real, 12345, 54321) if os.geteuid() == 0 else None
    config.parent.mkdir()
    config.symlink_to(os.path.relpath(real, config.parent))
    login(port, basic.host, status=0)
    assert config.is_symlink() and basic.host in json.loads(real.read_text())["auths"]
    facts = real.stat()
    assert stat.S_IMODE(facts.st_mode) == 0o600
    assert os.geteuid() != 0 or (facts.st_uid, facts.st_gid) == (12345, 54321)
    assert [p.name for p in real.parent.iterdir()] == ["docker.json"]
    real.unlink()
    done = login(port, basic.host, status=7)
    assert "link to a file that does not exist" in done.stderr


@pytest.mark.parametrize("document", ["not json", "[]", '{"auths": []}', '{"auths":{},"auths":{}}',
                                      '{"auths":{"x":{"auth": canary-in-a-broken-file}}}'])
def test_file_that_cannot_be_read_is_left_alone(port, config, basic, document):
    port.secrets.append("canary-in-a-broken-file")
    write(config, document)
    done = login(port, basic.host, status=8)
    assert f"cannot use the credentials in '{config}'" in done.stderr
    assert config.read_text() == document
    logout(port, basic.host, status=8)
    assert config.read_text() == document


def test_hubs_key_is_dockers(port, config):
    """Nothing is sent: logout of docker.io knows all names under which others keep it."""
    entries = {"https://index.docker.io/v1/": auth("a", "canary-1"), "docker.io": auth("b", "canary-2"),
               "docker.io/acme": auth("c", "canary-3"), "quay.io": auth("d", "canary-4")}
    write(config, {"auths": entries})
    done = logout(port, "https://index.docker.io/v1/", status=0)
    assert done.stdout.startswith("logged out of 'docker.io'")
    assert list(json.loads(config.read_text())["auths"]) == ["docker.io/acme", "quay.io"]


def test_no_update_is_lost(port, config, start):
    """Many processes at once, each with a registry of its own; some of them log out again."""
    registries = [start(f"r{i}", htpasswd={"alice": PASSWORD}) for i in range(4)]
    hosts = [name for one in registries for name in (one.host, one.host.replace("127.0.0.1", "localhost"))]
    write(config, {"auths": {"other.test": auth("a", "b")}, "credHelpers": {"x.test": "y"}})
    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(lambda host: login(port, host, status=0), hosts))
        document = json.loads(config.read_text())
        assert set(document["auths"]) == {"other.test", *hosts} and document["credHelpers"] == {"x.test": "y"}
        with concurrent.futures.ThreadPoolExecutor(len(hosts)) as pool:
            again = [pool.submit(login, port, host, status=0) for host in hosts[::2]]
            gone = [pool.submit(logout, port, host, status=0) for host in hosts[1::2]]
            assert all(one.result() for one in again + gone)
        assert set(json.loads(config.read_text())["auths"]) == {"other.test", *hosts[::2]}


def test_full_disk_leaves_the_old_file(port, basic, tmpfs_dir):
    with registry.tmpfs(tmpfs_dir / "full", 1) as small:
        path = small / "auth.json"
        write(path, {"auths": {f"h{i}.test": auth("a", "b" * 60) for i in range(30)}})
        before = path.read_bytes()
        registry.fill(small)
        done = login(port, basic.host, PASSWORD, "--authfile", path, status=7)
        assert "No space left" in done.stderr and path.read_bytes() == before
        assert sorted(p.name for p in small.iterdir()) == ["auth.json", "ballast"]


def test_another_file(port, config, basic, tmp_path):
    path = port.home / "podman" / "auth.json"
    port.keepers.append(path)
    login(port, basic.host, PASSWORD, "--authfile", path, status=0)
    assert basic.host in json.loads(path.read_text())["auths"] and not config.exists()
    read_back(port, basic, tmp_path, status=8)
    read_back(port, basic, tmp_path, env={"REGISTRY_AUTH_FILE": str(path)}, status=0)
    port.env["REGISTRY_AUTH_FILE"] = str(path)
    logout(port, basic.host, status=0)
    login(port, basic.host, status=0)  # the variable says where, too
    assert basic.host in json.loads(path.read_text())["auths"] and not config.exists()


# -- logout
def test_logout_erases_and_says_what_is_left(port, config, basic):
    login(port, basic.host, status=0)
    assert "logged out of" in logout(port, basic.host, status=0).stdout
    assert json.loads(config.read_text()) == {"auths": {}}
    done = logout(port, basic.host, status=0)
    assert done.stdout.startswith(f"not logged in to '{basic.host}'") and not done.stderr
    port.login(basic.host, "bob", "canary-of-bob")
    done = logout(port, basic.host, status=0)
    assert "SAFEPORT_AUTH_<HOST> still has credentials" in done.stderr
    assert "SAFEPORT_AUTH_<HOST> says comes before this" in login(port, basic.host, status=0).stderr


# -- helpers
def test_good_helper(port, config, basic, helpers, tmp_path):
    write(config, {"credsStore": "good", "auths": {"other.test": {}}})
    done = login(port, basic.host, status=0)
    assert "kept by docker-credential-good" in done.stdout
    assert helpers.kept == {basic.host: {"ServerURL": basic.host, "Username": "alice", "Secret": PASSWORD}}
    assert json.loads(config.read_text()) == {"credsStore": "good", "auths": {"other.test": {}, basic.host: {}}}
    before = len(helpers.calls)
    port.run("push", f"{basic.host}/acme/app:v1", "--to", f"{basic.host}/acme/b:v1", "--to", f"{basic.host}/c:v1",
             status=0)
    assert helpers.calls[before:] == ["get"]  # one session, three repositories: found once
    assert "erased by docker-credential-good" in logout(port, basic.host, status=0).stdout
    assert helpers.kept == {} and json.loads(config.read_text())["auths"] == {"other.test": {}}
    assert "not logged in" in logout(port, basic.host, status=0).stdout
    read_back(port, basic, tmp_path, status=8)


def test_helper_of_a_host_comes_first(port, config, basic, helpers, tmp_path):
    helpers.keep(basic.host, "alice", PASSWORD)
    port.secrets.append(PASSWORD)
    write(config, {"credsStore": "absent", "credHelpers": {basic.host: "good"}, "auths": {basic.host: auth("x", "y")}})
    read_back(port, basic, tmp_path, status=0)
    write(config, {"credsStore": "absent", "credHelpers": {basic.host: ""},
                   "auths": {basic.host: auth("alice", PASSWORD)}})
    read_back(port, basic, tmp_path, status=0)  # "" sends this host back to the file


@pytest.mark.parametrize("name", BAD)
def test_bad_helper(name, port, config, basic, helpers, tmp_path):
    write(config, {"credHelpers": {basic.host: name}, "auths": {basic.host: auth("alice", PASSWORD)}})
    before = config.read_bytes()
    done = read_back(port, basic, tmp_path, status=8, timeout_s=40)
    assert BAD[name][1] in done.stderr and f"docker-credential-{name}" in done.stderr and str(config) in done.stderr
    assert BAD[name][1] in login(port, basic.host, status=8, timeout_s=40).stderr
    assert config.read_bytes() == before


@pytest.mark.parametrize("name", ["forgetful", "stubborn"])
def test_helper_that_keeps_nothing_is_found_out(name, port, config, basic, helpers):
    write(config, {"credHelpers": {basic.host: name}})
    before = config.read_bytes()
    done = login(port, basic.host, status=8)
    assert f"docker-credential-{name} did not keep" in done.stderr and "logged in" not in done.stdout
    assert config.read_bytes() == before


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "desktop.exe", "A", "x" * 65, "-x;y"])
def test_helper_with_another_name_is_not_run(name, port, config, basic, helpers, tmp_path):
    write(config, {"credsStore": name})
    assert "is not run" in read_back(port, basic, tmp_path, status=8).stderr


def test_hanging_helper_ends_with_a_signal(port, config, basic, helpers, tmp_path):
    write(config, {"credsStore": "hanging"})
    running = port.start("copy", f"{basic.host}/acme/app:v1", f"oci:{tmp_path / 'copied'}:v1")
    program = str(helpers.folder / "docker-credential-hanging")
    while not any(program in line for line in processes()):
        assert running.process.poll() is None
    running.signal(15)
    running.wait(8, status=143)
    assert not any(program in line for line in processes())


def processes():
    """The command lines of all that runs."""
    found = []
    for path in os.listdir("/proc"):
        try:
            found.append(open(f"/proc/{path}/cmdline", "rb").read().replace(b"\0", b" ").decode())
        except OSError:
            pass
    return [line for line in found if line]


# -- the command line
def test_password_comes_from_nowhere_else(port, basic, config):
    assert "unknown option" in port.run("login", basic.host, "-u", "alice", "--password", "x", status=2).stderr
    assert "there is no terminal" in port.run("login", basic.host, "-u", "alice", status=2).stderr
    assert "needs the user's name" in port.run("login", basic.host, "--password-stdin", data="x", status=2).stderr
    assert "stdin is empty" in port.run("login", basic.host, "-u", "alice", "--password-stdin", data="\n",
                                        status=2).stderr
    assert "zero byte" in port.run("login", basic.host, "-u", "alice", "--password-stdin", data="a\0b", status=2).stderr
    assert "16 KiB" in port.run("login", basic.host, "-u", "alice", "--password-stdin", data="x" * 17000,
                                status=2).stderr
    assert "':'" in port.run("login", basic.host, "-u", "a:b", "--password-stdin", data="x", status=2).stderr
    assert "not a host" in port.run("login", "ghcr.io/acme", "-u", "a", "--password-stdin", data="x", status=2).stderr
    assert not config.exists()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_end_is_not_part_of_the_password(port, basic, config, end):
    port.secrets.append(PASSWORD)
    port.run("login", basic.host, "-u", "alice", "--password-stdin", data=PASSWORD + end, status=0)
    assert json.loads(config.read_text())["auths"][basic.host] == auth("alice", PASSWORD)
