"""XMP packets in JPEG, whose segments hold 64 kB: what is more goes into extended XMP (XMP specification, part 3,
section 1.1.3.1), the record of invented colours, captions and keywords last."""

import hashlib
import struct
from itertools import groupby
from operator import itemgetter
from typing import Any

from colorhub.photo.metadata.xmp_tree import (
    copy_into,
    descriptions,
    empty,
    parse,
    properties,
    remove_all,
    serialise,
    set_property,
    text_of,
    without_white_space,
)

EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_NOTE = "http://ns.adobe.com/xmp/note/"
_DC = "http://purl.org/dc/elements/1.1/"
MOST = 65502  # bytes of a packet in one segment
_PIECE = 65400  # of an extended one, as the specification recommends
_HEAD = struct.Struct(">32sII")
_ROOM = 200  # for the name of the extended packet
# What leaves the main packet last; what is not named goes first, the largest of it before the others.
_DEAREST = ("subject", "rights", "creator", "title", "description")


def joined(packet: bytes | None, segments: list[bytes]) -> tuple[bytes | None, bool]:
    """A main packet with what its extended XMP adds; and whether all of that was found undamaged.

    ``segments``: the bodies of JPEG's APP1 segments that begin with :data:`EXTENSION`.
    """
    document = parse(packet) if packet else None
    if document is None:
        return packet, not segments
    named = [(d, n) for d, n in properties(document) if (n.namespaceURI, n.localName) == (_NOTE, "HasExtendedXMP")]
    if not named:
        return packet, not segments
    name = text_of(named[0][1]).strip().encode("ascii", "replace")
    extended = _assembled(name, segments)
    more = parse(extended) if extended else None
    remove_all(named)
    if more is None:
        return serialise(document), False
    for description, group in groupby(properties(more), key=itemgetter(0)):
        copy_into(document, description, [node for _, node in group])
    return serialise(document), True


def _assembled(name: bytes, segments: list[bytes]) -> bytes | None:
    """The extended packet of that name; ``None`` where a piece is missing or its MD5 is not its name."""
    pieces: dict[int, bytes] = {}
    length = 0
    for segment in segments:
        body = segment[len(EXTENSION) :]
        if len(body) < _HEAD.size:
            continue
        found, length_here, offset = _HEAD.unpack_from(body)
        if found.upper() == name.upper():
            pieces[offset] = body[_HEAD.size :]
            length = length_here
    whole = b"".join(pieces[offset] for offset in sorted(pieces))
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest().encode()
    return whole if len(whole) == length and digest.upper() == name.upper() else None


def split(packet: bytes) -> tuple[bytes | None, list[bytes]]:
    """A packet as the one of a JPEG's first segment and the bodies of the extended segments; ``None`` where it is
    damaged and too long."""
    if len(packet) <= MOST:
        return packet, []
    main = parse(packet)
    if main is None:
        return None, []
    without_white_space(main)
    if len(compact := serialise(main)) <= MOST:
        return compact, []
    moved = _move(main, len(compact) - MOST + _ROOM)
    extended = serialise(moved)
    start = extended.index(b"?>") + 2  # an extended packet has no wrapper
    extended = extended[start : extended.rindex(b"<?")].strip()
    name = hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()
    set_property(main, _NOTE, "xmpNote", "HasExtendedXMP", name)
    packet = serialise(main)
    if len(packet) > MOST:
        return None, []
    pieces = [extended[at : at + _PIECE] for at in range(0, len(extended), _PIECE)]
    heads = [_HEAD.pack(name.encode(), len(extended), at * _PIECE) for at in range(len(pieces))]
    return packet, [EXTENSION + head + piece for head, piece in zip(heads, pieces, strict=True)]


def _move(main: Any, excess: int) -> Any:
    """Move properties of a tree into another one until the first is ``excess`` bytes smaller."""
    extended = empty()
    places = [(description, node, _size(node)) for description, node in properties(main)]
    moved: list[tuple[Any, Any]] = []
    for description, node, size in sorted(places, key=lambda place: (_dearness(place[1]), -place[2])):
        if excess <= 0 or _dearness(node) > len(_DEAREST) + 1:
            break
        moved.append((description, node))
        excess -= size
    below: dict[int, list[Any]] = {}
    for description, node in moved:
        below.setdefault(id(description), []).append(node)
    for description in descriptions(main):
        if nodes := below.get(id(description)):
            copy_into(extended, description, nodes)
    remove_all(moved)
    return extended


def _dearness(node: Any) -> int:
    """0 for what leaves first; the record of invented colours never does."""
    namespace, name = node.namespaceURI or "", node.localName
    if namespace == _DC and name in _DEAREST:
        return 1 + _DEAREST.index(name)
    is_record = namespace.startswith("urn:colorhub:") or name in ("DigitalSourceType", "HasExtendedXMP")
    return len(_DEAREST) + 2 if is_record else 0


def _size(node: Any) -> int:
    if node.nodeType == node.ATTRIBUTE_NODE:
        return len(node.nodeName) + len(node.value.encode("utf-8", "replace")) + 4
    return len(node.toxml().encode("utf-8", "replace"))
