"""What Kubernetes makes of a pod, as far as a process can tell: its volumes with their owners and modes,
its environment, its user; and its container's own command on all that.
"""

import os
import re
import shlex
import shutil

import nextid

USER = 10001  # Of the image, which the manifests name.
DRAIN_SECONDS = 1  # In place of the manifests' ten.


def parameters(url):
    """The part of a store's URL that a test puts its own server's address before."""
    return url.partition("?")[2]


class Node:
    """A machine of the cluster, with the Secrets that it was told of."""

    def __init__(self, directory, secrets, namespace="shop"):
        """`secrets`: {name: {file: text}}."""
        self.root = directory / "pod"
        self.root.mkdir()
        self.secrets = secrets
        self.variables = {"POD_NAMESPACE": namespace}
        self._closed = [path for path in (directory, *directory.parents)
                        if path.stat().st_mode & 0o001 == 0]
        for path in self._closed:
            path.chmod(path.stat().st_mode | 0o011)

    def close(self):
        for path in self._closed:
            path.chmod(0o700)

    # ---- Volumes

    def mount(self, volume, path):
        """One of a pod's volumes where a container has it."""
        place = self.root / path.lstrip("/")
        place.mkdir(parents=True)
        if "secret" in volume:
            self._write_secret(place, volume["secret"])
            self._own(place, 0, 0o3777)  # The root of a tmpfs.
        elif volume.get("emptyDir", {}).get("medium") == "Memory":
            self._own(place, 0, 0o3777)
        elif "emptyDir" in volume:
            self._own(place, 0, 0o2777)
        else:
            assert "claim" in volume, volume
            (place / "lost+found").mkdir()
            self._own(place / "lost+found", 0, 0o2770)
            self._own(place, 0, 0o2775)

    def _write_secret(self, place, secret):
        """With the links by which the kubelet exchanges all files at once."""
        data = place / "..2026_01_31_12_00_00.1"
        data.mkdir()
        for name, text in self.secrets[secret["secretName"]].items():
            (data / name).write_text(text)
            self._own(data / name, 0, secret["defaultMode"] | 0o440)  # Of the group, since there is one.
            (place / name).symlink_to(f"..data/{name}")
        (place / "..data").symlink_to(data.name)
        self._own(data, 0, 0o2755)

    @staticmethod
    def _own(path, user, mode):
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, user, USER)
            path.chmod(mode)  # A new owner ends the bits of groups.

    # ---- The container

    def here(self, text):
        """Paths, variables and ports of the pod as this test has them, and less of a delay."""
        text = re.sub(r"\$\((\w+)\)", lambda found: self.variables[found[1]], text)
        text = re.sub(r"(/var/lib|/etc)/nextid", rf"{self.root}\1/nextid", text)
        text = re.sub(r"^--drain-delay=.*", f"--drain-delay={DRAIN_SECONDS}s", text)
        return re.sub(r"^(--(?:http|resp)=.*):\d+$", r"\1:0", text)

    def start(self, start_server, pod, claims=(), store=None, **more):
        """`pod`: the spec of a pod; `store(url)`: the URL in place of the manifest's."""
        (container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        volumes |= {name: {"claim": name} for name in claims}
        for mount in container["volumeMounts"]:
            if not (self.root / mount["mountPath"].lstrip("/")).exists():
                self.mount(volumes[mount["name"]], mount["mountPath"])
        assert container["command"] == ["/usr/bin/nextid"] and container["args"][0] == "serve"
        options = [self.here(argument) for argument in container["args"][1:]]
        if store:
            options = [f"--store={store(option.removeprefix('--store='))}"
                       if option.startswith("--store=") else option for option in options]
        values = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
        environment = [f"{name}={self.here(value)}" for name, value in values.items()]
        return start_server(*options, http=None, store=None, **more,
                            prefix=["env", "-i", *environment, *as_pod_user(pod, container)])


def as_pod_user(pod, container):
    """What runs a command as the security contexts say."""
    context = {**pod["securityContext"], **container["securityContext"]}
    assert not context["allowPrivilegeEscalation"] and context["capabilities"] == {"drop": ["ALL"]}
    command = [shutil.which("setpriv"), "--no-new-privs"]
    if os.geteuid() == 0:
        command += [f"--reuid={context['runAsUser']}", f"--regid={context['runAsGroup']}",
                    f"--groups={context['fsGroup']}", "--bounding-set=-all", "--inh-caps=-all"]
    return command
