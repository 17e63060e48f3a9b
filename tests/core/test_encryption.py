"""Encryption of stored secrets under the key ring."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartbudget.core import encryption
from smartbudget.core.config import ConfigError, config
from smartbudget.core.encryption import DecryptionError, decrypt, encrypt


def use_keys(monkeypatch, first, *older):
    keys = dataclasses.replace(config, secret_key=first, secret_key_fallbacks=older)
    monkeypatch.setattr(encryption, "config", keys)


@given(secret=st.text(), purpose=st.text())
def test_any_secret_is_decrypted_to_itself(secret, purpose):
    assert decrypt(encrypt(secret, purpose=purpose), purpose=purpose) == secret


def test_encrypting_twice_gives_different_texts_without_the_secret():
    texts = {encrypt("JBSWY3DPEHPK3PXP", purpose="totp|alice") for _ in range(5)}

    assert len(texts) == 5
    assert not any("JBSWY3DPEHPK3PXP" in text for text in texts)


def test_a_secret_copied_to_another_account_is_not_decrypted():
    copied = encrypt("JBSWY3DPEHPK3PXP", purpose="totp|alice")

    with pytest.raises(DecryptionError, match="totp"):
        decrypt(copied, purpose="totp|mallory")


@pytest.mark.parametrize(
    "change", [lambda text: text[:-8], lambda text: "A" + text, lambda text: "\ud800"]
)
def test_a_changed_text_is_not_decrypted(change):
    with pytest.raises(DecryptionError):
        decrypt(change(encrypt("secret", purpose="totp|alice")), purpose="totp|alice")


def test_an_older_key_still_decrypts_until_it_is_removed(monkeypatch):
    use_keys(monkeypatch, "old" * 20)
    stored = encrypt("secret", purpose="totp|alice")

    use_keys(monkeypatch, "new" * 20, "old" * 20)
    assert decrypt(stored, purpose="totp|alice") == "secret"

    use_keys(monkeypatch, "new" * 20)
    with pytest.raises(DecryptionError):
        decrypt(stored, purpose="totp|alice")


def test_without_a_key_nothing_is_encrypted(monkeypatch):
    use_keys(monkeypatch, None)

    with pytest.raises(ConfigError):
        encrypt("secret", purpose="totp|alice")
