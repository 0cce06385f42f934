# SPDX-License-Identifier: Apache-2.0
"""Messages: the catalogue holds every text of the program, the Chinese one is whole, and the program speaks it."""

import re
import shutil
import subprocess

import pytest
from cli_support import BUILD, ROOT

PO = ROOT / "po"
CATALOGUES = str(BUILD / "po")
RENEW = "run: ninja -C build safeport-pot safeport-update-po; then fill in what is empty or fuzzy in po/zh_CN.po"

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
    subprocess.run(["xgettext", "-f", "po/POTFILES", "--keyword=_", "--keyword=N_", "--from-code=UTF-8", "--no-wrap",
                    "-o", str(fresh)], cwd=ROOT, check=True)
    assert set(messages(fresh)) == set(messages(PO / "safeport.pot")), RENEW


def test_every_file_with_messages_is_listed():
    listed = set((PO / "POTFILES").read_text().split())
    marked = {str(path.relative_to(ROOT)) for folder in ("cli", "lib") for path in (ROOT / folder).rglob("*.c")
              if re.search(r'\bN?_\(\s*"', path.read_text())}
    assert marked == listed, "add it to po/POTFILES"


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
