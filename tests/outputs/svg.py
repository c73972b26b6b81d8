"""Reading a drawing back."""

import re
from xml.etree import ElementTree

from markupsafe import Markup


def parsed(svg: Markup) -> ElementTree.Element:
    """The drawing's root; raises where it is not well formed."""
    return ElementTree.fromstring(str(svg))


def texts(svg: Markup) -> list[str]:
    """What is written in it, in order."""
    return [element.text or "" for element in parsed(svg).iter("text")]


def numbers(svg: Markup) -> str:
    """Every coordinate and length in it."""
    return " ".join(
        value
        for element in parsed(svg).iter()
        for name, value in element.attrib.items()
        if re.fullmatch("[xy][12]?|c[xy]|r|width|height|viewBox", name)
    )


def attacked(svg: Markup) -> bool:
    """Whether it holds a script or an event handler."""
    return any(
        element.tag == "script" or any(name.startswith("on") for name in element.attrib)
        for element in parsed(svg).iter()
    )
