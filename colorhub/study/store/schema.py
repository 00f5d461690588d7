"""The database's tables. Nothing in them says who somebody is: no name, address, browser or time of day of a vote."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table

VERSION = 1
metadata = MetaData()

about = Table(
    "about", metadata, Column("key", String(32), primary_key=True), Column("value", String(200), nullable=False)
)

studies = Table(
    "studies",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("opened", String(10), nullable=False),
    Column("closed", String(10)),  # day
    Column("closed_early", Boolean, nullable=False, default=False),
    Column("closed_why", String(200), nullable=False, default=""),
    Column("withdrawn", Integer, nullable=False, default=0),
)
# Who holds a sequence now. ``touched``: second of the holder's last sign of life, 0 when finished or closed.
sequences = Table(
    "sequences",
    metadata,
    Column("study", ForeignKey("studies.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(32)),
    Column("touched", Integer, nullable=False, default=0),
    Column("finished", Boolean, nullable=False, default=False),
    Column("given", Integer, nullable=False, default=0),
)
raters = Table(
    "raters",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("study", ForeignKey("studies.name"), nullable=False),
    Column("number", Integer, nullable=False),  # of the sequence
    Column("position", Integer, nullable=False, default=0),  # that is answered next
    Column("finished", Boolean, nullable=False, default=False),
    Column("language", String(16), nullable=False, default=""),
    Column("plates_read", Integer),
    Column("withdrawal", String(64), nullable=False, unique=True),
    Column("day", String(10), nullable=False),
    Index("raters_of_study", "study"),
)
votes = Table(
    "votes",
    metadata,
    Column("rater", ForeignKey("raters.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("answer", String(8), nullable=False),
    Column("rt_ms", Float, nullable=False),
    Column("exposure_ms", Float),
    Column("frames", Integer),
    Column("focus_lost", Boolean, nullable=False),
    Column("refresh_hz", Float),
    Column("pixel_ratio", Float),
    Column("viewport", String(8), nullable=False),
    Column("seen_before", Boolean, nullable=False),
    Column("day", String(10), nullable=False),
)
# Apart from the votes; emptied when a study is closed.
panel = Table(
    "panel",
    metadata,
    Column("study", ForeignKey("studies.name"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("rater", String(32), nullable=False),
)
