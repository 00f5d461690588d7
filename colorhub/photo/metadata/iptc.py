"""IPTC-IIM records: read, so that formats that have no place for them get what they say as XMP."""

from dataclasses import dataclass

_DC = "http://purl.org/dc/elements/1.1/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_UTF8 = b"\x1b%G"
_CHARACTER_SET = (1, 90)


@dataclass(frozen=True)
class Property:
    """An XMP property. ``kind``: ``text``, ``Alt`` (one text, in the default language), ``Bag`` or ``Seq``."""

    namespace: str
    prefix: str
    name: str
    kind: str
    values: tuple[str, ...]


# Record 2's data sets and the XMP properties of the same meaning (IPTC Photo Metadata Standard; Metadata Working Group,
# Guidelines 2.0, section 5).
_SAME: dict[int, tuple[str, str, str, str]] = {
    5: (_DC, "dc", "title", "Alt"),
    15: (_PHOTOSHOP, "photoshop", "Category", "text"),
    20: (_PHOTOSHOP, "photoshop", "SupplementalCategories", "Bag"),
    25: (_DC, "dc", "subject", "Bag"),
    40: (_PHOTOSHOP, "photoshop", "Instructions", "text"),
    80: (_DC, "dc", "creator", "Seq"),
    85: (_PHOTOSHOP, "photoshop", "AuthorsPosition", "text"),
    90: (_PHOTOSHOP, "photoshop", "City", "text"),
    92: (_CORE, "Iptc4xmpCore", "Location", "text"),
    95: (_PHOTOSHOP, "photoshop", "State", "text"),
    100: (_CORE, "Iptc4xmpCore", "CountryCode", "text"),
    101: (_PHOTOSHOP, "photoshop", "Country", "text"),
    103: (_PHOTOSHOP, "photoshop", "TransmissionReference", "text"),
    105: (_PHOTOSHOP, "photoshop", "Headline", "text"),
    110: (_PHOTOSHOP, "photoshop", "Credit", "text"),
    115: (_PHOTOSHOP, "photoshop", "Source", "text"),
    116: (_DC, "dc", "rights", "Alt"),
    120: (_DC, "dc", "description", "Alt"),
    122: (_PHOTOSHOP, "photoshop", "CaptionWriter", "text"),
}
_DATE, _TIME = 55, 60
_ADMINISTRATIVE = frozenset([0])  # the version of the record


def records(block: bytes) -> list[tuple[int, int, bytes]]:
    """(record, data set, value) of each entry (IPTC-IIM 4.2, chapter 3); stops at the first that is damaged."""
    found, at = [], 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        size, start = int.from_bytes(block[at + 3 : at + 5], "big"), at + 5
        if size & 0x8000:  # an extended data set: the size's own length comes first
            length = size & 0x7FFF
            if length > 4:
                break
            size, start = int.from_bytes(block[start : start + length], "big"), start + length
        if start + size > len(block):
            break
        found.append((block[at + 1], block[at + 2], block[start : start + size]))
        at = start + size
    return found


def as_properties(block: bytes) -> tuple[list[Property], int]:
    """The records as XMP properties, and how many have no such property."""
    entries = records(block)
    is_utf8 = any((record, number) == _CHARACTER_SET and value == _UTF8 for record, number, value in entries)
    texts: dict[int, list[str]] = {}
    without = 0
    for record, number, value in entries:
        if record == 2 and (number in _SAME or number in (_DATE, _TIME)):
            texts.setdefault(number, []).append(_decoded(value, is_utf8))
        elif record == 2 and number not in _ADMINISTRATIVE:
            without += 1
    found = []
    for number, values in texts.items():
        if number in _SAME:
            namespace, prefix, name, kind = _SAME[number]
            many = values if kind in ("Bag", "Seq") else values[:1]
            found.append(Property(namespace, prefix, name, kind, tuple(many)))
    if date := _date(texts):
        found.append(Property(_PHOTOSHOP, "photoshop", "DateCreated", "text", (date,)))
    return found, without


def _decoded(value: bytes, is_utf8: bool) -> str:
    """Many programs write UTF-8 without saying so, and others Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8" if is_utf8 else "latin-1", "replace")


def _date(texts: dict[int, list[str]]) -> str | None:
    """The date of creation, ``19120501`` and ``100000+0100``, in ISO 8601."""
    day = texts.get(_DATE, [""])[0]
    if len(day) != 8 or not day.isdigit():
        return None
    date = f"{day[:4]}-{day[4:6]}-{day[6:]}".removesuffix("-00").removesuffix("-00")  # parts that are not known
    if len(date) < 10:
        return date
    time = texts.get(_TIME, [""])[0]
    if len(time) < 6 or not time[:6].isdigit():
        return date
    zone = f"{time[6:9]}:{time[9:11]}" if len(time) == 11 and time[6] in "+-" else ""
    return f"{date}T{time[:2]}:{time[2:4]}:{time[4:6]}{zone}"
