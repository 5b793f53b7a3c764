"""GET /openapi.json: its examples, and the server's own answers, are what its schemas say."""

import json

import jsonschema
import pytest


def resolve(document, part):
    while "$ref" in part:
        place = document
        for key in part["$ref"].removeprefix("#/").split("/"):
            place = place[key]
        part = {**place, **{key: value for key, value in part.items() if key != "$ref"}}
    return part


def as_json_schema(part):
    """A schema of OpenAPI 3.0 says `nullable` where JSON Schema has a type more."""
    if isinstance(part, list):
        return [as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {key: as_json_schema(each) for key, each in part.items()}
    # Clients are to expect more fields of later releases; this one has none that are not described.
    if "properties" in part and "type" in part:
        part.setdefault("additionalProperties", False)
    return {**part, "type": [part["type"], "null"]} if part.pop("nullable", False) else part


def check(document, schema, value):
    whole = {**schema, "components": {"schemas": document["components"]["schemas"]}}
    jsonschema.Draft4Validator(as_json_schema(whole)).validate(value)


def operations(document):
    for path, item in document["paths"].items():
        for method in ("get", "post", "put", "delete"):
            if method in item:
                yield method.upper(), path, item, item[method]


def media_types(document, operation):
    for holder in [operation.get("requestBody"), *operation["responses"].values()]:
        if holder is not None:
            yield from resolve(document, holder).get("content", {}).values()


@pytest.mark.parametrize("form", ["", "?as=string"])
def test_examples_are_of_their_schemas(server, form):
    document = server.ask("GET", f"/openapi.json{form}").json()
    examples = 0
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft4Validator.check_schema(as_json_schema(schema))
    for _, _, item, operation in operations(document):
        for parameter in item.get("parameters", []) + operation.get("parameters", []):
            parameter = resolve(document, parameter)
            check(document, parameter["schema"], parameter["example"])
            examples += 1
        for media in media_types(document, operation):
            values = [example["value"] for example in media.get("examples", {}).values()]
            if "example" in media:
                values.append(media["example"])
            for value in values:
                check(document, media["schema"], value)
                examples += 1
    assert examples > 100


# What to ask, and the status of the answer.
CALLS = [
    ("GET", "/next", "/next", b"", 200),
    ("POST", "/next", "/next", b"", 200),
    ("GET", "/next", "/next?counter=-", b"", 400),
    ("GET", "/range", "/range?count=3", b"", 200),
    ("POST", "/range", "/range?count=0", b"", 400),
    ("PUT", "/v1/counters/{name}", "/v1/counters/tickets",
     b'{"start":1000,"increment":10,"max":1050}', 201),
    ("PUT", "/v1/counters/{name}", "/v1/counters/tickets", b'{"comment":"Tickets"}', 200),
    ("PUT", "/v1/counters/{name}", "/v1/counters/tickets", b'{"start":1}', 409),
    ("GET", "/v1/counters/{name}", "/v1/counters/tickets", b"", 200),
    ("GET", "/v1/counters/{name}", "/v1/counters/none", b"", 404),
    ("PUT", "/v1/counters/{name}", "/v1/counters/tickets", b'{"revision":1}', 409),
    ("GET", "/v1/counters/{name}/next", "/v1/counters/tickets/next", b"", 200),
    ("POST", "/v1/counters/{name}/range", "/v1/counters/tickets/range?count=2", b"", 200),
    ("POST", "/v1/counters/{name}/range", "/v1/counters/tickets/range?count=9", b"", 409),
    ("GET", "/v1/counters", "/v1/counters?limit=1", b"", 200),
    ("POST", "/v1/counters/{name}/advance", "/v1/counters/tickets/advance", b'{"to":1040}', 200),
    ("POST", "/v1/counters/{name}/advance", "/v1/counters/tickets/advance", b"", 400),
    ("DELETE", "/v1/counters/{name}", "/v1/counters/none", b"", 404),
    ("DELETE", "/v1/counters/{name}", "/v1/counters/tickets", b"", 200),
    ("GET", "/v1/counters/{name}", "/v1/counters/tickets", b"", 410),
    ("GET", "/v1/counters/{name}/next", "/v1/counters/tickets/next", b"", 410),
    ("POST", "/v1/counters/{name}/advance", "/v1/counters/tickets/advance", b'{"to":1041}', 410),
    ("GET", "/v1/counters", "/v1/counters?deleted=true", b"", 200),
    ("GET", "/v1/status", "/v1/status?limit=3", b"", 200),
    ("GET", "/v1/status", "/v1/status?limit=0", b"", 400),
    ("GET", "/healthz", "/healthz", b"", 200),
    ("GET", "/readyz", "/readyz", b"", 200),
    ("GET", "/openapi.json", "/openapi.json", b"", 200),
]


@pytest.mark.parametrize("form", ["", "as=string"])
def test_answers_are_as_described(server, form):
    """In the text form of the document, each call that may have `as` must have it."""
    document = server.ask("GET", f"/openapi.json?{form}").json()
    for method, path, target, body, status in CALLS:
        item = document["paths"][path]
        names = {resolve(document, each)["name"] for each in item.get("parameters", [])}
        if form and "as" in names:
            target += ("&" if "?" in target else "?") + form
        elif form:
            assert path.startswith(("/v1/status", "/healthz", "/readyz"))
        answer = server.ask(method, target, body=body, headers=["X-Request-Id: seven"])
        assert answer.status == status, (method, target, answer)
        responses = document["paths"][path][method.lower()]["responses"]
        described = resolve(document, responses[str(status)])
        media = described["content"][answer.headers["content-type"]]
        check(document, media["schema"], answer.json())
        for name, header in described.get("headers", {}).items():
            assert name.lower() in answer.headers, (method, target, name)
            text = answer.headers[name.lower()]
            schema = resolve(document, header)["schema"]
            check(document, schema, int(text) if schema["type"] == "integer" else text)


def test_the_document_has_the_bounds_of_this_server(start_server):
    server = start_server("--max-range", "50")
    document = server.ask("GET", "/openapi.json").json()
    count = document["components"]["parameters"]["CountInQuery"]["schema"]
    assert count["maximum"] == 50
    assert server.ask("GET", "/range?count=50").status == 200
    assert server.ask("GET", "/range?count=51").status == 400


def test_pages_confine_themselves_and_are_cached(server):
    for target, kind in [("/", "text/html; charset=utf-8"), ("/docs", "text/html; charset=utf-8"),
                         ("/openapi.json", "application/json"),
                         ("/assets/page.js", "text/javascript; charset=utf-8"),
                         ("/assets/page.css", "text/css; charset=utf-8"),
                         ("/assets/icon.svg", "image/svg+xml")]:
        answer = server.ask("GET", target)
        assert answer.status == 200, target
        assert answer.headers["content-type"] == kind
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"

        etag = answer.headers["etag"]
        for validator in [etag, f'"other", W/{etag}', "*"]:
            with server.connect() as connection:
                again = connection.ask("GET", target, headers=[f"If-None-Match: {validator}"])
                assert (again.status, again.body) == (304, b""), validator
                assert again.headers["etag"] == etag
                # Nothing of a body is on the connection.
                assert connection.ask("GET", "/healthz").json() == {"status": "ok"}
        with server.connect() as connection:
            other = connection.ask("GET", target, headers=['If-None-Match: "other"'])
            assert (other.status, other.body) == (200, answer.body)
            head = connection.ask("HEAD", target)
            assert (head.status, head.headers["content-length"]) == (200, str(len(answer.body)))


@pytest.mark.parametrize("target", ["/assets/", "/assets/none.js", "/assets/..%2Findex.html",
                                    "/assets/page.js/", "/index.html", "/docs/"])
def test_nothing_else_is_served(server, target):
    answer = server.ask("GET", target)
    assert answer.status == 404
    assert json.loads(answer.body)["type"] == "urn:nextid:error:not_found"
    assert server.ask("POST", "/docs").status == 405
