"""Private etcd servers: one, or a cluster of three."""

import uuid

from private_server import PrivateServer, free_port, poll, program, run


class Etcd(PrivateServer):
    """A member of a cluster; of its own one unless told otherwise."""

    kind = "etcd"

    def __init__(self, folder=None, settings=None, name="member1"):
        """`settings` are options of etcd: {"quota-backend-bytes": 16777216}."""
        super().__init__(folder)
        self.name = name
        self.settings = dict(settings or {})  # For the next start.
        self.cluster = {}  # {name: URL of peers}; empty: it alone.
        self.token = uuid.uuid4().hex  # Makes the identity of the cluster.
        self.peer_port = None

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    @property
    def peer_url(self):
        return f"http://127.0.0.1:{self.peer_port}"

    def url(self, prefix="nextid", **parameters):
        """The URL of nextid's store there."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"etcd://{self.endpoint}/{prefix}" + (f"?{query}" if query else "")

    def ctl(self, *arguments, **options):
        """What etcdctl prints."""
        return etcdctl([self.endpoint], *arguments, **options)

    # ---- What PrivateServer asks for

    def choose_ports(self):
        self.port = free_port()
        self.peer_port = free_port()

    def command(self):
        cluster = self.cluster or {self.name: self.peer_url}
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        return [program("etcd"), f"--name={self.name}", f"--data-dir={self.folder}/data",
                f"--listen-client-urls=http://{self.endpoint}",
                f"--advertise-client-urls=http://{self.endpoint}",
                f"--listen-peer-urls={self.peer_url}",
                f"--initial-advertise-peer-urls={self.peer_url}",
                f"--initial-cluster={','.join(f'{name}={url}' for name, url in cluster.items())}",
                f"--initial-cluster-token={self.token}", "--initial-cluster-state=new",
                "--logger=zap", *options]

    def is_ready(self, log):
        return "serving client traffic" in log


class EtcdCluster:
    """Several members of one cluster; use it with `with`."""

    def __init__(self, size=3, settings=None, folder=None):
        """The members' folders are made in `folder`."""
        names = [f"member{i + 1}" for i in range(size)]
        self.members = [Etcd(folder and folder / name, settings, name) for name in names]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def set_up(self):
        """The members know each other; none is started."""
        for member in self.members:
            member.choose_ports()
            member.token = self.members[0].token
        for member in self.members:
            member.cluster = {each.name: each.peer_url for each in self.members}

    def start(self):
        self.set_up()
        for member in self.members:
            member.launch()  # None serves before most are there.
        for member in self.members:
            member.wait_until_ready()
        return self

    def remove(self):
        for member in self.members:
            member.remove()

    @property
    def endpoints(self):
        return [member.endpoint for member in self.members]

    def url(self, prefix="nextid", **parameters):
        """The URL of nextid's store there, with all members."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"etcd://{','.join(self.endpoints)}/{prefix}" + (f"?{query}" if query else "")

    def ctl(self, *arguments, **options):
        return etcdctl(self.endpoints, *arguments, **options)

    def wait_for_leader(self):
        """The member that leads the majority; another than one that was just killed."""
        return poll(self.leader, "the cluster has a leader")

    def leader(self):
        """The member that leads; None when nobody that runs does."""
        for member in self.members:
            if member.is_running():
                done = etcdctl([member.endpoint], "endpoint", "status", check=False)
                if done.returncode == 0 and done.stdout.split(", ")[4] == "true":
                    return member
        return None


def etcdctl(endpoints, *arguments, **options):
    """One command of version 3; `options` are those of private_server.run()."""
    return run(program("etcdctl"), f"--endpoints={','.join(endpoints)}", *arguments,
               **{"env": {"ETCDCTL_API": "3"}, **options})
