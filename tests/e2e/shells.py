"""Shells in which a person types a line and presses the tabulator."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from nextid import BINARY, PATIENCE, REPOSITORY, environment

SCRIPTS = REPOSITORY / "packaging" / "completions"


class Shell:
    """One that is started for each line, in `directory`, where `nextid` is a command."""
    program = None

    def __init__(self, directory, tools, env=None):
        self.directory = directory
        tools.mkdir(exist_ok=True)
        if not (tools / "nextid").exists():
            (tools / "nextid").symlink_to(BINARY)
        self.env = {**environment(env), "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(directory),
                    "TERM": "dumb", "LC_ALL": "C.UTF-8"}

    @classmethod
    def is_here(cls):
        return shutil.which(cls.program) is not None


class Interactive(Shell):
    """On a terminal of its own."""
    arguments = ()
    setup = ""

    def completed(self, line):
        """What the line becomes."""
        # A letter more, since zsh takes a blank back that nothing follows; and echo in front of it all.
        return self._type(line + "\tx" + "\x01echo '<\x05>'\r", r"\n<(.*)x>\r?\n").group(1)

    def listed(self, line, last):
        """What the shell shows of a line with several ways to go on, up to a word of it at least."""
        return self._type(line + "\t", rf"(?<!\S){re.escape(last)}(?!\S)").string

    def _type(self, text, expected):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.directory)
            os.execvpe(self.program, [self.program, *self.arguments], self.env)
        try:
            os.write(terminal, f"{self.setup}\r".encode())
            self._read(terminal, r"\n *READY> ")
            os.write(terminal, text.encode())
            return self._read(terminal, expected)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)

    def _read(self, terminal, expected):
        output = ""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = re.search(expected, output)
            if found:
                return found
            left = deadline - time.monotonic()
            ready, _, _ = select.select([terminal], [], [], max(left, 0))
            assert ready, f"{expected!r} did not come, but {output!r}"
            output += os.read(terminal, 65536).decode(errors="replace").replace("\a", "")


class Bash(Interactive):
    program = "bash"
    arguments = ("--norc", "--noprofile", "-i")
    setup = (f"bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0';"
             f" bind 'set enable-bracketed-paste off'; source {SCRIPTS}/nextid.bash; stty cols 1000; PS1='READY'\"> \"")


class Zsh(Interactive):
    program = "zsh"
    arguments = ("-f", "-i")
    setup = (f"stty cols 1000; bindkey -e; unsetopt prompt_sp prompt_cr; fpath=({SCRIPTS} $fpath);"
             " autoload -U compinit; compinit -u -D; LISTMAX=1000; PS1='READY'\"> \"")


class Fish(Shell):
    program = "fish"

    def candidates(self, line):
        done = subprocess.run(
            [self.program, "--no-config", "-c", f"source {SCRIPTS}/nextid.fish; complete -C $argv[1]", line],
            cwd=self.directory, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
        return [candidate.split("\t")[0] for candidate in done.stdout.splitlines()]

    def completed(self, line):
        candidates = self.candidates(line)
        before, _, word = line.rpartition(" ")
        common = os.path.commonprefix(candidates) or word
        is_done = len(candidates) == 1 and common[-1] not in "/:=,"
        return f"{before} {common}{' ' if is_done else ''}"

    def listed(self, line, last):
        return " ".join(self.candidates(line))


SHELLS = [Bash, Zsh, Fish]
