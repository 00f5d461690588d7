"""Studies in a container: refused where their folder is no volume."""

from pathlib import Path

import pytest

from colorhub.study.container import check_lasting
from colorhub.study.errors import StudyError

MOUNTS = """\
overlay / overlay rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/sda1 /data ext4 rw,relatime 0 0
server:/x /net\\040work nfs4 rw 0 0
"""


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLORHUB_CONTAINER", "1")
    (tmp_path / "mounts").write_text(MOUNTS)
    return tmp_path / "mounts"


@pytest.mark.parametrize("folder", ["/data/studies", "/data", "/net work/studies"])
def test_a_volume_will_do(mounts: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("COLORHUB_STUDIES", folder)
    check_lasting(mounts=mounts)


@pytest.mark.parametrize("folder", ["/srv/studies", "/tmp/studies", "/database/studies", "/"])
def test_what_is_gone_with_the_container_is_refused(mounts: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("COLORHUB_STUDIES", folder)
    with pytest.raises(StudyError, match=r"would be gone with this container, as no volume is mounted there"):
        check_lasting(mounts=mounts)
    with pytest.raises(StudyError):
        check_lasting("COLORHUB_STUDY_BACKUP", mounts=mounts)
    monkeypatch.setenv("COLORHUB_STUDY_BACKUP", "owner/backup")
    check_lasting("COLORHUB_STUDY_BACKUP", mounts=mounts)


def test_elsewhere_than_in_a_container_nothing_is_asked(mounts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORHUB_CONTAINER")
    monkeypatch.setenv("COLORHUB_STUDIES", "/tmp/studies")
    check_lasting(mounts=mounts / "none")
