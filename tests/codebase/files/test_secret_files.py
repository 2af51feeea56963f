"""Files that hold secrets are left out whatever a repository says; code about secrets is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.codebase.files.secret_files import VARIABLE, holds_secret, is_secret
from c2llm.codebase.files.walk import list_changes, list_files, walk
from c2llm.index.build.cutting import cut_file
from tests.codebase.files.trees import git, make, needs_git, paths, reasons

SECRETS = """
    .env .env.local .env.production .env.test .env.development.local .env-prod .env_prod prod.env
    .ENV .envrc id_rsa id_ed25519 deploy_rsa ssh_host_ed25519_key server.pem server.key cert.p12
    a.pfx a.p8 key.ppk release.jks app.keystore krb5.keytab vpn.ovpn Passwords.kdbx
    .netrc _netrc .npmrc .pypirc .pgpass .htpasswd .git-credentials .dockercfg .s3cfg
    credentials credentials.json credentials.yml db_credentials.json my-credentials.yaml
    credentials.csv aws_credentials secrets.yml secrets.json secrets.toml app.secrets.json
    secrets.production.yml private_key.txt service-account.json service_account.json
    serviceAccountKey.json my-service-account-prod.json gcp-service-account.json
    client_secret_12-ab.apps.googleusercontent.com.json google-credentials.json
    shop-firebase-adminsdk-ab1c2-0123456789.json my-project-1a2b3c4d5e6f.json
    kubeconfig kubeconfig.yaml kube-config.yml prod.kubeconfig master.key
    terraform.tfstate terraform.tfstate.backup prod.tfstate terraform.tfvars prod.secrets.tfvars
    .aws/credentials .aws/config .docker/config.json .kube/config .cargo/credentials.toml
    .m2/settings.xml deploy/etc/shadow
    id_rsa.bak id_rsa~ id_ed25519.txt server.pem.bak server.key.old server.pem~ tls.key.1 .env~
    .envrc.bak .netrc.orig credentials.old .aws/credentials.save key.p12.b64 id_rsa.old.bak
    .config/gcloud/application_default_credentials.json gcp_key.json netrc rclone.conf
    secring.gpg private.asc firebase-adminsdk.json
"""
CODE = """
    env.py env.go .env.example .env.sample .env.template .env.dist .env.defaults .env.local.example
    .env.d.ts .env.ts example.env env.example dotenv.js environment.ts .environment
    credentials.go credentials.py Credentials.java credentials.tf credentials_test.go
    credentials.md credentials.schema.json credentials.example.json useCredentials.ts
    secrets.py secret.go secrets.rs secrets_manager.py secrets.md secrets.example.yml secret.yaml
    chart/templates/secrets.yaml app/locales/en/credentials.json
    id_rsa_test.go id_rsa.pub id_rsa.go my_rsa.py rsa.go key.py keys.json public.json hash.key.ts
    service_account.py service-account.ts service_account_test.go serviceaccount.go
    kubeconfig.go kubeconfig_loader.py netrc.py npmrc.js keychain.swift passwd.c shadow.py
    terraform.tf variables.tf dev.tfvars terraform.tfvars.example main-app.json package.json
    .env.example.bak env.old key.txt libc.so.6 id_rsa.go.orig notes.txt~ a.1 config.old
    config config.json settings.xml tokens.json auth.json monkey turkey.txt credentials.yml.enc
"""


def split(path: str) -> tuple[str, str]:
    parent, slash, name = path.rpartition("/")
    return name, parent + slash


@pytest.mark.parametrize("path", SECRETS.split())
def test_secrets(path: str) -> None:
    assert is_secret(*split(path))


@pytest.mark.parametrize("path", CODE.split())
def test_no_secrets(path: str) -> None:
    assert not is_secret(*split(path))


PEM = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (PEM, True),
        (b"\n-----BEGIN RSA PRIVATE KEY-----\n", True),
        (b"-----BEGIN PRIVATE KEY-----\n", True),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", True),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\n", True),
        (b'{\n  "type": "service_account",\n  "private_key": "-----BEGIN', True),
        (b"-----BEGIN PUBLIC KEY-----\n", False),
        (b'KEY = """-----BEGIN PRIVATE KEY-----"""\n', False),
        (b'{"type": "service_account", "email": ""}', False),
        (b'{"private_key": "path/to/it"}', False),
        (b"", False),
    ],
)
def test_what_begins_as_a_key_is_one(head: bytes, expected: bool) -> None:
    assert holds_secret(head) == expected


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    return make(
        tmp_path,
        {
            "app.py": "x = 1\n",
            ".env": "TOKEN=1\n",
            "deploy/id_rsa": PEM,
            "deploy/door": PEM,
            ".ssh/config": "Host a\n",
            ".env.example": "TOKEN=\n",
        },
    )


ALL = {".env", "deploy/id_rsa", ".ssh/", "deploy/door"}


def test_no_file_of_the_repository_takes_them_back(tree: Path) -> None:
    rules = "!.env\n!id_rsa\n!.ssh/\n!door\n!*\n"
    make(tree, {".c2llmignore": rules, ".gitignore": rules, "deploy/.c2llmignore": "!*\n"})
    make(tree, {".gitattributes": "* -linguist-generated -linguist-vendored\n"})
    report = walk(tree)
    assert reasons(report) == dict.fromkeys(ALL, "secret")
    assert {"app.py", ".env.example"} <= paths(report)


@needs_git
def test_that_git_tracks_them_changes_nothing(tree: Path) -> None:
    make(tree, {".gitignore": "deploy/\n"})
    git(tree, "init", "-q")
    git(tree, "add", "-f", ".")
    assert reasons(walk(tree)) == dict.fromkeys(ALL, "secret")


def test_the_user_takes_them_back(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = {"app.py", ".env", "deploy/id_rsa", "deploy/door", ".ssh/config", ".env.example"}
    assert paths(walk(tree, include_secrets=True)) == everything
    monkeypatch.setenv(VARIABLE, "1")
    assert paths(walk(tree)) == everything
    assert paths(walk(tree, include_secrets=False)) == {"app.py", ".env.example"}
    monkeypatch.setenv(VARIABLE, "0")
    assert paths(walk(tree)) == {"app.py", ".env.example"}


def test_a_key_is_not_cut_whatever_its_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = next(file for file in list_files(tree).files if file.path == "deploy/door")
    assert cut_file(door).skipped == "secret"
    monkeypatch.setenv(VARIABLE, "1")
    assert cut_file(door).skipped == ""


def test_who_changes_his_mind_is_heeded_at_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    before = list_files(tree)
    known = {file.path: (file.path, file.size, file.mtime_ns, file.inode) for file in before.files}
    assert list_changes(tree, known, before.rules)[1] == set(known)
    monkeypatch.delenv(VARIABLE)
    report, same = list_changes(tree, known, before.rules)
    assert ".env" not in same and reasons(report)[".env"] == "secret"
