"""The installation of pinned peers: when it has to happen again, and with which Python."""

import sys

import pytest

from support import peers


@pytest.fixture
def install_once(tmp_path):
    """install_once(): whether the requirements in tmp_path had to be installed (again)."""

    def install() -> bool:
        installed = []
        stamp, manifest = tmp_path / "tools" / ".pip", tmp_path / "a" / "requirements.txt"
        peers._once(stamp, [manifest, tmp_path / "absent"], lambda: installed.append(True))
        return bool(installed)

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "requirements.txt").write_text("one==1\n-r ../b.txt\n")
    (tmp_path / "b.txt").write_text("two==2\n")
    return install


def test_what_is_there_is_not_installed_again(install_once):
    assert install_once()
    assert not install_once()


@pytest.mark.parametrize("changed", ["a/requirements.txt", "b.txt"])
def test_a_changed_pin_is_installed_also_where_it_is_included(install_once, tmp_path, changed):
    install_once()
    with open(tmp_path / changed, "a") as file:
        file.write("three==3\n")
    assert install_once()


def test_without_manifests_nothing_is_installed(tmp_path):
    peers._once(tmp_path / ".pip", [tmp_path / "absent"], pytest.fail)


def test_a_python_is_found_by_its_version(tmp_path):
    version = tmp_path / ".python-version"
    version.write_text("{}.{}.{}\n".format(*sys.version_info))
    found = peers.find_python(version)
    assert found.exists() and found.name == "python{}.{}".format(*sys.version_info)
    version.write_text("1.5.2\n")
    assert peers.find_python(version) is None
