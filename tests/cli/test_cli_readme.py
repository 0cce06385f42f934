# SPDX-License-Identifier: Apache-2.0
"""The READMEs: links lead somewhere, and both languages have the same parts. (tests/system runs their quick start, and
test_cli_help.py compares their exit statuses.)"""

import re

import pytest
from cli_support import ROOT

READMES = ("README.md", "README.zh-CN.md")


def headings(text):
    return re.findall(r"^##+ (.+)$", text, flags=re.M)


@pytest.mark.parametrize("name", READMES)
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
    anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings(text)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_both_languages_have_the_same_parts():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
    assert len(headings(english)) == len(headings(chinese))
    for mark in ("```", "\n| ", "\n- ", "https://"):
        assert english.count(mark) == chinese.count(mark), mark
