"""URLs of the second factors; accounts.urls includes both lists."""

from django.urls import path, register_converter

from accounts.factors import api as api_views
from accounts.factors import views
from smartbudget.web.converters import DigestConverter

register_converter(DigestConverter, "passkey_id")

pages = [
    path("accounts/factors/passkeys/add", views.add_passkey, name="add-passkey"),
    path(
        "accounts/factors/passkeys/<passkey_id:passkey_id>/rename",
        views.rename_passkey,
        name="rename-passkey",
    ),
    path(
        "accounts/factors/passkeys/<passkey_id:passkey_id>/remove",
        views.remove_passkey,
        name="remove-passkey",
    ),
    path("accounts/factors", views.list_factors, name="factors"),
    path("accounts/factors/totp", views.set_up_totp, name="totp"),
    path("accounts/factors/totp/confirm", views.confirm_totp, name="confirm-totp"),
    path("accounts/factors/totp/remove", views.remove_totp, name="remove-totp"),
    path(
        "accounts/factors/recovery-codes",
        views.create_recovery_codes,
        name="recovery-codes",
    ),
    path(
        "accounts/factors/recovery-codes/text",
        views.download_recovery_codes,
        name="recovery-codes-text",
    ),
]

api = [
    path(
        "account/passkeys/options",
        api_views.PasskeyOptionsView.as_view(),
        name="passkey_options",
    ),
    path("account/passkeys", api_views.PasskeysView.as_view(), name="passkeys"),
    path(
        "account/passkeys/<passkey_id:passkey_id>",
        api_views.PasskeyView.as_view(),
        name="passkey",
    ),
    path("account/factors", api_views.FactorsView.as_view(), name="factors"),
    path("account/factors/totp", api_views.TotpView.as_view(), name="totp"),
    path(
        "account/factors/totp/confirm",
        api_views.TotpConfirmationView.as_view(),
        name="confirm_totp",
    ),
    path(
        "account/factors/recovery-codes",
        api_views.RecoveryCodesView.as_view(),
        name="recovery_codes",
    ),
]
