"""The pages that are generated from ``rules/``: ``docs/rules/``, a page a topic, and ``docs/guidance.md``.

``python -m cvadvisor.advise.pages docs`` writes them.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from cvadvisor.advise.explanation import GUIDANCE, TOPICS, Item, Part, explanation
from cvadvisor.advise.guidance import DEFAULT, Felt, Row, felt, guidance_texts, load_guidance
from cvadvisor.advise.message import readable
from cvadvisor.advise.rule_file import Default, Rule, SourceEntry, read_sources
from cvadvisor.advise.rules import load_defaults, load_rules
from cvadvisor.shipped import shipped

AGAIN = "python -m cvadvisor.advise.pages docs"
_NOTE = f"<!-- Generated from rules/: {AGAIN} -->"
_MARKUP = re.compile(r"[\\`*<>\[\]|]|(?<!\w)_|_(?!\w)")


def pages() -> dict[str, str]:
    """Every page by its path below ``docs``.

    Raises:
        RuleError: something in ``rules/`` is not valid.
    """
    rules = load_rules()
    made = {"rules/README.md": _index(rules)}
    for prefix, members in groupby(rules, key=lambda rule: rule.code[:3]):
        made[f"rules/{prefix}.md"] = _topic(prefix, tuple(members))
    sources = read_sources(shipped("rules") / "sources.yaml")
    made["guidance.md"] = _guidance(load_guidance(), rules, load_defaults(), sources)
    return made


def write(folder: Path) -> None:
    """Write every page below ``folder``, and remove pages of topics that are no more."""
    made = pages()
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    for old in (folder / "rules").glob("*.md"):
        if f"rules/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------- rules


def _index(rules: Sequence[Rule]) -> str:
    blocks = [
        _NOTE,
        "# Rules",
        f"The {len(rules)} rules that ship, by topic. `cvadvisor rule CODE` prints one; [how to write your own]"
        "(../../rules/README.md#rules-of-your-own); [which guidance each carries out](../guidance.md).",
    ]
    for prefix, members in groupby(rules, key=lambda rule: rule.code[:3]):
        rows = [f"| {_rule_link(rule)} | {rule.severity} | {_said(rule)} |" for rule in members]
        blocks.append(f"## [{TOPICS[prefix]}]({prefix}.md)")
        blocks.append("\n".join(["| rule | severity | what it says |", "|---|---|---|", *rows]))
    return _page(blocks)


def _topic(prefix: str, rules: Sequence[Rule]) -> str:
    blocks = [_NOTE, f"# {TOPICS[prefix]}", "[All rules](README.md). Between « and » stands what is measured."]
    texts = guidance_texts()
    for rule in rules:
        blocks.append(f"## {rule.code} {rule.name}")
        blocks.append(f"**{rule.severity}**")
        for part in explanation(rule, texts):
            blocks += _part(part)
    return _page(blocks)


def _part(part: Part) -> Iterator[str]:
    if part.title and not part.text:
        yield f"**{part.title}**"
    if part.text:
        yield f"**{part.title}**: {_escaped(part.text)}" if part.title else _escaped(part.text)
    if part.expression:
        yield f"```\n{part.expression}\n```"
    if part.items:
        yield "\n".join(_item(item, part.title) for item in part.items)


def _item(item: Item, title: str) -> str:
    url = f"../guidance.md#{item.head.lower()}" if title == GUIDANCE else item.url
    head = f"`{item.head}`" if item.is_code else _escaped(item.head)
    head = f"[{head}]({url})" if url else head
    return f"- {head}: {_escaped(item.text)}" if item.text else f"- {head}"


def _said(rule: Rule) -> str:
    return _escaped(readable(rule.message, rule.params))


def _rule_link(rule: Rule, folder: str = "") -> str:
    return f"[{rule.code} {rule.name}]({folder}{rule.code[:3]}.md#{rule.code.lower()}-{rule.name})"


# ------------------------------------------------------------------------------------------------------- guidance


def _guidance(
    rows: Sequence[Row], rules: Sequence[Rule], defaults: Sequence[Default], sources: dict[str, SourceEntry]
) -> str:
    blocks = [
        _NOTE,
        "# Guidance",
        "What the documents that cvadvisor carries out advise, in our words, and where each piece of advice is felt: "
        "the rules that judge by it, the fields of the recipe that it sets, the parts of the report that show it, and "
        "what the training script does about it.",
    ]
    for row in rows:
        blocks.append(f"## {row.id}")
        blocks.append(_escaped(row.text))
        blocks.append("\n".join(f"- {line}" for line in _felt(felt(row, rules, defaults))) or "Felt nowhere yet.")
        blocks.append("Source: " + "; ".join(f"*{_escaped(sources[name].full_title)}*" for name in row.sources))
    return _page(blocks)


def _felt(where: Felt) -> Iterator[str]:
    if where.rules:
        yield f"**Rules** {', '.join(_rule_link(rule, 'rules/') for rule in where.rules)}"
    if where.fields:
        yield f"**Recipe** {', '.join(f'`{field}` ({_by(by)})' for field, by in where.fields.items())}"
    if where.report:
        yield f"**Report** {'; '.join(f'*{_escaped(one.heading)}*: {_escaped(one.shows)}' for one in where.report)}"
    if where.script:
        yield f"**Script** {'; '.join(f'`{one.name}` {_escaped(one.does)}' for one in where.script)}"


def _by(by: Sequence[str]) -> str:
    return ", ".join("its default" if one == DEFAULT else one for one in by)


# ------------------------------------------------------------------------------------------------------- markdown


def _page(blocks: Sequence[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _escaped(text: str) -> str:
    """``text`` as Markdown shows it as it is."""
    return _MARKUP.sub(lambda found: f"\\{found.group()}", " ".join(text.split()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {AGAIN}")
    write(Path(sys.argv[1]))
