"""Writes the schemas of Kubernetes that the tests need to test/support/engine/kubernetes.

They are a part of those that `npm run deploy:validate` uses. Run it in that environment:
.perennial/prove/bin/python scripts/kubernetes-schemas.py
"""

import gzip
import json
from pathlib import Path

import kubernetes_validate

SOURCE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
TARGET = Path(__file__).resolve().parents[1] / "test" / "support" / "engine" / "kubernetes"
# The oldest and the newest minor version, as in infra/prove/validate.py.
VERSIONS = ("1.30", "1.37")
KINDS = {
    "Job": "io.k8s.api.batch.v1.Job",
    "Pod": "io.k8s.api.core.v1.Pod",
    "Secret": "io.k8s.api.core.v1.Secret",
    "Event": "io.k8s.api.core.v1.Event",
    "Node": "io.k8s.api.core.v1.Node",
    "ResourceQuota": "io.k8s.api.core.v1.ResourceQuota",
    "SelfSubjectAccessReview": "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "DeleteOptions": "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "Status": "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
}


def main() -> None:
    written = {version: schemas(version) for version in VERSIONS}
    text = json.dumps(written, separators=(",", ":"), sort_keys=True).encode()
    (TARGET / "schemas.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def schemas(version: str) -> dict:
    folder = SOURCE / f"v{version}.0-local-strict"
    known = json.loads((folder / "_definitions.json").read_text())
    known = known.get("$defs") or known["definitions"]
    needed: dict = {}
    open_names = list(KINDS.values())
    while open_names:
        name = open_names.pop()
        if name not in needed:
            needed[name] = plain(known[name])
            open_names += references(needed[name])
    return {"kinds": KINDS, "definitions": needed}


def plain(schema: object) -> object:
    """Without descriptions, and with references inside of one document."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/definitions/{value.split('/')[-1]}" if key == "$ref" else plain(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
        and not key.startswith("x-kubernetes")
    }


def references(schema: object) -> list[str]:
    if isinstance(schema, list):
        return [name for each in schema for name in references(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].split("/")[-1]] if "$ref" in schema else []
    return own + [name for value in schema.values() for name in references(value)]


if __name__ == "__main__":
    main()
