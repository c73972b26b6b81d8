"""The import boundaries of the design, checked on the source itself."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cvadvisor

PACKAGE = Path(cvadvisor.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "torchvision", "timm", "sklearn", "safetensors"}
CODE_RUNNERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "runpy"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "lib", "stuff"}


@dataclass(frozen=True)
class Import:
    """One imported module, where it stands, and whether it runs when its module is imported."""

    module: str
    place: str
    late: bool


def module_name(file: Path) -> str:
    parts = ("cvadvisor", *file.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def imports(file: Path) -> Iterator[Import]:
    """Every import of ``file``; ``from a import b`` counts as a and as a.b, which may be a module."""
    yield from _imports(ast.parse(file.read_text(encoding="utf-8")), file, late=False)


def _imports(node: ast.AST, file: Path, *, late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        place = f"{file.relative_to(PACKAGE.parent)}:{getattr(child, 'lineno', 0)}"
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, place, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{place} imports relatively"
            assert child.module is not None
            yield Import(child.module, place, late)
            yield from (Import(f"{child.module}.{alias.name}", place, late) for alias in child.names)
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_type_checking(child)
        yield from _imports(child, file, late=late or deferred)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def breaches(folder: str, wrong: Callable[[Import], bool]) -> list[str]:
    """'file:line imports module' for each import below ``folder`` that is wrong."""
    chosen = [file for file in FILES if within(module_name(file), f"cvadvisor.{folder}" if folder else "cvadvisor")]
    assert chosen, f"there is no {folder}"
    return [f"{one.place} imports {one.module}" for file in chosen for one in imports(file) if wrong(one)]


def test_facts_import_nothing_else_of_ours() -> None:
    assert not breaches("facts", lambda one: within(one.module, "cvadvisor") and not _is_facts(one.module))


def _is_facts(module: str) -> bool:
    return module == "cvadvisor" or within(module, "cvadvisor.facts")


@pytest.mark.parametrize("other", ["inspect", "probe", "outputs", "audit", "cli", "task", "demo"])
def test_advice_never_knows_how_facts_were_measured_or_are_shown(other: str) -> None:
    assert not breaches("advise", lambda one: within(one.module, f"cvadvisor.{other}"))


@pytest.mark.parametrize("other", ["inspect", "probe", "task", "audit", "cli", "advise.judge", "advise.rules"])
def test_outputs_know_the_diagnosis_and_not_where_it_came_from(other: str) -> None:
    assert not breaches("outputs", lambda one: within(one.module, f"cvadvisor.{other}"))


@pytest.mark.parametrize("folder", ["inspect", "probe", "task"])
def test_measuring_never_judges(folder: str) -> None:
    judging = ("cvadvisor.advise", "cvadvisor.outputs", "cvadvisor.audit")
    assert not breaches(folder, lambda one: within(one.module, *judging))


def test_nothing_but_the_entry_point_imports_the_command_line() -> None:
    entry = "cvadvisor/__main__.py:"
    wrong = breaches("", lambda one: within(one.module, "cvadvisor.cli"))
    assert not [breach for breach in wrong if not breach.startswith(entry)]


def test_deep_learning_libraries_are_imported_only_where_training_happens() -> None:
    allowed = ("cvadvisor.probe", "cvadvisor.task", "cvadvisor.inspect.model")
    for file in FILES:
        permitted = set(HEAVY) if within(module_name(file), *allowed) else set()
        if module_name(file) == "cvadvisor.demo":
            permitted = {"sklearn"}
        found = [one for one in imports(file) if one.module.split(".")[0] in HEAVY - permitted]
        assert not found, f"{found[0].place} imports {found[0].module}"


def test_deep_learning_libraries_are_imported_late() -> None:
    assert not breaches("", lambda one: one.module.split(".")[0] in HEAVY and not one.late)


def test_libraries_that_are_slow_to_import_are_imported_late() -> None:
    assert not breaches("", lambda one: within(one.module, "pandas") and not one.late)


def test_no_library_that_runs_code_from_data_is_imported() -> None:
    assert not breaches("", lambda one: one.module.split(".")[0] in CODE_RUNNERS)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_no_code_is_made_from_text(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        where = f"{file.name}:{node.lineno}"
        assert called not in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"), where
        assert called not in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"), where
        assert given.get("shell") in (None, "False"), where
        if called.endswith("torch.load"):
            assert given.get("weights_only") == "True", where


def test_no_module_has_a_name_that_says_nothing() -> None:
    words = {word: file for file in FILES for word in re.split(r"[._]", module_name(file))}
    assert not VAGUE & set(words)


def test_the_command_line_imports_what_it_needs_only_inside_commands() -> None:
    commands = (
        "cvadvisor.lint_command",
        "cvadvisor.probe_command",
        "cvadvisor.options",
        "cvadvisor.terminal",
        "cvadvisor.command_errors",
    )
    light = ("cvadvisor.config", "cvadvisor.errors", "cvadvisor.__version__", *commands)
    for file in ("cli.py", "lint_command.py", "probe_command.py", "options.py", "terminal.py", "command_errors.py"):
        early = [one for one in imports(PACKAGE / file) if not one.late and within(one.module, "cvadvisor")]
        wrong = [one.module for one in early if one.module != "cvadvisor" and not within(one.module, *light)]
        assert not wrong
