"""A bundle is checked without its maker: whatever was changed is found, by Python and by bash."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from a_bundle import a_note, bundle_files, resummed
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.proof.bundle import SUMS, packed
from outreach.proof.check import NoBundle, check_bundle

Files = dict[str, bytes]


def write(folder: Path, made: Files) -> Path:
    path = folder / "bundle.zip"
    path.write_bytes(packed(made))
    return path


def faults(folder: Path, made: Files) -> list[str]:
    checks, _ = check_bundle(write(folder, made))
    return [fault for check in checks for fault in check.faults]


def in_bash(folder: Path, made: Files) -> subprocess.CompletedProcess[str]:
    """verify.sh with nothing of ours at hand: of this machine's programs only those it names."""
    place = folder / "unpacked"
    for name, content in made.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("sha256sum", "base64", "tail", "od", "cat", "rm", "dirname", "openssl"):
        found = next(Path(p, name) for p in ("/usr/bin", "/bin") if Path(p, name).exists())
        if not (programs / name).exists():
            (programs / name).symlink_to(found)
    return subprocess.run(
        ["/bin/bash", "verify.sh"],
        cwd=place,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_whole_bundle_holds(tmp_path: Path) -> None:
    made = bundle_files()
    checks, found = check_bundle(write(tmp_path, made))
    assert all(check.good for check in checks), [check.faults for check in checks]
    assert (found.covered, len(found.heads)) == (9, 9)
    said = in_bash(tmp_path, made)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "结论: 全部相符" in said.stdout
    assert "覆盖到第 9 号" in said.stdout
    assert not said.stderr
    [fingerprint] = found.fingerprints
    assert f"公钥指纹 {fingerprint}" in said.stdout


def test_what_is_withheld_leaves_its_place(tmp_path: Path) -> None:
    made = bundle_files(withheld=(2, 5))
    assert "events/000002.json" not in made
    assert not faults(tmp_path, made)
    assert in_bash(tmp_path, made).returncode == 0


def test_what_no_checkpoint_covers_yet_is_said(tmp_path: Path) -> None:
    made = bundle_files(9, seqs=(4,))
    checks, found = check_bundle(write(tmp_path, made))
    assert found.covered == 4
    assert any("1 to 4; 5 newer events are not covered yet" in each.sentence for each in checks)
    assert "覆盖到第 4 号" in in_bash(tmp_path, made).stdout


@pytest.mark.parametrize("others", [0, 1, 2, 6, 7])
@pytest.mark.parametrize("seqs", [(3,), (1, 2, 3), (1, 3)])
def test_logs_of_many_shapes(tmp_path: Path, others: int, seqs: tuple[int, ...]) -> None:
    assert not faults(tmp_path, bundle_files(3, seqs, others))


EVERY = bundle_files()
CHECKED = sorted(name for name in EVERY if name not in (SUMS, "certificate.pdf"))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(EVERY)), at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_bit_changed_is_found(
    tmp_path_factory: pytest.TempPathFactory, name: str, at: int, bit: int
) -> None:
    content = bytearray(EVERY[name])
    content[at % len(content)] ^= 1 << bit
    assert faults(tmp_path_factory.mktemp("bit"), EVERY | {name: bytes(content)})


HELD = ("events/", "payloads/", "log/", "letters/", "scans/", "checkpoints/4-")
SEALED = [name for name in CHECKED if name.startswith(HELD)]


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from([*SEALED, "chain.txt"]), at=st.integers(0, 10**6))
def test_any_byte_changed_is_found_though_the_sums_are_made_anew(
    tmp_path_factory: pytest.TempPathFactory, name: str, at: int
) -> None:
    content = bytearray(EVERY[name])
    content[at % len(content)] ^= 0x01
    made = resummed(EVERY | {name: bytes(content)})
    assert faults(tmp_path_factory.mktemp("byte"), made)


@pytest.mark.parametrize("name", CHECKED)
def test_any_file_gone_is_found(tmp_path: Path, name: str) -> None:
    made = {other: content for other, content in EVERY.items() if other != name}
    assert faults(tmp_path, made)


@pytest.mark.parametrize("name", ["chain.txt", "index.json", *SEALED[:8]])
def test_any_sealed_file_gone_is_found_though_the_sums_are_made_anew(
    tmp_path: Path, name: str
) -> None:
    made = resummed({other: content for other, content in EVERY.items() if other != name})
    assert faults(tmp_path, made)


def swapped(made: Files) -> Files:
    first, second = "events/000002.json", "events/000003.json"
    return made | {first: made[second], second: made[first]}


def added(made: Files) -> Files:
    return made | {"events/000010.json": made["events/000009.json"]}


def cut(made: Files) -> Files:
    """The last event is dropped everywhere: the log knows of it."""
    chain = b"".join(made["chain.txt"].splitlines(keepends=True)[:-1])
    rest = {name: content for name, content in made.items() if "000009" not in name}
    return rest | {"chain.txt": chain}


def another_signer(made: Files) -> Files:
    """The checkpoint's root is another's, signed by the same key for another size."""
    name = max(each for each in made if re.fullmatch(r"checkpoints/\d+\.txt", each))
    return made | {name: a_note(int(name[12:-4]), bytes(32))}


@pytest.mark.parametrize("change", [swapped, added, cut, another_signer])
def test_bash_finds_it_too(tmp_path: Path, change: Callable[[Files], Files]) -> None:
    made = resummed(change(EVERY))
    assert faults(tmp_path, made)
    said = in_bash(tmp_path, made)
    assert said.returncode == 1, said.stdout


@pytest.mark.parametrize("name", [*SEALED[:2], *SEALED[-3:], "chain.txt"])
def test_bash_finds_a_changed_byte(tmp_path: Path, name: str) -> None:
    content = bytearray(EVERY[name])
    content[len(content) // 2] ^= 1
    assert in_bash(tmp_path, resummed(EVERY | {name: bytes(content)})).returncode == 1


def test_a_file_that_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.raises(NoBundle):
        check_bundle(path)
    path.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(NoBundle):
        check_bundle(path)


@settings(max_examples=60, deadline=None)
@given(cut_at=st.integers(1, 10**6))
def test_a_truncated_bundle_is_none_or_found(
    tmp_path_factory: pytest.TempPathFactory, cut_at: int
) -> None:
    path = write(tmp_path_factory.mktemp("cut"), EVERY)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut_at % len(content) - 1])
    try:
        checks, _ = check_bundle(path)
    except NoBundle:
        return
    assert not all(check.good for check in checks)
