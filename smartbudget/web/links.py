"""How an answer leads to other requests: OpenAPI's links, found by names.

What was made, and the first item of a list, link to all that can be asked of it: the
operations of the same group whose address takes an id that the answer has.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def add_links(result: Schema, **_: Any) -> Schema:
    """Link answers to operations; a hook of drf-spectacular's."""
    operations = [
        (method, operation)
        for item in result["paths"].values()
        for method, operation in item.items()
    ]
    for method, operation in operations:
        for status in {"200", "201"} & {*operation["responses"]}:
            response = operation["responses"][status]
            links = {
                target["operationId"]: {
                    "operationId": target["operationId"],
                    "parameters": {name: f"$response.body#{place}/{name}"},
                }
                for place, name in _ids(method, response, result)
                for _method, target in operations
                if target["tags"] == operation["tags"] and name in _takes(target)
            }
            if links:
                response["links"] = links
    return result


def _ids(method: str, response: Schema, result: Schema) -> Iterator[tuple[str, str]]:
    """Name the properties of what a POST made, or of a list's first item."""
    body = response.get("content", {}).get("application/json", {}).get("schema", {})
    place, schema = "", _resolved(body, result)
    if method == "get":
        listed = schema.get("properties", {}).get("results")
        place, schema = ("/results/0", listed) if listed else ("/0", schema)
        schema = _resolved(schema.get("items", {}), result)
    for name in schema.get("required", ()):
        yield place, name


def _resolved(schema: Schema, result: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Schema = result["components"]["schemas"][name]
    return found


def _takes(operation: Schema) -> set[str]:
    """Name the parameters in an operation's address."""
    parameters = operation.get("parameters", [])
    return {each["name"] for each in parameters if each.get("in") == "path"}
