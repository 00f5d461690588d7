"""Regions in XMP, faces above all, turned with the picture: those of the Metadata Working Group, Microsoft, ACDSee and
IPTC. They are measured in the stored picture, before the turn."""

from collections.abc import Iterator
from typing import Any
from xml.dom.minidom import Document

from colorhub.photo.metadata.turning import Turn
from colorhub.photo.metadata.xmp_tree import RDF, XMLNS, properties, remove, set_text, text_of

# The properties that hold regions: mwg-rs and acdsee-rs, MP, Iptc4xmpExt.
_HOLDERS = frozenset(["Regions", "RegionInfo", "ImageRegion"])


def turn_regions(document: Document, turn: Turn, notes: list[str]) -> bool:
    """Turn all regions of a packet; those that make no sense are left out, which is said in ``notes``. Returns whether
    anything changed."""
    if turn.orientation == 1:
        return False
    changed = False
    for description, node in properties(document):
        if node.localName not in _HOLDERS or node.nodeType != node.ELEMENT_NODE:
            continue
        try:
            changed = _turn_holder(node, turn) or changed
        except ValueError:
            remove(description, node)
            notes.append("regions in its XMP could not be turned with the picture and were left out")
            changed = True
    return changed


def _turn_holder(holder: Any, turn: Turn) -> bool:
    """Raises ``ValueError`` for numbers that are none."""
    structures = [fields for element in _elements(holder) if (fields := _fields(element))]
    dimensions = next((fields for fields in structures if "w" in fields and "h" in fields and "x" not in fields), None)
    if dimensions:
        width, height = (float(text_of(dimensions[side])) for side in "wh")
        if turn.swaps and _is_upright(width, height, turn):  # some programs measure in the upright picture
            return False
        for side, value in zip("wh", turn.extent(width, height), strict=True):
            set_text(dimensions[side], _number(value))
    changed = dimensions is not None
    for fields in structures:
        if fields is dimensions:
            continue
        if "x" in fields and "y" in fields:
            _turn_centred(fields, turn)
        elif "Rectangle" in fields:
            _turn_rectangle(fields["Rectangle"], turn)
        elif "rbX" in fields and "rbY" in fields:
            _turn_boundary(fields, turn)
        else:
            continue
        changed = True
    return changed


def _is_upright(width: float, height: float, turn: Turn) -> bool:
    """Whether the sides that regions are measured in are those of the upright picture, not those of the stored one."""
    if not width or not height or turn.width == turn.height:
        return False
    return (width > height) != (turn.width > turn.height)


def _elements(node: Any) -> Iterator[Any]:
    yield node
    for child in node.childNodes:
        if child.nodeType == child.ELEMENT_NODE:
            yield from _elements(child)


def _fields(element: Any) -> dict[str, Any]:
    """The plain fields of a structure, as attributes or as elements, by their names."""
    found = {a.localName: a for a in element.attributes.values() if a.namespaceURI not in (XMLNS, RDF, None)}
    for child in element.childNodes:
        if child.nodeType == child.ELEMENT_NODE and not any(c.nodeType == c.ELEMENT_NODE for c in child.childNodes):
            found.setdefault(child.localName, child)
    return found


def _unit_sides(fields: dict[str, Any], name: str, turn: Turn) -> tuple[float, float]:
    """What coordinates are measured in: (1, 1) for fractions of the sides, else the sides in pixels."""
    in_pixels = name in fields and text_of(fields[name]).strip().lower() in ("pixel", "pixels")
    return (float(turn.width), float(turn.height)) if in_pixels else (1.0, 1.0)


def _turned(x: float, y: float, sides: tuple[float, float], turn: Turn) -> tuple[float, float]:
    upright = turn.extent(*sides)
    turned = turn.point(x / sides[0], y / sides[1])
    return turned[0] * upright[0], turned[1] * upright[1]


def _turn_centred(fields: dict[str, Any], turn: Turn) -> None:
    """The Metadata Working Group's area: ``x`` and ``y`` of its centre, ``w`` and ``h``, or ``d`` of a circle."""
    sides = _unit_sides(fields, "unit", turn)
    x, y = _turned(float(text_of(fields["x"])), float(text_of(fields["y"])), sides, turn)
    _set(fields, x=x, y=y)
    if "w" in fields and "h" in fields:
        width, height = turn.extent(float(text_of(fields["w"])), float(text_of(fields["h"])))
        _set(fields, w=width, h=height)


def _turn_rectangle(node: Any, turn: Turn) -> None:
    """Microsoft's: ``x, y, width, height`` from the corner, in fractions of the sides."""
    numbers = [float(part) for part in text_of(node).split(",")]
    if len(numbers) != 4:
        raise ValueError("no rectangle")
    x, y, width, height = numbers
    set_text(node, ", ".join(_number(value) for value in _corner_turned(x, y, width, height, (1.0, 1.0), turn)))


def _corner_turned(
    x: float, y: float, width: float, height: float, sides: tuple[float, float], turn: Turn
) -> tuple[float, float, float, float]:
    """A rectangle given by its corner of least x and y."""
    one, other = _turned(x, y, sides, turn), _turned(x + width, y + height, sides, turn)
    return min(one[0], other[0]), min(one[1], other[1]), *turn.extent(width, height)


def _turn_boundary(fields: dict[str, Any], turn: Turn) -> None:
    """IPTC's: a rectangle from its corner, a circle around ``rbX`` and ``rbY``, or one vertex of a polygon (IPTC Photo
    Metadata Standard, Region Boundary)."""
    sides = _unit_sides(fields, "rbUnit", turn)
    x, y = (float(text_of(fields[name])) for name in ("rbX", "rbY"))
    if "rbW" in fields and "rbH" in fields:
        width, height = (float(text_of(fields[name])) for name in ("rbW", "rbH"))
        x, y, width, height = _corner_turned(x, y, width, height, sides, turn)
        _set(fields, rbX=x, rbY=y, rbW=width, rbH=height)
        return
    x, y = _turned(x, y, sides, turn)
    _set(fields, rbX=x, rbY=y)
    if "rbRx" in fields and sides == (1.0, 1.0) and turn.swaps:  # a fraction of the width
        _set(fields, rbRx=float(text_of(fields["rbRx"])) * turn.width / turn.height)


def _set(fields: dict[str, Any], **values: float) -> None:
    for name, value in values.items():
        set_text(fields[name], _number(value))


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"
