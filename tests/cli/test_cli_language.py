# SPDX-License-Identifier: Apache-2.0
"""Messages: the catalogue holds every text of the program, the Chinese one is whole, and the program speaks it."""

import json
import re
import shutil
import subprocess

import pytest
from cli_support import BUILD, ROOT, make_image

PO = ROOT / "po"
CATALOGUES = str(BUILD / "po")
CHINESE = {"SAFEPORT_LOCALEDIR": CATALOGUES, "LANGUAGE": "zh_CN"}
SOURCES = sorted(str(path.relative_to(ROOT)) for folder in ("cli", "lib") for path in (ROOT / folder).rglob("*.c"))
RENEW = "run: make po; then fill in what it shows in po/zh_CN.po"

needs_gettext = pytest.mark.skipif(not (shutil.which("xgettext") and shutil.which("msgfmt")), reason="needs gettext")


def messages(path):
    """msgid -> msgstr of a po file."""
    found = {}
    for block in path.read_text(encoding="utf-8").split("\n\n")[1:]:
        parts = re.match(r"(?:#.*\n)*msgid ((?:\".*\"\n?)+)msgstr ((?:\".*\"\n?)+)", block)
        if parts:
            key, value = ("".join(re.findall(r'"(.*)"', part)) for part in parts.groups())
            found[key] = value
    return found


@needs_gettext
def test_template_is_up_to_date(tmp_path):
    fresh = tmp_path / "fresh.pot"
    options = (PO / "xgettext-options").read_text().split()
    subprocess.run(["xgettext", *options, "-o", str(fresh), *SOURCES], cwd=ROOT, check=True)
    assert set(messages(fresh)) == set(messages(PO / "safeport.pot")), RENEW
    marked = {name for line in re.findall(r"^#: (.*)", fresh.read_text(), flags=re.M) for name in line.split()}
    assert marked == set((PO / "POTFILES").read_text().split()), RENEW


def calls(source, names):
    """(name, the arguments as written) of each call of these functions."""
    for call in re.finditer(rf"\b({'|'.join(names)})\(", source):
        depth, end = 1, call.end()
        for token in re.finditer(r'"(?:\\.|[^"\\])*"|[()]', source[call.end():]):
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if depth == 0:
                end = call.end() + token.start()
                break
        yield call[1], re.sub(r"\s+", " ", source[call.end():end])


def test_messages_are_whole():
    """What is glued together from literals and macros cannot be found by xgettext, nor be translated; what is no
    literal was not written as a message at all."""
    positions = {"sp_fail": 2, "sp_fail_sys": 3, "sp_err_context": 1, "sp_report_add_note": 1,
                 "sp_told_add_note": 1}
    literal = r'"(?:\\.|[^"\\])*"'
    whole = re.compile(rf"(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+,")
    seen = 0
    for name in SOURCES:
        for function, arguments in calls((ROOT / name).read_text(), positions):
            if "__VA_ARGS__" in arguments or "const char *fmt" in arguments:
                continue
            rest = arguments
            for _ in range(positions[function]):
                rest = rest[whole.match(rest).end():].lstrip()
            assert re.match(rf"{literal}(?: (?:{literal}|PRI[a-z0-9]+))*(?:,|$)", rest), f"{name}: {function}({arguments})"
            seen += 1
    assert seen > 400


def test_chinese_is_whole():
    template, chinese = messages(PO / "safeport.pot"), messages(PO / "zh_CN.po")
    assert set(chinese) == set(template), RENEW
    assert not [key for key, value in chinese.items() if not value], RENEW
    assert "fuzzy" not in (PO / "zh_CN.po").read_text()


@needs_gettext
def test_chinese_is_sound():
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", str(PO / "zh_CN.po")], check=True)


@pytest.mark.parametrize("env", [
    {"LANGUAGE": "zh_CN"},
    {"LC_ALL": "zh_CN.UTF-8"},  # not installed here, or it is: the same
    {"LC_ALL": "", "LANG": "zh_CN.UTF-8"},
    {"LC_ALL": "", "LC_MESSAGES": "zh_CN.UTF-8"},
], ids=str)
def test_program_speaks_chinese(safeport, env):
    result = safeport("help", env={"SAFEPORT_LOCALEDIR": CATALOGUES, **env}, status=0)
    assert result.stdout.startswith("用法")
    wrong = safeport("pusj", env={"SAFEPORT_LOCALEDIR": CATALOGUES, **env}, status=2)
    assert "未知命令 'pusj'" in wrong.stderr


@pytest.mark.parametrize("env", [{}, {"LC_ALL": "C", "LANGUAGE": "zh_CN"}, {"LC_ALL": "xx_YY.UTF-8"},
                                 {"LANGUAGE": "zh_CN", "SAFEPORT_LOCALEDIR": "/nonexistent"}], ids=str)
def test_program_speaks_english(safeport, env):
    result = safeport("help", env={"SAFEPORT_LOCALEDIR": CATALOGUES, **env}, status=0)
    assert result.stdout.startswith("usage:")


def test_chinese_help_fits_a_terminal(safeport):
    import unicodedata
    env = {"SAFEPORT_LOCALEDIR": CATALOGUES, "LANGUAGE": "zh_CN"}
    for line in safeport("help", "push", env=env, status=0).stdout.splitlines():
        width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
        assert width <= 80, line
        assert line.lstrip()[:1] not in "、，。；：）" or not line.strip(), line


def test_errors_of_deep_layers_are_chinese(safeport, tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    digest = make_image(image, ["v1"])
    (image / "blobs" / "sha256" / digest[7:]).write_text("{}")
    wrong = safeport("copy", f"oci:{image}:v1", f"oci:{tmp_path}/out:v1", env=CHINESE, status=5).stderr
    actual = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of "{}"
    assert f"无法获取清单 {digest}（来自 'oci:{image}'）: 内容不是 '{digest}'：其摘要为 '{actual}'" in wrong


def test_errors_at_the_border_are_chinese(safeport, tmp_path):
    usage = safeport("copy", "ghcr.io/Acme/App:v1", "oci:out", env=CHINESE, status=2).stderr
    assert "无效的引用 'ghcr.io/Acme/App:v1'：仓库名必须小写：请使用 'ghcr.io/acme/app:v1'（或 --lower）" in usage
    (tmp_path / "empty").mkdir()
    none = safeport("copy", f"oci:{tmp_path}/empty:v1", f"oci:{tmp_path}/out:v1", env=CHINESE, status=1).stderr
    assert f"无法使用 'oci:{tmp_path}/empty'：不是 OCI 镜像布局（缺少 'oci-layout'）" in none
    refused = safeport("copy", "127.0.0.1:1/app:v1", f"oci:{tmp_path}/out:v1", "--retry-for", "0", env=CHINESE).stderr
    assert "连接被拒绝：仓库服务是否在 '127.0.0.1:1' 运行？" in refused


def test_programs_read_the_same_in_every_language(safeport, tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    digest = make_image(image, ["v1"])
    layer = max((image / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    layer.write_bytes(b"y" * layer.stat().st_size)
    args = ["verify", f"oci:{image}:v1", f"oci:{image}:v1", "--read", "--json"]
    english, chinese = (json.loads(safeport(*args, env=env, status=5).stdout) for env in ({}, CHINESE))
    assert digest == english["digest"]
    for report in (english, chinese):
        for key in ("started", "seconds"):
            del report[key]
    assert english == chinese
