/** What the page says, in English and German; `{name}` stands for what is put in. */

const ENGLISH = {
  title: "colorhub: colour a black-and-white photo",
  headBefore: "Give a black-and-white photo",
  headColors: "colours",
  lead: "A neural network proposes believable colours, on this device: nothing is uploaded. Size, sharpness and metadata stay as they are.",
  language: "Deutsch",
  dropHere: "Drop photos here",
  dropMore: "or paste them. JPEG, PNG, WebP and TIFF scans, up to 100 megapixels.",
  choose: "Choose photos",
  photograph: "Take a photo",
  downloadAll: "Download all as zip",
  removeAll: "Remove all",
  photos: "Photos",
  footnote: "The colours are a plausible guess, not a record of what was there. The file says so in its metadata.",
  hints: "Telling single things their colour is not possible here: the Retouch tab of the app that comes with colorhub does that.",
  browsers: "Works in Chrome and Edge from 94, Firefox from 114, Safari from 16.4.",
  licences: "Licences",
  starting: "The page is getting ready …",
  startingWith: "The page is getting ready … Photos that wait: {count}.",
  ready: "Ready. The first photo fetches the model ({size} MB), once.",
  waiting: "Waiting for its turn …",
  reading: "Reading …",
  coloring: "Colouring … {percent} %",
  composing: "Putting the colours on the photo …",
  saving: "Writing the file … {percent} %",
  done: "Coloured, {width} × {height} pixels.",
  doneRestored: "Coloured, {width} × {height} pixels. The network saw it with fuller tones; the file keeps its own.",
  firstPage: "It is the first of {pages} pictures in the file; the others are left out.",
  eightBits: "Files made here have 8 bits a channel, the photo's own has 16: the command line keeps them.",
  saved: "{name} was written.",
  inColor: "This photo is in colour already, so it stays as it is.",
  recolor: "Colour it all the same",
  cancelled: "Cancelled.",
  again: "Try again",
  cancel: "Cancel",
  remove: "Remove",
  removeNamed: "Remove {name}",
  compare: "Before and after: where the line stands",
  vividness: "Vividness",
  model: "Model",
  format: "File format",
  download: "Download",
  zipping: "Writing the zip … {percent} %",
  zipped: "The zip was written, with all {count} photos.",
  zippedSome: "The zip was written. Photos in it: {count}; without colours from here and not in it: {left}.",
  zipLarge: "The photos are more than 4 GB together: download them one by one.",
  zipFailed: "The zip could not be written: download the photos one by one.",
  updateReady: "A new version of this page is here.",
  updateUse: "Use it now (photos on the page are removed)",
  updateOthers: "This page is open in other tabs: close them first, then use the new version.",
  old: "This browser is too old for this page: use Chrome or Edge from 94, Firefox from 114, or Safari from 16.4.",
  empty: "{name} is an empty file: copy it again from where it came from.",
  gone: "{name} cannot be read, it may be a folder or was moved: choose the photo itself, again.",
  noPicture: "{name} is no picture that this page knows: give a JPEG, PNG, WebP or TIFF file.",
  broken: "{name} is damaged and cannot be read: copy it again from where it came from, or open and save it in another program.",
  unreadable: "This browser does not read {kind} files: save {name} as JPEG or PNG first, or use Safari.",
  otherTiff: "{name} is a TIFF of a kind that this page does not read: save it as grey TIFF with 8 or 16 bits, as PNG or as JPEG.",
  otherJpeg: "{name} is a JPEG of a kind that this browser does not read: save it as PNG in another program, or use the command line.",
  large: "{name} has {width} × {height} pixels, and this page takes {most} megapixels at most: make it smaller, or use the command line.",
  largeFile: "{name} has more than 400 MB: make it smaller, or use the command line.",
  memory: "The memory of this browser does not suffice for {name}: close other tabs, or give a smaller photo.",
  downloadFailed: "A part of this page could not be loaded: check the connection, then try again.",
  unsupported: "This browser cannot colour photos here: use a newer one.",
  unknown: "{name} could not be coloured: reload the page and try again, or give another photo.",
  exifTooLarge: "Its EXIF data do not fit into JPEG and were left out (PNG keeps them).",
  xmpTooLarge: "Its XMP data do not fit into JPEG and were left out (PNG keeps them).",
  extendedLeftOut: "Its extended XMP data have no place in PNG and were left out (JPEG keeps them).",
};

const GERMAN = {
  title: "colorhub: Schwarzweißfotos kolorieren",
  headBefore: "Geben Sie einem Schwarzweißfoto",
  headColors: "Farben",
  lead: "Ein neuronales Netz schlägt glaubhafte Farben vor, auf diesem Gerät: Nichts wird hochgeladen. Größe, Schärfe und Metadaten bleiben, wie sie sind.",
  language: "English",
  dropHere: "Fotos hier ablegen",
  dropMore: "oder einfügen. JPEG, PNG, WebP und TIFF-Scans, bis 100 Megapixel.",
  choose: "Fotos auswählen",
  photograph: "Foto aufnehmen",
  downloadAll: "Alle als Zip herunterladen",
  removeAll: "Alle entfernen",
  photos: "Fotos",
  footnote: "Die Farben sind eine glaubhafte Vermutung, kein Zeugnis dessen, was da war. Die Datei sagt das in ihren Metadaten.",
  hints: "Einzelnen Dingen ihre Farbe zu sagen geht hier nicht: Das kann der Reiter Retouch der App, die zu colorhub gehört.",
  browsers: "Läuft in Chrome und Edge ab 94, Firefox ab 114, Safari ab 16.4.",
  licences: "Lizenzen",
  starting: "Die Seite wird vorbereitet …",
  startingWith: "Die Seite wird vorbereitet … Wartende Fotos: {count}.",
  ready: "Bereit. Das erste Foto lädt das Modell ({size} MB), einmal.",
  waiting: "Wartet, bis es an der Reihe ist …",
  reading: "Wird gelesen …",
  coloring: "Wird koloriert … {percent} %",
  composing: "Die Farben kommen auf das Foto …",
  saving: "Datei wird geschrieben … {percent} %",
  done: "Koloriert, {width} × {height} Pixel.",
  doneRestored: "Koloriert, {width} × {height} Pixel. Das Netz sah es mit volleren Tönen; die Datei behält ihre.",
  firstPage: "Es ist das erste von {pages} Bildern der Datei; die anderen bleiben weg.",
  eightBits: "Dateien von hier haben 8 Bit je Kanal, die des Fotos hat 16: Die Kommandozeile behält sie.",
  saved: "{name} wurde geschrieben.",
  inColor: "Dieses Foto ist schon farbig und bleibt, wie es ist.",
  recolor: "Trotzdem kolorieren",
  cancelled: "Abgebrochen.",
  again: "Noch einmal",
  cancel: "Abbrechen",
  remove: "Entfernen",
  removeNamed: "{name} entfernen",
  compare: "Vorher und nachher: wo die Linie steht",
  vividness: "Farbkraft",
  model: "Modell",
  format: "Dateiformat",
  download: "Herunterladen",
  zipping: "Das Zip wird geschrieben … {percent} %",
  zipped: "Das Zip wurde geschrieben, mit allen {count} Fotos.",
  zippedSome: "Das Zip wurde geschrieben. Fotos darin: {count}; nicht koloriert und nicht darin: {left}.",
  zipLarge: "Die Fotos haben zusammen mehr als 4 GB: Laden Sie sie einzeln herunter.",
  zipFailed: "Das Zip ließ sich nicht schreiben: Laden Sie die Fotos einzeln herunter.",
  updateReady: "Eine neue Version dieser Seite ist da.",
  updateUse: "Jetzt verwenden (die Fotos auf der Seite werden entfernt)",
  updateOthers: "Diese Seite ist noch in anderen Tabs offen: Schließen Sie diese zuerst, dann verwenden Sie die neue Version.",
  old: "Dieser Browser ist zu alt für diese Seite: Nehmen Sie Chrome oder Edge ab 94, Firefox ab 114 oder Safari ab 16.4.",
  empty: "{name} ist eine leere Datei: Kopieren Sie sie noch einmal von dort, wo sie herkommt.",
  gone: "{name} lässt sich nicht lesen, vielleicht ist es ein Ordner oder wurde verschoben: Wählen Sie das Foto selbst noch einmal.",
  noPicture: "{name} ist kein Bild, das diese Seite kennt: Geben Sie eine JPEG-, PNG-, WebP- oder TIFF-Datei.",
  broken: "{name} ist beschädigt und nicht lesbar: Kopieren Sie die Datei noch einmal, oder speichern Sie sie mit einem anderen Programm neu.",
  unreadable: "Dieser Browser liest keine {kind}-Dateien: Speichern Sie {name} erst als JPEG oder PNG, oder nehmen Sie Safari.",
  otherTiff: "{name} ist ein TIFF, wie es diese Seite nicht liest: Speichern Sie es als graues TIFF mit 8 oder 16 Bit, als PNG oder JPEG.",
  otherJpeg: "{name} ist ein JPEG, wie es dieser Browser nicht liest: Speichern Sie es mit einem anderen Programm als PNG, oder nehmen Sie die Kommandozeile.",
  large: "{name} hat {width} × {height} Pixel, und diese Seite nimmt höchstens {most} Megapixel: Verkleinern Sie es, oder nehmen Sie die Kommandozeile.",
  largeFile: "{name} hat mehr als 400 MB: Verkleinern Sie es, oder nehmen Sie die Kommandozeile.",
  memory: "Der Speicher dieses Browsers reicht nicht für {name}: Schließen Sie andere Tabs, oder geben Sie ein kleineres Foto.",
  downloadFailed: "Ein Teil dieser Seite konnte nicht geladen werden: Prüfen Sie die Verbindung, dann versuchen Sie es noch einmal.",
  unsupported: "Dieser Browser kann hier keine Fotos kolorieren: Nehmen Sie einen neueren.",
  unknown: "{name} konnte nicht koloriert werden: Laden Sie die Seite neu, oder geben Sie ein anderes Foto.",
  exifTooLarge: "Seine EXIF-Daten passen nicht in JPEG und fehlen (PNG behält sie).",
  xmpTooLarge: "Seine XMP-Daten passen nicht in JPEG und fehlen (PNG behält sie).",
  extendedLeftOut: "Seine erweiterten XMP-Daten haben keinen Platz in PNG und fehlen (JPEG behält sie).",
};

const LANGUAGES = { en: ENGLISH, de: GERMAN };
const KEY = "colorhub language";
let language = remembered() ?? (navigator.language?.startsWith("de") ? "de" : "en");

/** What was chosen at another visit; nothing where the browser keeps nothing. */
function remembered() {
  try {
    const chosen = localStorage.getItem(KEY);
    return chosen in LANGUAGES ? chosen : null;
  } catch {
    return null;
  }
}

/** A sentence in the page's language. */
export function say(key, given = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, name) => given[name] ?? "");
}

/** Change to the other language. */
export function changeLanguage() {
  language = language === "en" ? "de" : "en";
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // for this visit only
  }
  sayPage();
}

/** Put the words of the page's fixed parts where they stand. */
export function sayPage() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
}
