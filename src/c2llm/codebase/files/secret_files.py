"""Files that hold secrets, by their names and by the way they begin.

Git tracks them more often than anyone meant to, so that they are left out whatever the files of a
repository say of them. Only the user takes them back: `C2LLM_INCLUDE_SECRETS=1`, or
`include_secrets` in Python. A source file that merely is about secrets (`credentials.go`, `env.py`,
`id_rsa_test.go`) is none: what counts is a name by which programs look for their secrets.
"""

from __future__ import annotations

import os
import re

from c2llm.lazy_pattern import lazy_pattern

SECRET = "secret"
"""The reason that is counted."""
SECRETS_VERSION = 2
"""Raised whenever what is below judges a name in another way."""
VARIABLE = "C2LLM_INCLUDE_SECRETS"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# All of names in lower case.
_NAMES = _names(
    """
    .envrc .netrc _netrc netrc .npmrc .pypirc .pgpass pgpass.conf .my.cnf .mylogin.cnf .htpasswd
    .htdigest .dockercfg .dockerconfigjson .git-credentials .s3cfg .boto .fetchmailrc .msmtprc
    .authinfo .ftpconfig .ftpquota .vault-token .vault_pass .vault-pass .vault_password
    vault_pass.txt vault-pass.txt .databrickscfg .terraformrc terraform.rc credentials.tfrc.json
    kaggle.json .twurlrc .credentials .secret .secrets
    id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk id_xmss
    ssh_host_rsa_key ssh_host_dsa_key ssh_host_ecdsa_key ssh_host_ed25519_key
    rootkey.csv accesskeys.csv new_user_credentials.csv client_secret.json client_secrets.json
    application_default_credentials.json gcp-key.json gcp_key.json gcloud-service-key.json
    terraform.tfvars terraform.tfvars.json rclone.conf .rclone.conf secring.gpg private.gpg
    private.asc privkey privatekey firebase-adminsdk.json
    .bash_history .zsh_history .python_history .psql_history .mysql_history .sqlite_history
    .rediscli_history .node_repl_history wallet.dat
    """
)
_EXTENSIONS = _names(
    """
    pem key p12 pfx p8 pkcs12 ppk jks keystore bcfks jceks kdb kdbx keychain keytab ovpn tfstate
    htpasswd env kubeconfig pvk agekey
    """
)
_ENDINGS = (
    *("_rsa", "_dsa", "_ecdsa", "_ed25519", ".tfstate.backup", ".secret.tfvars", ".secrets.tfvars"),
)
_SETTINGS = _names(
    """
    json yml yaml toml ini cfg conf config xml csv txt properties db env plist bak old orig tfvars
    local
    """
)
"""Extensions of what programs read their credentials from; a source file has another one."""
_TOLD = lazy_pattern(
    r"""(.*[-_.])? (credentials? | secrets | service[-_]?account(s)?([-_]?keys?)? | private[-_]?key
        | client[-_]secrets?[-_].* | kube[-_]?config | .*-firebase-adminsdk-.*)
        ([-_.](prod|production|stage|staging|dev|development|local|test|live|[0-9a-f]{12}))*""",
    re.VERBOSE,
)
"""What the name of such a file is before its extension."""
_HINT = lazy_pattern("credential|secret|account|private|kube|firebase")
"""One of its words, which few names have."""
_BARE = _names("credentials kubeconfig .kubeconfig aws_credentials")
_PROJECT_KEY = lazy_pattern(r"[a-z][a-z0-9-]*-[0-9a-f]{12}\.json")
"""As Google names the key of a service account that it gives out."""
_ENVIRONMENT = lazy_pattern(r"\.env([-_.].+)?")
_IN_FOLDERS = {
    ".aws": _names("credentials config"),
    ".azure": _names("accesstokens.json msal_token_cache.json"),
    ".cargo": _names("credentials credentials.toml"),
    ".composer": _names("auth.json"),
    ".docker": _names("config.json"),
    ".kube": _names("config"),
    ".m2": _names("settings.xml settings-security.xml"),
    ".oci": _names("config"),
    "etc": _names("shadow gshadow"),
    "gh": _names("hosts.yml"),
}
"""Names that are a secret in a directory of this name."""
_FOLDERS = _names(".ssh .gnupg .password-store")
"""Directories of which nothing is read."""
_NO_SECRET_IN = _names("templates locale locales i18n l10n lang translations")
"""Directories where a name like `secrets.yaml` is that of a template or of translated sentences."""
_ASIDE = _names("bak backup old orig save copy swp swo txt b64 base64")
"""Extensions that stand behind the whole name of a file which was put aside."""
_COPY = lazy_pattern(rf"(?<=.)(~|\.({'|'.join(sorted(_ASIDE))}|[0-9]{{1,8}}))+$")
_EXAMPLE = lazy_pattern(
    r"(^|[-_.])(examples?|samples?|templates?|tmpl|tpl|j2|erb|dist|defaults?|schema|d|md|mdx|rst"
    r"|enc|sops|ts|tsx|js|mjs|cjs|jsx|py|rb|go|rs|php|java|kt|cs|sh)([-_.]|$)"
)
"""Parts of a name that make it an example, a template, encrypted or a source file."""
_PRIVATE_KEY = lazy_pattern(
    rb"\s*(-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-\d)"
)
_HEAD_BYTES = 8_192
_SERVICE_ACCOUNT = lazy_pattern(rb'"type"\s*:\s*"service_account"')


_SOMEWHERE = frozenset[str]().union(*_IN_FOLDERS.values())
_WATCHED = (
    _EXTENSIONS | _SETTINGS | _ASIDE | {name.rpartition(".")[2] for name in _NAMES | _SOMEWHERE}
)
"""Extensions, and names without one or with nothing else, of all that could be a secret: most files
have another one, and nothing else is asked of them."""


def includes_secrets() -> bool:
    """Whether the user wants them read: `C2LLM_INCLUDE_SECRETS` is set to anything but 0."""
    return os.environ.get(VARIABLE, "0").strip().lower() not in ("", "0", "no", "false", "off")


def is_secret(name: str, parent: str) -> bool:
    """Whether a file of this name is one by which programs find their secrets.

    Args:
        name: Name of the file.
        parent: Path of its directory below the root, "" or ending in `/`.
    """
    dot = name.rfind(".")
    extension = name[dot + 1 :].lower()
    if (
        dot >= 0
        and extension not in _WATCHED
        and not name.startswith((".env", ".ENV"))
        and not extension.endswith("~")
        and not extension.isdecimal()
    ):
        return False
    name = name.lower()
    copied = _COPY.sub("", name)
    return _is_secret(name, parent) or (copied != name and _is_secret(copied, parent))


def _is_secret(name: str, parent: str) -> bool:
    if name in _NAMES:
        return True
    dot = name.rfind(".")
    extension = name[dot + 1 :]
    return (
        (dot >= 0 and extension in _EXTENSIONS)
        or name.endswith(_ENDINGS)
        or (name.startswith(".env") and _ENVIRONMENT.fullmatch(name) is not None)
        or _is_told(name, extension, parent)
    ) and _EXAMPLE.search(name) is None


def _is_told(name: str, extension: str, parent: str) -> bool:
    """Whether the words of a name, or it and its directory together, say that it is one."""
    folders = parent.lower().rstrip("/").split("/") if name in _SOMEWHERE else []
    if folders and name in _IN_FOLDERS.get(folders[-1], ()):
        return True
    if extension in _SETTINGS and _HINT.search(name):
        told = _TOLD.fullmatch(name[: -len(extension) - 1]) is not None
    else:
        told = name in _BARE or (extension == "json" and _PROJECT_KEY.fullmatch(name) is not None)
    return told and _NO_SECRET_IN.isdisjoint(parent.lower().split("/"))


def is_secret_directory(name: str) -> bool:
    """Whether a directory of this name holds keys."""
    return name.startswith(".") and name.lower() in _FOLDERS


def holds_secret(content: bytes) -> bool:
    """Whether a file that begins like this is a key, whatever its name.

    Args:
        content: The file, or its first bytes; no more than a few kilobytes are looked at.
    """
    head = content[:_HEAD_BYTES]
    if _PRIVATE_KEY.match(head):
        return True
    return (
        head.lstrip()[:1] == b"{"
        and b'"private_key"' in head
        and _SERVICE_ACCOUNT.search(head) is not None
    )
