"""``docs/rules/`` and ``docs/guidance.md``: generated from the rules, whole, and with links that lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cvadvisor.advise.explain import TOPICS, explain
from cvadvisor.advise.pages import AGAIN, pages
from cvadvisor.advise.rules import Rule, load_rules

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = pages()
RULES = load_rules()


def letters(text: str) -> str:
    """The letters and digits alone: where links lead, signs and line ends left out."""
    return re.sub(r"\]\([^)]*\)|https?:\S+|\W|_", "", text)


def section(rule: Rule) -> str:
    page = PAGES[f"rules/{rule.code[:3]}.md"]
    start = page.index(f"\n## {rule.code} {rule.name}\n")
    return page[start : page.find("\n## ", start + 4)] if "\n## " in page[start + 4 :] else page[start:]


def anchors(page: str) -> set[str]:
    """The places that a heading of ``page`` gives, as GitHub names them."""
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading)).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }


@pytest.mark.parametrize("name", PAGES)
def test_the_published_page_is_the_generated_one(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], f"it is out of date: {AGAIN}"


def test_there_is_no_page_besides() -> None:
    assert {f"rules/{file.name}" for file in (DOCS / "rules").iterdir()} == {name for name in PAGES if "/" in name}


def test_the_command_that_regenerates_the_pages_writes_them(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "OLD.md").touch()
    subprocess.run([sys.executable, *AGAIN.split()[1:3], str(tmp_path)], check=True)
    written = {path.relative_to(tmp_path).as_posix(): path.read_text("utf-8") for path in tmp_path.rglob("*.md")}
    assert written == PAGES


def test_the_index_names_every_rule_once() -> None:
    index = PAGES["rules/README.md"]
    assert set(TOPICS) == {rule.code[:3] for rule in RULES}
    for rule in RULES:
        assert index.count(f"[{rule.code} {rule.name}](") == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_says_of_a_rule_all_that_the_command_does(rule: Rule) -> None:
    title, *printed = explain(RULES, rule.code).split("\n\n")
    assert letters(section(rule)) == letters(title) + letters(" ".join(printed))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[name]):
        file, _, place = target.partition("#")
        path = (DOCS / name).parent / file
        assert path.is_file(), target
        assert not place or place in anchors(path.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", PAGES)
def test_no_template_is_left_in_a_page(name: str) -> None:
    assert not re.search(r"\{(?:dataset|probe|run|model|hardware|plan|param)\.", PAGES[name])
