"""Request and response bodies of password resets; services validate."""

from typing import Any

from rest_framework import serializers

from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import PasswordField, TextField


class PasswordResetInput(InputSerializer):
    username = TextField(max_length=254, help_text="Username or e-mail address.")


class PasswordResetOutput(serializers.Serializer[Any]):
    detail = serializers.CharField(help_text="The same whether there is an account.")


class NewPasswordInput(InputSerializer):
    token = TextField(max_length=100, help_text="From the link in the e-mail.")
    new_password = PasswordField(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class NewPasswordOutput(serializers.Serializer[Any]):
    detail = serializers.CharField(help_text="What has ended with the old password.")
