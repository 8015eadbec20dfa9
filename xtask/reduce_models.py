"""Makes models/<service>.json from botocore's published models: only the shapes that the served operations reach,
no documentation, and the names of all operations of the service, so that an unserved one can be told by name.

Run by `cargo xtask reduce --botocore DIRECTORY`, where DIRECTORY holds botocore's `data`. Needs Python 3.11, because
the published models are gzipped and Python reads both them and TOML without any package.
"""

import gzip
import json
import pathlib
import sys
import tomllib

OWN_MODELS = {"tidegate"}
METADATA = ["apiVersion", "protocol", "jsonVersion", "targetPrefix", "signingName", "endpointPrefix", "xmlNamespace",
            "serviceId"]
MEMBER_TRAITS = ["shape", "locationName", "queryName"]
SHAPE_TRAITS = ["type", "required", "min", "max", "pattern", "enum", "sensitive", "locationName", "flattened",
                "timestampFormat", "document"]


def published_model(botocore, service):
    versions = sorted((botocore / "data" / service).glob("*/service-2.json*"))
    if not versions:
        sys.exit(f"{botocore}/data/{service} holds no service-2.json")
    newest = versions[-1]
    with gzip.open(newest, "rt") if newest.suffix == ".gz" else newest.open() as file:
        return json.load(file)


def kept(value, names):
    return {name: value[name] for name in names if name in value}


def reduced_shape(shape):
    result = kept(shape, SHAPE_TRAITS)
    for part in ("member", "key", "value"):
        if part in shape:
            result[part] = kept(shape[part], MEMBER_TRAITS)
    if "members" in shape:
        result["members"] = {name: kept(member, MEMBER_TRAITS) for name, member in shape["members"].items()}
    return result


def reached(shapes, names):
    """The shapes that these reach, in the model's order."""
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        shape = shapes[name]
        parts = [shape[part] for part in ("member", "key", "value") if part in shape]
        waiting += [part["shape"] for part in parts + list(shape.get("members", {}).values())]
    return {name: reduced_shape(shape) for name, shape in shapes.items() if name in found}


def errors(shapes):
    """Error code -> HTTP status, as the model says it."""
    result = {}
    for name, shape in shapes.items():
        if shape.get("exception"):
            error = shape.get("error", {})
            default = 500 if shape.get("fault") else 400
            result[error.get("code", name)] = error.get("httpStatusCode", default)
    return dict(sorted(result.items()))


def reduced_model(model, service, served):
    operations, roots = {}, []
    for name in served:
        if name not in model["operations"]:
            sys.exit(f"{service} has no operation {name}")
        operation = model["operations"][name]
        operations[name] = {part: kept(operation[part], ["shape"]) for part in ("input", "output") if part in operation}
        roots += [part["shape"] for part in operations[name].values()]
    return {
        "metadata": kept(model["metadata"], METADATA),
        "operations": operations,
        "allOperations": sorted(model["operations"]),
        "errors": errors(model["shapes"]),
        "shapes": reached(model["shapes"], roots),
    }


def main():
    models, botocore = map(pathlib.Path, sys.argv[1:3])
    with (models / "operations.toml").open("rb") as file:
        served = tomllib.load(file)
    for service, section in served.items():
        if service not in OWN_MODELS:
            reduced = reduced_model(published_model(botocore, service), service, section["operations"])
            (models / f"{service}.json").write_text(json.dumps(reduced, indent=1, ensure_ascii=False) + "\n")


main()
