"""Add OpenAPI links from responses to operations, by the names of ids.

A created item, and the first item of a list, link to the operations with the same tag
whose path has an id that the response has.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def add_links(result: Schema, **_: Any) -> Schema:
    """Link responses to operations; a drf-spectacular hook."""
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
                if target["tags"] == operation["tags"]
                and name in _path_parameters(target)
            }
            if links:
                response["links"] = links
    return result


def _ids(method: str, response: Schema, result: Schema) -> Iterator[tuple[str, str]]:
    """Yield (location, property) of a response, or of the first item in a list."""
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
    component: Schema = result["components"]["schemas"][name]
    return component


def _path_parameters(operation: Schema) -> set[str]:
    """Return the names of the parameters in an operation's path."""
    parameters = operation.get("parameters", [])
    return {
        parameter["name"] for parameter in parameters if parameter.get("in") == "path"
    }
