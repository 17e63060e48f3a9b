from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import PasswordField


class ConfirmInput(InputSerializer):
    password = PasswordField()
