"""A throw-away clone of the working tree, in which the pipeline runs at smoke size and without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ddet import paths


class Clone:
    """Copy what git tracks (and what is new and not ignored) into a repository of its own."""

    def __init__(self, folder: Path, profile: str = "smoke"):
        self.root, self.log = folder, folder.with_name(folder.name + ".offline.log")
        listed = self._git(paths.ROOT, "ls-files", "-co", "--exclude-standard").splitlines()
        for name in listed:
            if (paths.ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(paths.ROOT / name, folder / name)
        shutil.copy(folder / "profiles" / f"{profile}.yaml", folder / "params.yaml")
        self._git(folder, "init", "-q")
        self.commit("start")

    @staticmethod
    def _git(folder: Path, *words: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        dates = {f"GIT_{who}_DATE": "2024-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
        how = {"env": os.environ | dates, "capture_output": True, "text": True, "check": True}  # pages name a commit:
        return subprocess.run(["git", *identity, *words], cwd=folder, **how).stdout  # that of the same tree is the same

    def git(self, *words: str) -> str:
        return self._git(self.root, *words)

    def commit(self, subject: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", subject)

    @property
    def env(self) -> dict[str, str]:
        here = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        here["PYTHONPATH"] = os.pathsep.join([str(self.root), str(paths.ROOT / "tests" / "offline")])
        here["DDET_OFFLINE_LOG"] = str(self.log)
        here |= {"DVC_NO_ANALYTICS": "1", "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@localhost"}
        here |= {"GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@localhost"}
        return {**os.environ, **here}

    def start(self, *words: str) -> subprocess.Popen:
        """Start a command of its own process group, its output to <clone>/../<name>.out."""
        out = open(self.root.with_name(self.root.name + ".out"), "ab")  # noqa: SIM115 (the child holds it)
        return subprocess.Popen(words, cwd=self.root, env=self.env, stdout=out, stderr=out, start_new_session=True)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(words, cwd=self.root, env=self.env, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done

    def files(self, *patterns: str) -> dict[str, bytes]:
        """Read files by glob pattern, keyed by their path in the clone."""
        found = sorted(f for p in patterns for f in self.root.glob(p) if f.is_file())
        return {f.relative_to(self.root).as_posix(): f.read_bytes() for f in found}
