"""XMP packets: recording that a model invented the colours, beside whatever the packet already says."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.dom.minidom import Document

from colorhub.photo.metadata.iptc import Property
from colorhub.photo.metadata.xmp_tree import (
    RDF,
    XMLNS,
    children,
    empty,
    find,
    legal,
    own_description,
    parse,
    properties,
    rdf_of,
    serialise,
    set_array,
    set_property,
    text_of,
)

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
NAMESPACE = "urn:colorhub:provenance:1.0:"
# IPTC's term for a real photograph with parts that a trained model added.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
STATEMENT = (
    "The colours were invented by a model from the lightness of the photograph; they are no record of the scene."
)


def orientation(packet: bytes) -> int | None:
    """The ``tiff:Orientation`` of a packet, 1 to 8; ``None`` where it has none, or is damaged."""
    if b"Orientation" not in packet.replace(b"\0", b""):
        return None
    document = parse(packet)
    node = find(document, _TIFF, "Orientation") if document else None
    text = text_of(node).strip() if node is not None else ""
    return int(text) if text in tuple("12345678") else None


def with_orientation(packet: bytes, orientation: int) -> bytes:
    """The packet with another ``tiff:Orientation``; as it is where it is damaged."""
    document = parse(packet)
    if document is None:
        return packet
    set_property(document, _TIFF, "tiff", "Orientation", str(orientation))
    return serialise(document)


def recorded(packet: bytes | None) -> dict[str, str]:
    """The facts of a packet's record by name, such as ``Model`` and ``Settings``; none where it has none."""
    document = parse(packet) if packet and NAMESPACE.encode() in packet else None
    nodes = properties(document) if document else []
    return {node.localName: text_of(node) for _, node in nodes if node.namespaceURI == NAMESPACE}


def facts_of(provenance: Mapping[str, str]) -> dict[str, str]:
    """What :func:`recorded` finds of a provenance, beside who wrote it."""
    return {_property_name(key): legal(str(value)) for key, value in provenance.items()}


def record_provenance(packet: bytes | None, provenance: Mapping[str, str], software: str) -> tuple[bytes, bool]:
    """``packet`` (or a new one) with a statement of what was done: IPTC's digital source type, the model and its
    settings as properties of the colorhub namespace, and one more line in the history. The rest stays as it is.

    Returns the packet and whether the old one could be kept (a damaged one cannot).
    """
    document = parse(packet) if packet else None
    kept = packet is None or document is not None
    if document is None:
        document = empty()
    facts = {"Colors": STATEMENT, "Software": software} | facts_of(provenance)
    set_property(document, _IPTC_EXTENSION, "Iptc4xmpExt", "DigitalSourceType", DIGITAL_SOURCE_TYPE)
    for name, value in facts.items():
        set_property(document, NAMESPACE, "colorhub", name, value)
    details = "; ".join(f"{key} {value}" for key, value in provenance.items())
    _add_history(document, software, legal(f"colours invented by a model: {details}"))
    return serialise(document), kept


def with_properties(packet: bytes | None, added: Iterable[Property], *, override: bool) -> tuple[bytes | None, bool]:
    """``packet`` (or a new one) with further properties; those that it has already stay unless ``override``.

    Returns the packet and whether the old one could be kept (a damaged one cannot).
    """
    document = parse(packet) if packet else empty()
    kept = document is not None
    if document is None:
        document = empty()
    changed = not kept
    for new in added:
        if not override and find(document, new.namespace, new.name) is not None:
            continue
        values = tuple(legal(value) for value in new.values)
        where = new.namespace, new.prefix, new.name
        if new.kind == "text":
            set_property(document, *where, values[0])
        else:
            set_array(document, *where, new.kind, values)
        changed = True
    return (serialise(document) if changed else packet), kept


def _property_name(key: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", key) if word]
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name and not name[0].isdigit() else f"Fact{name}"


def _add_history(document: Document, software: str, what: str) -> None:
    """One more event at the end of ``xmpMM:History``."""
    history: Any = find(document, _MEDIA, "History")
    declared = [("xmpMM", _MEDIA), ("stEvt", _EVENT)]
    if history is None or history.nodeType == history.ATTRIBUTE_NODE:
        history = document.createElementNS(_MEDIA, "xmpMM:History")
        own_description(document, _MEDIA, "xmpMM", declared[1]).appendChild(history)
    rdf_prefix = rdf_of(document).prefix or "rdf"
    sequence = next(iter(children(history, RDF, "Seq")), None)
    if sequence is None:
        sequence = document.createElementNS(RDF, f"{rdf_prefix}:Seq")
        history.appendChild(sequence)
    event = document.createElementNS(RDF, f"{rdf_prefix}:li")
    event.setAttributeNS(RDF, f"{rdf_prefix}:parseType", "Resource")
    _declare_event(history)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    for name, value in {"action": "edited", "when": when, "softwareAgent": software, "parameters": what}.items():
        element = document.createElementNS(_EVENT, f"stEvt:{name}")
        element.appendChild(document.createTextNode(value))
        event.appendChild(element)
    sequence.appendChild(event)


def _declare_event(history: Any) -> None:
    """The prefix of events, where the history's description does not declare it: on the description, which old readers
    take best."""
    node = description = history.parentNode
    while node is not None and node.nodeType == node.ELEMENT_NODE:
        if node.hasAttribute("xmlns:stEvt"):
            return
        node = node.parentNode
    description.setAttributeNS(XMLNS, "xmlns:stEvt", _EVENT)
