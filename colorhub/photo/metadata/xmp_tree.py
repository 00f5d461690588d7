"""XMP packets as trees: parsed within limits, changed property by property, and written so that old readers take
them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.dom.minidom import Document

from defusedxml.minidom import parseString

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS = "http://www.w3.org/2000/xmlns/"
_XML = "http://www.w3.org/XML/1998/namespace"
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
# A tree takes hundreds of bytes for each tag and each attribute, and hardly more than its text for long values
# (pictures in Base64), of which many lines take a time that grows with their square.
_MOST_BYTES, _MOST_PARTS = 1 << 24, 200_000
# minidom writes these as they are, and whoever reads them then sees a space or another end of line. While it writes,
# characters that are no characters stand for them.
_KEPT = {"\n": "\ufdd0", "\r": "\ufdd1", "\t": "\ufdd2"}


def parse(packet: bytes) -> Document | None:
    """The packet as a tree; ``None`` where it is damaged, too large, or could be an attack (entities)."""
    packet = packet.strip(b"\0 \r\n\t")
    if len(packet) > _MOST_BYTES or packet.count(b"<") + packet.count(b"=") > _MOST_PARTS:
        return None
    try:
        document = parseString(packet, forbid_dtd=True)
        rdf = rdf_of(document)
        if not rdf.prefix:  # RDF as the default namespace: what is added has a prefix
            rdf.setAttributeNS(XMLNS, "xmlns:rdf", RDF)
        # Parsing is no proof that it can be written again: very deep nesting is not.
        return document if document.toxml() else None
    except Exception:  # expat, minidom and codecs each raise their own for damaged packets
        return None


def empty() -> Document:
    """A packet that says nothing."""
    return parseString(_EMPTY)


def serialise(document: Document) -> bytes:
    """The tree as a packet."""
    for node in _nodes(document):
        for value in _values(node):
            kept = _KEPT if value.nodeType == value.ATTRIBUTE_NODE else {"\r": _KEPT["\r"]}
            text = value.nodeValue
            for plain, stand_in in kept.items():
                text = text.replace(plain, stand_in)
            if text != value.nodeValue:
                value.nodeValue = text
    body = "".join(node.toxml() for node in document.childNodes if node.nodeType == node.ELEMENT_NODE)
    for plain, stand_in in _KEPT.items():
        body = body.replace(stand_in, f"&#{ord(plain)};")
    return (_HEAD + body + _TAIL).encode("utf-8", "replace")


def _nodes(node: Any) -> Iterator[Any]:
    for child in node.childNodes:
        if child.nodeType == child.ELEMENT_NODE:
            yield child
            yield from _nodes(child)


def _values(node: Any) -> Iterator[Any]:
    yield from (node.attributes or {}).values()
    yield from (child for child in node.childNodes if child.nodeType == child.TEXT_NODE)


def without_white_space(document: Document) -> None:
    """Drop what stands between tags for people's eyes only."""
    for node in list(_nodes(document)):
        children = list(node.childNodes)
        if any(child.nodeType == child.ELEMENT_NODE for child in children):
            for child in children:
                if child.nodeType == child.TEXT_NODE and not child.nodeValue.strip():
                    node.removeChild(child)


def legal(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", text)


def rdf_of(document: Document) -> Any:
    """The element that holds all descriptions."""
    return document.getElementsByTagNameNS(RDF, "RDF")[0]


def descriptions(document: Document) -> list[Any]:
    """The ``rdf:Description`` elements at the top."""
    return children(rdf_of(document), RDF, "Description")


def children(node: Any, namespace: str, name: str) -> list[Any]:
    """The child elements of that name."""
    return [c for c in node.childNodes if c.namespaceURI == namespace and getattr(c, "localName", None) == name]


def properties(document: Document) -> list[tuple[Any, Any]]:
    """(description, node) of every property at the top: an element, or an attribute of the description."""
    found: list[tuple[Any, Any]] = []
    for description in descriptions(document):
        attributes = list(description.attributes.values())
        found += [(description, a) for a in attributes if a.namespaceURI not in (RDF, XMLNS, _XML, None)]
        found += [(description, c) for c in description.childNodes if c.nodeType == c.ELEMENT_NODE]
    return found


def find(document: Document, namespace: str, name: str) -> Any | None:
    """The property of that name, an element or an attribute."""
    named = (node for _, node in properties(document) if (node.namespaceURI, node.localName) == (namespace, name))
    return next(named, None)


def remove(description: Any, node: Any) -> None:
    """Take a property out of its description."""
    if node.nodeType == node.ATTRIBUTE_NODE:
        description.removeAttributeNode(node)
    else:
        description.removeChild(node)


def remove_all(found: Iterable[tuple[Any, Any]]) -> None:
    """Take (description, node) pairs out, however many they are: one by one, each would be searched for."""
    elements: dict[int, tuple[Any, set[int]]] = {}
    for description, node in found:
        if node.nodeType == node.ATTRIBUTE_NODE:
            description.removeAttributeNode(node)
        else:
            elements.setdefault(id(description), (description, set()))[1].add(id(node))
    for description, gone in elements.values():
        kept = [child for child in description.childNodes if id(child) not in gone]
        del description.childNodes[:]
        for child in kept:
            child.parentNode = None
            description.appendChild(child)


def text_of(node: Any) -> str:
    """The text of an element or an attribute; of an element that names a resource instead, its name."""
    if node.nodeType == node.ATTRIBUTE_NODE:
        return str(node.value)
    if node.hasAttributeNS(RDF, "resource"):
        return str(node.getAttributeNS(RDF, "resource"))
    return "".join(c.nodeValue for c in node.childNodes if c.nodeType in (c.TEXT_NODE, c.CDATA_SECTION_NODE))


def set_text(node: Any, text: str) -> None:
    """Give an element or an attribute another text, in place of a resource or a structure that it held."""
    if node.nodeType == node.ATTRIBUTE_NODE:
        node.value = text
        return
    for attribute in list(node.attributes.values()):
        if attribute.namespaceURI not in (XMLNS, _XML):
            node.removeAttributeNode(attribute)
    while node.firstChild:
        node.removeChild(node.firstChild)
    node.appendChild(node.ownerDocument.createTextNode(text))


def set_property(document: Document, namespace: str, prefix: str, name: str, value: str) -> None:
    """Give a property a plain value: where it already stands (it may stand only once), else in a description of
    ours."""
    node = find(document, namespace, name)
    if node is None:
        node = document.createElementNS(namespace, f"{prefix}:{name}")
        own_description(document, namespace, prefix).appendChild(node)
    set_text(node, value)


def set_array(document: Document, namespace: str, prefix: str, name: str, kind: str, values: tuple[str, ...]) -> None:
    """Give a property the values of an array in place of what it has: a ``Bag``, a ``Seq``, or an ``Alt`` of one text
    in the default language."""
    remove_all(one for one in properties(document) if (one[1].namespaceURI, one[1].localName) == (namespace, name))
    rdf_prefix = rdf_of(document).prefix or "rdf"
    element = document.createElementNS(namespace, f"{prefix}:{name}")
    array = document.createElementNS(RDF, f"{rdf_prefix}:{kind}")
    for value in values:
        item = document.createElementNS(RDF, f"{rdf_prefix}:li")
        if kind == "Alt":
            item.setAttributeNS(_XML, "xml:lang", "x-default")
        item.appendChild(document.createTextNode(value))
        array.appendChild(item)
    element.appendChild(array)
    own_description(document, namespace, prefix).appendChild(element)


def own_description(document: Document, namespace: str, prefix: str, *more: tuple[str, str]) -> Any:
    """A description that declares ``prefix`` itself, about the same subject as the others; ``more``: (prefix,
    namespace) that it declares, too. Declared further inside, or twice, they make old readers (ImageMagick 6)
    complain."""
    declared = ((prefix, namespace), *more)
    existing = descriptions(document)
    for description in existing:
        if all(description.getAttributeNS(XMLNS, name) == uri for name, uri in declared):
            return description
    rdf = rdf_of(document)
    description = document.createElementNS(RDF, f"{rdf.prefix or 'rdf'}:Description")
    for name, uri in declared:
        description.setAttributeNS(XMLNS, f"xmlns:{name}", uri)
    about = existing[0].getAttributeNS(RDF, "about") if existing else ""
    description.setAttributeNS(RDF, f"{rdf.prefix or 'rdf'}:about", about)
    rdf.appendChild(description)
    return description


def copy_into(document: Document, description: Any, nodes: list[Any]) -> None:
    """Add a description with copies of some properties of another tree's description, and with every namespace that
    was declared around it."""
    rdf = rdf_of(document)
    copy = document.createElementNS(RDF, description.nodeName)
    for name, uri in _declared_around(description).items():
        copy.setAttributeNS(XMLNS, name, uri)
    if description.hasAttributeNS(RDF, "about"):
        copy.setAttributeNS(RDF, description.getAttributeNodeNS(RDF, "about").nodeName, _about(description))
    for node in nodes:
        if node.nodeType == node.ATTRIBUTE_NODE:
            copy.setAttributeNS(node.namespaceURI, node.nodeName, node.value)
        else:
            copy.appendChild(document.importNode(node, True))
    rdf.appendChild(copy)


def _about(description: Any) -> str:
    return str(description.getAttributeNS(RDF, "about"))


def _declared_around(node: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    while node is not None and node.nodeType == node.ELEMENT_NODE:
        for attribute in node.attributes.values():
            if attribute.namespaceURI == XMLNS:
                found.setdefault(attribute.nodeName, attribute.value)
        node = node.parentNode
    return found
