"""The API of the second factors; /login/second shares its URL with the page."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import session_cookie
from accounts.api import UnauthenticatedView
from accounts.device_cookie import device_of
from accounts.factors import (
    passkey_setup,
    passkeys,
    second_step,
    serializers,
    services,
)
from accounts.login_responses import login_response
from accounts.serializers import LoginOutput
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import represent
from smartbudget.web.client_ip import client_address


class SecondStepView(UnauthenticatedView):
    @extend_schema(
        operation_id="complete_login",
        request=serializers.SecondStepInput,
        responses={200: LoginOutput, 401: None},
    )
    def post(self, request: Request) -> Response:
        """Complete a login with a second factor.

        The ticket from `/login` is valid for five minutes and begins one session. A
        passkey needs the options of `/login/passkey/options`. After ten wrong codes in
        15 minutes, codes are refused for 15 minutes.
        """
        data = self.parse(serializers.SecondStepInput)
        login = second_step.complete(
            data.pop("ticket"),
            second_step.proof_of(**data),
            address=client_address(request._request),
            device=device_of(request._request),
        )
        return login_response(request, login, status=200)


class FactorsView(ApiView):
    scope = "account"

    @extend_schema(operation_id="list_factors", responses=serializers.FactorsOutput)
    def get(self, request: Request) -> Response:
        """Get the caller's second factors."""
        factors = services.list_factors(request.user)
        return self.represent(serializers.FactorsOutput, factors)


class TotpView(ApiView):
    scope = "session"
    methods_without_body = ("DELETE",)
    holds_secret = True

    @extend_schema(
        operation_id="begin_totp",
        request=serializers.PasswordConfirmation,
        responses={200: serializers.TotpSetupOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Begin to set up an authenticator app. It is off until confirmed."""
        data = self.parse(serializers.PasswordConfirmation)
        setup = services.begin_totp(request.user, **data)
        return self.represent(serializers.TotpSetupOutput, setup)

    @extend_schema(
        operation_id="remove_totp",
        request=serializers.PasswordConfirmation,
        responses={204: None, 404: None},
    )
    def delete(self, request: Request) -> Response:
        """Remove the authenticator app.

        With the last second factor, the recovery codes are removed too.
        """
        data = self.parse(serializers.PasswordConfirmation)
        services.remove_totp(request.user, **data)
        return Response(status=204)


class TotpConfirmationView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="confirm_totp",
        request=serializers.TotpConfirmation,
        responses={200: serializers.FactorsOutput, 409: None, 410: None},
    )
    def post(self, request: Request) -> Response:
        """Turn on an authenticator app with two consecutive codes."""
        data = self.parse(serializers.TotpConfirmation)
        factors = services.confirm_totp(
            request.user,
            **data,
            session_key=session_cookie.session_key(request._request),
        )
        return self.represent(serializers.FactorsOutput, factors)


class RecoveryCodesView(ApiView):
    scope = "session"
    holds_secret = True

    @extend_schema(
        operation_id="create_recovery_codes",
        request=serializers.PasswordConfirmation,
        responses={200: serializers.RecoveryCodesOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Replace the recovery codes. The new ones are returned only once."""
        data = self.parse(serializers.PasswordConfirmation)
        codes = services.create_recovery_codes(request.user, **data)
        return Response({"recovery_codes": codes})


class PasskeyOptionsView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="begin_passkey",
        request=serializers.PasswordConfirmation,
        responses={200: serializers.PasskeyOptionsOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Get the options to create a passkey, to add it with the next request."""
        data = self.parse(serializers.PasswordConfirmation)
        return Response({"options": passkey_setup.begin_adding(request.user, **data)})


class PasskeysView(ApiView):
    scope = {"GET": "account", "POST": "session"}
    holds_secret = True  # recovery codes

    @extend_schema(
        operation_id="list_passkeys", responses=serializers.PasskeyOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the caller's passkeys, newest first."""
        listed = passkey_setup.list_passkeys(request.user)
        return self.represent_all(serializers.PasskeyOutput, listed)

    @extend_schema(
        operation_id="add_passkey",
        request=serializers.NewPasskeyInput,
        responses={201: serializers.AddedPasskeyOutput, 409: None, 410: None},
    )
    def post(self, request: Request) -> Response:
        """Add a passkey that the browser created.

        With the first second factor come recovery codes, which are returned only once.
        """
        data = self.parse(serializers.NewPasskeyInput)
        added = passkey_setup.add(
            request.user,
            **data,
            session_key=session_cookie.session_key(request._request),
        )
        body = represent(serializers.PasskeyOutput, added.passkey)
        url = url_of(request, "passkey", added.passkey.passkey_id)
        return Response(
            {**body, "recovery_codes": added.recovery_codes},
            status=201,
            headers={"Location": url},
        )


class PasskeyView(ApiView):
    scope = {"GET": "account", "PATCH": "account", "DELETE": "session"}
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_passkey", responses=serializers.PasskeyOutput)
    def get(self, request: Request, passkey_id: str) -> Response:
        """Get a passkey."""
        passkey = passkey_setup.get_passkey(request.user, passkey_id)
        return self.represent(serializers.PasskeyOutput, passkey)

    @extend_schema(
        operation_id="rename_passkey",
        request=serializers.PasskeyNameInput,
        responses=serializers.PasskeyOutput,
    )
    def patch(self, request: Request, passkey_id: str) -> Response:
        """Rename a passkey."""
        data = self.parse(serializers.PasskeyNameInput, partial=True)
        if "name" in data:
            passkey = passkey_setup.rename(request.user, passkey_id, **data)
        else:
            passkey = passkey_setup.get_passkey(request.user, passkey_id)
        return self.represent(serializers.PasskeyOutput, passkey)

    @extend_schema(
        operation_id="remove_passkey",
        request=serializers.PasswordConfirmation,
        responses={204: None, 409: None},
    )
    def delete(self, request: Request, passkey_id: str) -> Response:
        """Remove a passkey.

        With the last second factor, the recovery codes are removed too.
        """
        data = self.parse(serializers.PasswordConfirmation)
        passkey_setup.remove(request.user, passkey_id, **data)
        return Response(status=204)


class PasskeyLoginOptionsView(UnauthenticatedView):
    @extend_schema(
        operation_id="begin_passkey_login",
        request=None,
        responses={200: serializers.PasskeyOptionsOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Get the options to log in with a passkey, alone or as the second step.

        They include a challenge that works once.
        """
        return Response({"options": passkeys.login_options()})


class PasskeyLoginView(UnauthenticatedView):
    @extend_schema(
        operation_id="log_in_with_passkey",
        request=serializers.PasskeyLoginInput,
        responses={200: LoginOutput, 401: None, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Log in with a passkey, without a password or a further factor."""
        data = self.parse(serializers.PasskeyLoginInput)
        login = passkeys.log_in(
            data["passkey"],
            address=client_address(request._request),
            device=device_of(request._request),
        )
        return login_response(request, login, status=200)
