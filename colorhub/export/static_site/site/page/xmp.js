/** XMP packets: made to fit the new picture, and with a record that a model invented the colours. */

const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMLNS = "http://www.w3.org/2000/xmlns/";
const TIFF = "http://ns.adobe.com/tiff/1.0/";
const EXIF = "http://ns.adobe.com/exif/1.0/";
const MEDIA = "http://ns.adobe.com/xap/1.0/mm/";
const EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#";
const IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const EMPTY = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="${RDF}"/></x:xmpmeta>`;
const HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n';
const TAIL = '\n<?xpacket end="w"?>';
const MOST_BYTES = 1 << 25;

/** The packet as a tree; `null` where it is damaged, too large, or declares entities. */
function parse(packet) {
  if (!packet || packet.length > MOST_BYTES) return null;
  const text = new TextDecoder().decode(packet).replace(/^[\0\s]+|[\0\s]+$/g, "");
  if (/<!DOCTYPE/i.test(text)) return null;
  const tree = new DOMParser().parseFromString(text, "application/xml");
  if (tree.getElementsByTagName("parsererror").length) return null;
  return tree.getElementsByTagNameNS(RDF, "RDF").length ? tree : null;
}

/**
 * The packet of a coloured photo.
 *
 * @param {Uint8Array|null} packet of the photo.
 * @param {{swaps: boolean, isSrgb: boolean}} picture
 * @param {object} given `{stale, beside}` of what Python takes out, `{statement, namespace, digital_source_type,
 *   software}` of what it records.
 * @param {Object<string, string>} provenance model, architecture, weights_sha256, settings.
 */
export function recorded(packet, { swaps, isSrgb }, given, provenance) {
  const read = parse(packet);
  const tree = read ?? parse(new TextEncoder().encode(EMPTY));
  fit(tree, swaps, isSrgb, given);
  const { statement, namespace, digital_source_type: source, software } = given;
  setProperty(tree, IPTC_EXTENSION, "Iptc4xmpExt", "DigitalSourceType", source);
  const said = { Colors: statement, Software: software };
  for (const [key, value] of Object.entries(provenance)) said[propertyName(key)] = value;
  for (const [name, value] of Object.entries(said)) setProperty(tree, namespace, "colorhub", name, legal(value));
  const details = Object.entries(provenance).map(([key, value]) => `${key} ${value}`);
  addHistory(tree, software, legal(`colours invented by a model: ${details.join("; ")}`));
  const body = new XMLSerializer().serializeToString(tree.documentElement);
  return { packet: new TextEncoder().encode(HEAD + body + TAIL), kept: !packet || !!read };
}

const legal = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, " ");

function propertyName(key) {
  const words = key.split(/[^A-Za-z0-9]+/).filter((word) => word);
  return words.map((word) => word[0].toUpperCase() + word.slice(1)).join("");
}

const rdfOf = (tree) => tree.getElementsByTagNameNS(RDF, "RDF")[0];
const childrenOf = (node, namespace, name) =>
  [...node.children].filter((child) => child.namespaceURI === namespace && child.localName === name);

function properties(tree) {
  return childrenOf(rdfOf(tree), RDF, "Description").flatMap((description) => [
    ...[...description.attributes].filter((one) => one.namespaceURI && ![RDF, XMLNS].includes(one.namespaceURI)),
    ...description.children,
  ]);
}

const find = (tree, namespace, name) =>
  properties(tree).find((node) => node.namespaceURI === namespace && node.localName === name);

const isAttribute = (node) => node.nodeType === Node.ATTRIBUTE_NODE;
const textOf = (node) => (isAttribute(node) ? node.value : node.textContent);
const setText = (node, text) => (isAttribute(node) ? (node.value = text) : (node.textContent = text));

function remove(node) {
  if (isAttribute(node)) node.ownerElement.removeAttributeNode(node);
  else node.remove();
}

/** Turn, size and tone of the old file are no longer true. */
function fit(tree, swaps, isSrgb, { stale, beside }) {
  for (const node of properties(tree)) {
    const [namespace, name] = [node.namespaceURI ?? "", node.localName];
    const isBeside = beside.some((start) => namespace.startsWith(start));
    const isConverted = isSrgb && namespace === EXIF && name === "ColorSpace";
    if (isBeside || isConverted || stale[namespace]?.includes(name)) remove(node);
  }
  const orientation = find(tree, TIFF, "Orientation");
  if (orientation) setText(orientation, "1");
  const [x, y] = ["XResolution", "YResolution"].map((name) => find(tree, TIFF, name));
  if (swaps && x && y) {
    const texts = [textOf(x), textOf(y)];
    setText(x, texts[1]);
    setText(y, texts[0]);
  }
}

function setProperty(tree, namespace, prefix, name, value) {
  let node = find(tree, namespace, name);
  if (!node) {
    node = tree.createElementNS(namespace, `${prefix}:${name}`);
    ownDescription(tree, namespace, prefix).append(node);
  }
  setText(node, value);
}

/** A description that declares the prefix itself: declared further inside, old readers complain. */
function ownDescription(tree, namespace, prefix) {
  const existing = childrenOf(rdfOf(tree), RDF, "Description");
  const own = existing.find((one) => one.getAttributeNS(XMLNS, prefix) === namespace);
  if (own) return own;
  const rdf = rdfOf(tree);
  const description = tree.createElementNS(RDF, `${rdf.prefix || "rdf"}:Description`);
  if (!rdf.prefix) description.setAttributeNS(XMLNS, "xmlns:rdf", RDF);
  description.setAttributeNS(XMLNS, `xmlns:${prefix}`, namespace);
  description.setAttributeNS(RDF, `${rdf.prefix || "rdf"}:about`, existing[0]?.getAttributeNS(RDF, "about") ?? "");
  rdf.append(description);
  return description;
}

function addHistory(tree, software, what) {
  let history = find(tree, MEDIA, "History");
  if (!history || isAttribute(history)) {
    history = tree.createElementNS(MEDIA, "xmpMM:History");
    ownDescription(tree, MEDIA, "xmpMM").append(history);
  }
  if (history.lookupNamespaceURI("stEvt") !== EVENT) history.parentNode.setAttributeNS(XMLNS, "xmlns:stEvt", EVENT);
  const prefix = rdfOf(tree).prefix || "rdf";
  let sequence = childrenOf(history, RDF, "Seq")[0];
  if (!sequence) {
    sequence = tree.createElementNS(RDF, `${prefix}:Seq`);
    history.append(sequence);
  }
  const event = tree.createElementNS(RDF, `${prefix}:li`);
  event.setAttributeNS(RDF, `${prefix}:parseType`, "Resource");
  const when = new Date().toISOString().replace(/\.\d+Z$/, "+00:00");
  for (const [name, value] of Object.entries({ action: "edited", when, softwareAgent: software, parameters: what })) {
    const element = tree.createElementNS(EVENT, `stEvt:${name}`);
    element.textContent = value;
    event.append(element);
  }
  sequence.append(event);
}
