"""What raters read, in English and German. ``study.toml`` replaces any of it or adds languages.

``{organizer}``, ``{contact}``, ``{trials}``, ``{practice}`` and ``{withdraw_until}`` are filled in.
"""

from pydantic.dataclasses import dataclass

from colorhub.study.fields import STRICT


@dataclass(frozen=True, config=STRICT)
class Texts:
    """The texts of one language; an empty line separates paragraphs."""

    title: str = ""
    consent: str = ""
    instructions: str = ""
    debrief: str = ""


ENGLISH = Texts(
    title="Real or fake colours?",
    consent="""You will see {trials} photographs. Some have their real colours. The colours of others were made \
up by a computer program from a black-and-white copy. You say which is which. It takes about ten minutes.

Taking part is voluntary, and you must be 18 or older. You can stop at any time by closing the page; the answers \
you gave until then are kept, marked as incomplete.

We store your answers, how long each took, how long the picture was really shown, whether you said that you knew \
it, the kind of screen (size class, refresh rate, pixel ratio), whether the page was in front, and the day, under a \
random number.{more} We store no name, no e-mail address, no IP address and no description of your browser. \
When the study has ended, the answers are published, without anything about you.

At the end you get a withdrawal code. With it all your answers are deleted, until {withdraw_until}. What has \
been published after that day and copied by others cannot be recalled.

Responsible: {organizer}. Questions: {contact}.""",
    instructions="""For each picture, decide: are its colours real, or were they made up by a program? In all \
pictures only the colours can be made up. About half of them are real.

Trust your first impression. If you have seen a picture before, say so with the box below it.

You begin with {practice} pictures for practice, where you are told whether you were right. After that you are \
not told until the end.""",
    debrief="""Thank you. Here is how you did, and which pictures fooled you.

The made-up colours come from neural networks that saw only the lightness of each photograph. Some pictures were \
distorted on purpose, to see that answers are given with attention; they do not count.

If you want your answers deleted, use the withdrawal code until {withdraw_until}. Questions: {contact}.""",
)

GERMAN = Texts(
    title="Echte oder erfundene Farben?",
    consent="""Sie sehen {trials} Fotografien. Manche haben ihre echten Farben. Bei anderen hat ein \
Computerprogramm die Farben aus einer Schwarz-Weiß-Kopie erfunden. Sie sagen, welche welche sind. Das dauert \
etwa zehn Minuten.

Die Teilnahme ist freiwillig und ab 18 Jahren möglich. Sie können jederzeit aufhören, indem Sie die Seite \
schließen; die bis dahin gegebenen Antworten bleiben erhalten und gelten als unvollständig.

Gespeichert werden unter einer Zufallszahl: Ihre Antworten, wie lange jede gedauert hat, wie lange das Bild \
wirklich zu sehen war, ob Sie es nach eigener Angabe kannten, die Art des Bildschirms (Größenklasse, Bildrate, \
Pixeldichte), ob die Seite im Vordergrund war, und der Tag.{more} Nicht gespeichert werden Name, E-Mail-Adresse, \
IP-Adresse und Angaben zu Ihrem Browser. Nach dem Ende der Studie werden die Antworten veröffentlicht, ohne Angaben \
zu Ihrer Person.

Am Ende erhalten Sie einen Code für den Widerruf. Damit werden alle Ihre Antworten gelöscht, bis \
{withdraw_until}. Was danach veröffentlicht und von anderen kopiert wurde, lässt sich nicht zurückholen.

Verantwortlich: {organizer}. Fragen: {contact}.""",
    instructions="""Entscheiden Sie bei jedem Bild: Sind seine Farben echt, oder hat ein Programm sie erfunden? \
Erfunden sein können immer nur die Farben. Etwa die Hälfte ist echt.

Verlassen Sie sich auf den ersten Eindruck. Wenn Sie ein Bild schon kannten, geben Sie das im Feld darunter an.

Zuerst kommen {practice} Bilder zum Üben, bei denen Sie erfahren, ob Sie richtig lagen. Danach erfahren Sie es \
erst am Ende.""",
    debrief="""Vielen Dank. Hier sehen Sie, wie oft Sie richtig lagen und welche Bilder Sie getäuscht haben.

Die erfundenen Farben stammen von neuronalen Netzen, die nur die Helligkeit der Fotografien kannten. Einige \
Bilder waren absichtlich verfälscht, um zu prüfen, ob aufmerksam geantwortet wird; sie zählen nicht mit.

Wenn Ihre Antworten gelöscht werden sollen, verwenden Sie den Code für den Widerruf bis {withdraw_until}. \
Fragen: {contact}.""",
)

PAIRS = {
    "en": """For each pair of pictures, decide: which one has its real colours? The colours of the other one \
were made up by a program; nothing else differs.

Trust your first impression. If you have seen a picture before, say so with the box below.

You begin with {practice} pairs for practice, where you are told whether you were right. After that you are not \
told until the end.""",
    "de": """Entscheiden Sie bei jedem Bilderpaar: Welches hat seine echten Farben? Beim anderen hat ein \
Programm die Farben erfunden; sonst unterscheiden sich die Bilder nicht.

Verlassen Sie sich auf den ersten Eindruck. Wenn Sie ein Bild schon kannten, geben Sie das im Feld darunter an.

Zuerst kommen {practice} Paare zum Üben, bei denen Sie erfahren, ob Sie richtig lagen. Danach erfahren Sie es \
erst am Ende.""",
}
DEFAULTS = {"en": ENGLISH, "de": GERMAN}
WITHDRAW_OPEN = {"en": "the end of the study", "de": "zum Ende der Studie"}
# Sentences of the consent that stand only where they are true.
PANEL = {
    "en": " Your panel's number for you is kept scrambled, apart from the answers, so that a person takes part once; "
    "it is deleted when the study ends.",
    "de": " Die Nummer Ihres Panels für Sie wird verschlüsselt und getrennt von den Antworten aufbewahrt, damit jede "
    "Person nur einmal teilnimmt; sie wird am Ende der Studie gelöscht.",
}
VISION = {
    "en": " A short test of colour vision comes first; we store how many of its pictures you could read.",
    "de": " Zuerst kommt ein Test des Farbensehens; gespeichert wird, wie viele seiner Bilder Sie lesen konnten.",
}
