"""A user's own model: a Python file and the callable in it that returns a torch module."""

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cvadvisor.inspect.model.errors import ModelError, first_line
from cvadvisor.inspect.printable import printable

EMPTY = inspect.Parameter.empty


def builder(file: Path, name: str) -> Callable[..., Any]:
    """The callable ``name`` in ``file``, which is run for it.

    Raises:
        ModelError: there is no such file, it cannot be imported, or it has no such callable.
    """
    if not file.is_file():
        raise ModelError(f"--model {printable(file)}:{name}: there is no such file.")
    module = _imported(file.resolve())
    found = getattr(module, name, None)
    if callable(found) and not _is_module(found):
        return found
    if found is not None:
        kind = "a model that is already made" if _is_module(found) else type(found).__name__
        raise ModelError(f"{_shown(file)}: {name} is {kind}, where a function or class that makes a model is needed.")
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    has = f"it has {', '.join(own[:5])}" if own else "it defines no function or class"
    raise ModelError(f"{_shown(file)} has nothing called {name!r}: {has}.")


def build(file: Path, name: str, classes: int) -> Any:
    """The model for ``classes`` classes: ``build(num_classes=N)`` where it takes that, ``build(N)`` or ``build()``.

    Raises:
        ModelError: the call fails, or gives something that is no ``torch.nn.Module``.
    """
    make = builder(file, name)
    args, kwargs, call = _arguments(make, file, name, classes)
    try:
        model = make(*args, **kwargs)
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise ModelError(f"{_shown(file)}: {call} fails with {printable(said)}.") from error
    if not _is_module(model):
        raise ModelError(f"{_shown(file)}: {call} gives {type(model).__name__}, where a torch.nn.Module is needed.")
    return model


def _arguments(
    make: Callable[..., Any], file: Path, name: str, classes: int
) -> tuple[tuple[int, ...], dict[str, int], str]:
    """How ``make`` is called, and the call as a user would write it."""
    try:
        parameters = list(inspect.signature(make).parameters.values())
    except (TypeError, ValueError):  # a builtin: nothing is known of it
        parameters = []
    if any(p.name == "num_classes" or p.kind is p.VAR_KEYWORD for p in parameters):
        needed = [p.name for p in parameters if _is_needed(p) and p.name != "num_classes"]
        if not needed:
            return (), {"num_classes": classes}, f"{name}(num_classes={classes})"
    else:
        needed = [p.name for p in parameters if _is_needed(p)]
        if not needed:
            return (), {}, f"{name}()"
        if len(needed) == 1 and not any(p.name == needed[0] and p.kind is p.KEYWORD_ONLY for p in parameters):
            return (classes,), {}, f"{name}({classes})"
    raise ModelError(
        f"{_shown(file)}: {name} needs {', '.join(needed)}, where it is called as {name}(num_classes=N), {name}(N) or "
        f"{name}(): give the others defaults."
    )


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is EMPTY and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


@functools.cache
def _imported(file: Path) -> ModuleType:
    """``file`` as a module. What lies beside it can be imported, after everything that is installed."""
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(f"own_model_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look for it there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise ModelError(f"{_shown(file)} cannot be imported: {printable(said)}.") from error
    return module


def _is_module(value: Any) -> bool:
    from torch import nn

    return isinstance(value, nn.Module)


def _shown(file: Path) -> str:
    return f"--model {printable(file.name)}"
