"""What is sealed opens with any of the keys, is unreadable without them, and says so when it was changed."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken

from tp_gateway.crypto import Vault
from tp_gateway.errors import ConfigurationError

OLD, NEW, WRONG = (Fernet.generate_key().decode() for _ in range(3))


@pytest.mark.parametrize("text", ["", "pi_1_secret_2", "Zoë 🙂", "a\0b", "x" * 100_000])
def test_what_is_sealed_opens_and_does_not_show(text: str) -> None:
    vault = Vault([OLD])
    sealed = vault.seal(text)
    assert vault.open(sealed) == text
    assert sealed.isascii() and (not text or text not in sealed) and sealed != vault.seal(text)


@pytest.mark.catalogue(86)
def test_keys_rotate_newest_first_without_a_moment_in_which_anything_is_unreadable() -> None:
    before = Vault([OLD]).seal("secret")
    rotating = Vault([NEW, OLD])
    assert rotating.open(before) == "secret"
    after = rotating.seal("secret")
    assert Vault([NEW]).open(after) == "secret"  # the first key seals
    assert Vault([OLD, NEW]).open(after) == "secret"  # a process that has not rotated yet, but knows the key
    with pytest.raises(InvalidToken):
        Vault([NEW]).open(before)


@pytest.mark.catalogue(86)
def test_a_wrong_key_opens_nothing() -> None:
    with pytest.raises(InvalidToken):
        Vault([WRONG]).open(Vault([OLD]).seal("secret"))


def test_what_was_changed_does_not_open() -> None:
    sealed = Vault([OLD]).seal("secret")
    middle = len(sealed) // 2
    for changed in (sealed[:-6], sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :], ""):
        with pytest.raises(InvalidToken):
            Vault([OLD]).open(changed)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [""],
        ["hunter2"],
        [urlsafe_b64encode(b"hunter2" * 4).decode()],
        [urlsafe_b64encode(b"x" * 33).decode()],
        [OLD, "hunter2"],
        ["hünter2" * 7],
        ["!" * 44],
    ],
)
def test_a_bad_key_refuses_to_start_and_is_not_shown(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="encryption_keys") as refusal:
        Vault(keys)
    assert "nter2" not in str(refusal.value) and OLD not in str(refusal.value)
    assert refusal.value.__cause__ is None and (refusal.value.__suppress_context__ or not keys)


@pytest.mark.parametrize("value", [{"client_secret": "s", "n": [1, None, {"a": "é"}]}, ["x"], "text", 5])
def test_json_comes_back_as_it_was(value: Any) -> None:
    vault = Vault([OLD])
    assert vault.open_json(vault.seal_json(value)) == value


@pytest.mark.parametrize("value", [None, {}, []])
def test_nothing_is_stored_as_null(value: Any) -> None:
    vault = Vault([OLD])
    assert vault.seal_json(value) is None and vault.open_json(None) == {}
