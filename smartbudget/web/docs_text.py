"""The introduction of the API's docs, in Markdown.

Apart from `docs`, since the settings cannot import views.
"""

from smartbudget.core.config import config

INTRODUCTION = f"""\
Add expenses, set budgets and read what is left, from a script or an app of your own.
Amounts are decimal strings in the account's currency.

[Create a token](/accounts/tokens), then:

```sh
curl {config.app_url}/api/summary -H "Authorization: Bearer $TOKEN"

curl {config.app_url}/api/expenses -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{"category": "Groceries", "amount": "12.50"}}'
```

[API errors](/api/docs/errors) · [Schema](/api/schema) · [Back to the app](/)
"""
