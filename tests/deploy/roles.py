"""Checks what no schema knows: that each role is asked at its own port, has three processes, and time to end."""

import sys

import yaml

from items import items

PORTS = {"api": 8000, "worker": 8001, "smtp": 8002}
# What is under way is finished within this many seconds (promise: P-06).
GRACE_SECONDS = 30


def main(manifest, compose):
    resources = {(each["kind"], each["metadata"]["name"]): each for each in items(manifest)}
    with open(compose) as file:
        services = yaml.safe_load(file)["services"]
    for role, port in PORTS.items():
        check_deployment(role, port, resources)
        check_service(role, port, services[role])
    selector = resources["Service", "mail-proxy"]["spec"]["selector"]
    labels = resources["Deployment", "mail-api"]["spec"]["template"]["metadata"]["labels"]
    require(selector == labels, "mail-proxy leads to the role api")


def check_deployment(role, port, resources):
    spec = resources["Deployment", f"mail-{role}"]["spec"]
    pod, labels = spec["template"]["spec"], spec["template"]["metadata"]["labels"]
    container, = pod["containers"]
    require(spec["replicas"] == 3, f"{role}: three processes")
    require(labels["role"] == role and spec["selector"]["matchLabels"] == labels, f"{role}: its labels")
    require(container["args"] == ["serve", "--roles", role], f"{role}: its arguments")
    require(container["ports"] == [{"name": "http", "containerPort": port}], f"{role}: port {port}")
    for probe, path in {"livenessProbe": "/health", "readinessProbe": "/ready"}.items():
        require(container[probe]["httpGet"] == {"path": path, "port": "http"}, f"{role}: {probe} at {path}")
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    require(pod["terminationGracePeriodSeconds"] > GRACE_SECONDS + pause, f"{role}: time to end")
    budget = resources["PodDisruptionBudget", f"mail-{role}"]["spec"]
    require(budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}, f"{role}: its budget")


def check_service(role, port, service):
    require(service["command"] == ["serve", "--roles", role], f"compose, {role}: its command")
    require(f"127.0.0.1:{port}/ready" in service["healthcheck"]["test"][-1], f"compose, {role}: port {port}")
    require(service["deploy"]["replicas"] == 3, f"compose, {role}: three processes")
    require(service["read_only"] and service["cap_drop"] == ["ALL"], f"compose, {role}: may do no more than it must")


def require(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")


if __name__ == "__main__":
    main(*sys.argv[1:])
