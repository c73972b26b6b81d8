"""What ``--model`` names: a model of timm, ``torchvision:NAME``, or a user's own ``path/to/file.py:build``."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from cvadvisor.inspect.model.errors import ModelError
from cvadvisor.inspect.printable import printable

TORCHVISION = "torchvision:"
_OWN = re.compile(r"(?P<file>.+\.py):(?P<builder>[A-Za-z_]\w*)", re.DOTALL)


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        library: 'timm', 'torchvision' or 'own'.
        name: what the library calls it; for a user's own, the callable that builds it.
        file: the user's file.
    """

    library: str
    name: str
    file: Path | None = None

    @property
    def shown(self) -> str:
        """The name that facts and messages give it, without a user's folders."""
        if self.file is not None:
            return f"{printable(self.file.name)}:{self.name}"
        return f"{TORCHVISION}{self.name}" if self.library == "torchvision" else self.name


def own_file(name: str) -> tuple[Path, str] | None:
    """The file and the callable in it that ``name`` stands for, where it names a user's own model."""
    match = _OWN.fullmatch(name)
    return (Path(match["file"]), match["builder"]) if match else None


def origin(name: str) -> Origin:
    """What ``name`` stands for; a name that timm lacks and torchvision has is torchvision's."""
    own = own_file(name)
    if own is not None:
        return Origin("own", own[1], own[0])
    if name.startswith(TORCHVISION):
        return Origin("torchvision", name.removeprefix(TORCHVISION))
    import timm

    if not timm.is_model(name.partition(".")[0]) and name in torchvision_models():
        return Origin("torchvision", name)
    return Origin("timm", name)


def torchvision_models() -> list[str]:
    """torchvision's classification models."""
    import torchvision.models

    return list(torchvision.models.list_models(module=torchvision.models))


def check_name(name: str) -> None:
    """Make sure that there is a model called ``name``; a user's own file is run for it.

    Raises:
        ModelError: there is none; the nearest real names, or what the file has instead, are in the message.
    """
    import timm

    if name.endswith(".py") or (".py:" in name and own_file(name) is None):
        raise ModelError(f"--model {printable(name)}: say which function builds the model, as in file.py:build.")
    found = origin(name)
    if found.file is not None:
        from cvadvisor.inspect.model.own import builder

        builder(found.file, found.name)
        return
    if found.library == "torchvision":
        if found.name not in torchvision_models():
            near = [f"{TORCHVISION}{one}" for one in nearest_models(found.name, torchvision_models())]
            raise ModelError(f"torchvision has no classification model named {printable(found.name)!r}: {_hint(near)}")
        return
    architecture, _, tag = name.partition(".")
    if timm.is_model(architecture) and (not tag or name in timm.list_pretrained()):
        return
    near = nearest_models(name, timm.list_pretrained(f"{architecture}.*") if tag else timm.list_models())
    raise ModelError(f"timm has no model named {name!r}: {_hint(near)}")


def nearest_models(name: str, known: list[str], count: int = 3) -> list[str]:
    """The ``count`` names in ``known`` that are most like ``name``, best first."""
    plain = {candidate.replace("_", "").replace("-", "").lower(): candidate for candidate in reversed(known)}
    wanted = name.replace("_", "").replace("-", "").replace(" ", "").lower()
    near = [plain[match] for match in difflib.get_close_matches(wanted, plain, n=count, cutoff=0.5)]
    containing = sorted((candidate for candidate in known if wanted and wanted in candidate.lower()), key=len)
    return list(dict.fromkeys([*near, *containing]))[:count]


def _hint(near: list[str]) -> str:
    return f"did you mean {', '.join(near)}?" if near else "see timm.list_models() for the names."
