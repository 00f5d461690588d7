"""XMP packets: recording that a model invented the colours, beside whatever the packet already says."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.dom.minidom import Document

from defusedxml.minidom import parseString

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
NAMESPACE = "urn:colorhub:provenance:1.0:"
# IPTC's term for a real photograph with parts that a trained model added.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
STATEMENT = (
    "The colours were invented by a model from the lightness of the photograph; they are no record of the scene."
)
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_MOST_BYTES = 1 << 22
_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)([1-8])")


def orientation(packet: bytes) -> int:
    """The ``tiff:Orientation`` of a packet, 1 where it has none."""
    found = _ORIENTATION.search(packet)
    return int(found[2]) if found else 1


def upright(packet: bytes | None) -> bytes | None:
    """The packet with ``tiff:Orientation`` reset to 1."""
    return _ORIENTATION.sub(rb"\g<1>1", packet) if packet else packet


def record_provenance(packet: bytes | None, provenance: Mapping[str, str], software: str) -> tuple[bytes, bool]:
    """``packet`` (or a new one) with a statement of what was done: IPTC's digital source type, the model and its
    settings as properties of the colorhub namespace, and one more line in the history. The rest stays as it is.

    Returns the packet and whether the old one could be kept (a damaged one cannot).
    """
    document = _parse(packet) if packet else None
    kept = packet is None or document is not None
    if document is None:
        document = parseString(_EMPTY)
    rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
    facts = {"Colors": STATEMENT, "Software": software}
    facts |= {_property_name(key): str(value) for key, value in provenance.items()}
    _set(document, rdf, _IPTC_EXTENSION, "Iptc4xmpExt", "DigitalSourceType", DIGITAL_SOURCE_TYPE)
    for name, value in facts.items():
        _set(document, rdf, NAMESPACE, "colorhub", name, _legal(value))
    details = "; ".join(f"{key} {value}" for key, value in provenance.items())
    _add_history(document, rdf, software, _legal(f"colours invented by a model: {details}"))
    return _serialise(document), kept


def _parse(packet: bytes) -> Document | None:
    """The packet as a document; ``None`` where it is damaged, or could be an attack (entities)."""
    packet = packet.strip(b"\0 \r\n\t")
    if len(packet) > _MOST_BYTES:
        return None
    try:
        document = parseString(packet, forbid_dtd=True)
        # Parsing is no proof that it can be written again: very deep nesting is not.
        return document if document.getElementsByTagNameNS(_RDF, "RDF") and document.toxml() else None
    except Exception:  # expat, minidom and codecs each raise their own for damaged packets
        return None


def _serialise(document: Document) -> bytes:
    body = "".join(node.toxml() for node in document.childNodes if node.nodeType == node.ELEMENT_NODE)
    return (_HEAD + body + _TAIL).encode("utf-8", "replace")


def _property_name(key: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", key) if word]
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name and not name[0].isdigit() else f"Fact{name}"


def _legal(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", text)


def _set(document: Document, rdf: Any, namespace: str, prefix: str, name: str, value: str) -> None:
    """Give a property its value: where it already stands (a property may stand only once), else in a description of
    ours."""
    for description in _descriptions(rdf):
        if description.hasAttributeNS(namespace, name):
            description.getAttributeNodeNS(namespace, name).value = value
            return
        for child in _children(description, namespace, name):
            while child.firstChild:
                child.removeChild(child.firstChild)
            child.appendChild(document.createTextNode(value))
            return
    element = document.createElementNS(namespace, f"{prefix}:{name}")
    element.appendChild(document.createTextNode(value))
    _own_description(document, rdf, namespace, prefix).appendChild(element)


def _descriptions(rdf: Any) -> list[Any]:
    return _children(rdf, _RDF, "Description")


def _children(node: Any, namespace: str, name: str) -> list[Any]:
    return [c for c in node.childNodes if c.namespaceURI == namespace and getattr(c, "localName", None) == name]


def _own_description(document: Document, rdf: Any, namespace: str, prefix: str) -> Any:
    """A description that declares ``prefix`` itself, about the same subject as the others."""
    existing = _descriptions(rdf)
    for description in existing:
        if description.getAttributeNS(_XMLNS, prefix) == namespace:
            return description
    about = existing[0].getAttributeNS(_RDF, "about") if existing else ""
    rdf_prefix = rdf.prefix or "rdf"
    description = document.createElementNS(_RDF, f"{rdf_prefix}:Description")
    description.setAttributeNS(_XMLNS, f"xmlns:{rdf_prefix}", _RDF)
    description.setAttributeNS(_XMLNS, f"xmlns:{prefix}", namespace)
    description.setAttributeNS(_RDF, f"{rdf_prefix}:about", about)
    rdf.appendChild(description)
    return description


def _add_history(document: Document, rdf: Any, software: str, what: str) -> None:
    """One more event at the end of ``xmpMM:History``."""
    history = next((found for d in _descriptions(rdf) for found in _children(d, _MEDIA, "History")), None)
    if history is None:
        history = document.createElementNS(_MEDIA, "xmpMM:History")
        _own_description(document, rdf, _MEDIA, "xmpMM").appendChild(history)
    rdf_prefix = rdf.prefix or "rdf"
    sequence = next(iter(_children(history, _RDF, "Seq")), None)
    if sequence is None:
        sequence = document.createElementNS(_RDF, f"{rdf_prefix}:Seq")
        history.appendChild(sequence)
    event = document.createElementNS(_RDF, f"{rdf_prefix}:li")
    event.setAttributeNS(_XMLNS, "xmlns:stEvt", _EVENT)
    event.setAttributeNS(_RDF, f"{rdf_prefix}:parseType", "Resource")
    when = datetime.now(UTC).isoformat(timespec="seconds")
    for name, value in {"action": "edited", "when": when, "softwareAgent": software, "parameters": what}.items():
        element = document.createElementNS(_EVENT, f"stEvt:{name}")
        element.appendChild(document.createTextNode(value))
        event.appendChild(element)
    sequence.appendChild(event)
