"""Random values of botocore's shapes, and our codecs behind a pipe (crates/api/examples/mirror.rs)."""

import base64
import datetime
import json
import pathlib
import re
import subprocess
import tomllib

import botocore.session

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ["a", "vpc-0a1b", "a b+c&d=e%2F", "<tag attribute=\"x\">&amp;'</tag>", "é 漢字 🙂", "line\nline\ttab", " edges ", "1.2.3",
         "true", "0", "carriage\rreturn"]
# One of these satisfies each pattern that the models have and Python can express.
PATTERNED = ["a", "abcdefgh", "123456", "123456789012", "v1", "us-east-1", "/", "/a/", "/service-role/", "aws:iam",
             "arn:aws:iam::123456789012:role/name", "0123456789abcdef0123456789abcdef", "24h", "Name"]
# Our own service has no model in botocore.
OWN_SERVICES = {"tidegate"}


def served():
    """(service, operation) of everything served that botocore knows."""
    sections = tomllib.loads((REPOSITORY / "models/operations.toml").read_text())
    return [(service, operation) for service, section in sections.items() if service not in OWN_SERVICES
            for operation in section["operations"]]


def service_models():
    session = botocore.session.get_session()
    return {service: session.get_service_model(service) for service in {service for service, _ in served()}}


class Mirror:
    """The example program, one JSON object a line."""

    def __enter__(self):
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "api", "--example", "mirror"],
                       cwd=REPOSITORY, check=True)
        program = REPOSITORY / "target/debug/examples/mirror"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "ok" in answer, f"{job}: {answer['error']}"
        return answer["ok"]


class Values:
    """Random values of shapes. With `every_member` structures have all their members, else some and the required."""

    def __init__(self, random, every_member):
        self.random = random
        self.every_member = every_member

    def of(self, shape, above=()):
        return getattr(self, f"{shape.type_name}_value")(shape, (*above, shape.name))

    def structure_value(self, shape, above):
        # A recursive shape ends where it would begin again.
        possible = {name: member for name, member in shape.members.items() if member.name not in above}
        wanted = {name for name in possible
                  if self.every_member or name in shape.required_members or self.random.random() < 0.4}
        if possible and not wanted:
            # The Query protocols cannot say "an empty structure" inside a list.
            wanted = {self.random.choice(list(possible))}
        return {name: self.of(member, above) for name, member in possible.items() if name in wanted}

    def list_value(self, shape, above):
        return [self.of(shape.member, above) for _ in range(self.random.randint(1, 3))]

    def map_value(self, shape, above):
        return {self.of(shape.key, above) + str(index): self.of(shape.value, above) for index in range(self.random.randint(1, 3))}

    def string_value(self, shape, _):
        return self.random.choice(shape.enum or TEXTS)

    def blob_value(self, *_):
        return self.random.randbytes(self.random.randint(1, 20))

    def timestamp_value(self, *_):
        return datetime.datetime.fromtimestamp(self.random.randint(0, 2**32), datetime.timezone.utc)

    def boolean_value(self, *_):
        return self.random.random() < 0.5

    def integer_value(self, *_):
        return self.random.randint(-2**31, 2**31 - 1)

    def long_value(self, *_):
        return self.random.randint(-2**53, 2**53)

    def float_value(self, *_):
        return self.random.randint(-1000, 1000) / 8

    double_value = float_value


def answer_name(shape, name):
    return shape.serialization.get("name", name)


def request_name(shape, name):
    """EC2 names a member otherwise in requests."""
    location = shape.serialization.get("name")
    return shape.serialization.get("queryName") or (location and location[0].upper() + location[1:]) or name


def as_json(shape, value, name_of):
    """A value as serde_json writes it: members by their wire names, bytes as base64, times as seconds."""
    if shape.type_name == "structure":
        return {name_of(shape.members[name], name): as_json(shape.members[name], member, name_of)
                for name, member in value.items()}
    if shape.type_name == "list":
        return [as_json(shape.member, element, name_of) for element in value]
    if shape.type_name == "map":
        return {key: as_json(shape.value, element, name_of) for key, element in value.items()}
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if shape.type_name == "timestamp":
        return value.timestamp()
    return value


class ValidValues(Values):
    """Values that satisfy the constraints of their shapes."""

    def list_value(self, shape, above):
        least, most = limits(shape, 1, 3)
        return [self.of(shape.member, above) for _ in range(self.random.randint(least, min(most, least + 2)))]

    def string_value(self, shape, _):
        if shape.enum:
            return self.random.choice(shape.enum)
        least, most = limits(shape, 1, 100)
        pattern = shape.metadata.get("pattern", "")
        candidates = [text for text in TEXTS + PATTERNED if least <= len(text) <= most]
        if pattern and "\\p{" not in pattern:
            candidates = [text for text in candidates if re.fullmatch(pattern, text)]
        return self.random.choice(candidates) if candidates else "a" * least

    def map_value(self, shape, above):
        least, _ = limits(shape, 1, 1)
        value = {}
        while len(value) < least:
            value[self.of(shape.key, above)] = self.of(shape.value, above)
        return value

    def blob_value(self, shape, _):
        least, most = limits(shape, 1, 20)
        return self.random.randbytes(self.random.randint(least, min(most, 20)))

    def integer_value(self, shape, _):
        return self.random.randint(*limits(shape, -5, 5))

    long_value = integer_value


def limits(shape, least, most):
    """The shape's own range, else this one."""
    low = shape.metadata.get("min", min(least, shape.metadata.get("max", least)))
    return low, max(low, shape.metadata.get("max", most))
