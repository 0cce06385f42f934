# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests: everything is started for a test or a session on a free port, and stopped."""

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import actions, engine, hostile, images, registry, safeport, tls, token_server, trio as trios, wire  # noqa: E402


MEMORY = pathlib.Path("/dev/shm")
MEMORY_NEEDED_BYTES = 2 << 30


def has_room_in_memory():
    """docker-registry syncs every file it writes; in memory that costs nothing."""
    try:
        facts = os.statvfs(MEMORY)
    except OSError:
        return False
    return facts.f_bavail * facts.f_frsize >= MEMORY_NEEDED_BYTES


def pytest_configure(config):
    if config.option.basetemp is None and has_room_in_memory():
        config.option.basetemp = config.safeport_temp = str(MEMORY / f"safeport-tests-{os.getpid()}")


def pytest_unconfigure(config):
    shutil.rmtree(getattr(config, "safeport_temp", ""), ignore_errors=True)


@pytest.fixture(autouse=True)
def own_folder_is_removed(tmp_path):
    """Test folders hold images; hundreds of them would fill a disk."""
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("session")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(session_dir):
    """The throw-away CA of this run."""
    return tls.Authority(session_dir / "ca")


@pytest.fixture(scope="session")
def server_pair(authority):
    """A certificate for 127.0.0.1 and localhost."""
    return authority.issue("server")


@pytest.fixture(scope="session")
def debian():
    """The layout with a real Debian; kept under build-images between runs."""
    return images.debian(os.environ.get("SAFEPORT_TEST_IMAGES", ROOT / "build-images"))


@pytest.fixture
def start(tmp_path, server_pair, authority):
    """Starts docker-registries: start("name", htpasswd={...}) with https if there is a password, as in real life."""
    with contextlib.ExitStack() as stack:
        def make(name="registry", *, https=False, **settings):
            more = {"tls": server_pair, "ca": authority.ca} if https else {}
            one = registry.Registry(tmp_path / f"registry-{name}", **more, **settings)
            stack.callback(one.stop)
            return one.start()
        yield make


@pytest.fixture
def token_auth(tmp_path):
    """Makes token servers: token_auth(user="bob", password=...)."""
    with contextlib.ExitStack() as stack:
        def make(users=None, **settings):
            users = users or {"bob": token_server.User("canary-bobs-password")}
            folder = tmp_path / f"token-{len(list(tmp_path.iterdir()))}"
            server = token_server.TokenServer(folder, users=users, **settings)
            stack.callback(server.stop)
            return server
        yield make


@pytest.fixture
def hostile_server(server_pair):
    """Makes scripted registries: hostile_server(tls=True, auth=...)."""
    with contextlib.ExitStack() as stack:
        def make(*, https=False, **settings):
            server = hostile.Hostile(tls=server_pair if https else None, **settings)
            stack.callback(server.stop)
            return server
        yield make


@pytest.fixture
def port(tmp_path):
    """The program under test, in a home of its own."""
    if safeport.binary() is None:
        pytest.fail("there is no build/safeport: run `make build` first")
    return safeport.Safeport(tmp_path / "home")


@pytest.fixture
def runner(tmp_path, port):
    """A step that was given secrets, as steps are: every run looks for them in all that is said."""
    made = actions.Runner(tmp_path / "runner")
    for name in ("GITHUB_TOKEN", "DOCKERHUB_TOKEN", "SAFEPORT_AUTH_GHCR_IO"):
        port.secrets.append(f"canary-of-{name.lower()}")
        made.env[name] = ("user:" if name.startswith("SAFEPORT") else "") + port.secrets[-1]
    made.env.update(GITHUB_ACTOR="alice", DOCKERHUB_USERNAME="alice")
    yield made
    assert safeport.find_secret(made.files(), port.secrets) is None


@pytest.fixture
def trio(start, token_auth, port):
    """The three destinations of the main job."""
    return trios.Trio(start("basic", https=True, htpasswd={"alice": "canary-password-of-alice"}),
                      start("token", token=token_auth()), port)


@pytest.fixture
def source(start, tmp_path):
    """Makes sources: source("registry", content) or source("layout", content) answer the reference without a tag;
    the registry is source.registry."""
    class Source:
        registry = None

        def __call__(self, kind, content, name="src/app"):
            if kind == "layout":
                return f"oci:{content.write_layout(tmp_path / 'source-layout')}"
            self.registry = start("source")
            wire.Wire.to(self.registry).put_image(name, content)
            self.registry.clear_log()
            return f"{self.registry.host}/{name}"
    return Source()


@pytest.fixture(scope="session")
def tmpfs_dir(session_dir):
    """Skips where a tmpfs cannot be mounted."""
    if not registry.can_mount_tmpfs(session_dir):
        pytest.skip("needs root to mount a tmpfs of a few MiB")
    return session_dir


# -- engines
@pytest.fixture(scope="session")
def engines():
    """{"docker": a dockerd, "podman": podman's service}, started once; tests share their images."""
    reason = engine.why_not()
    if reason:
        pytest.skip(reason)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spe-"))  # a short path on a disk: overlay needs both
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        started = {}
        for name, kind in engine.KINDS.items():
            one = kind(folder / name)
            stack.callback(one.stop)
            started[name] = one.start()
        yield started


@pytest.fixture
def socket_path():
    """A path that is short enough for a socket."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spe-"))
    yield folder / "engine.sock"
    shutil.rmtree(folder, ignore_errors=True)
