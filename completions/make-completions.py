#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the completions for bash, zsh and fish from one table of commands and options.

usage: completions/make-completions.py [FOLDER]     default: this file's own

Run it after a change of the table. tests/cli/test_manuals.py checks that the files are what this makes, and that the table says
the same as `hallmark COMMAND --help`.
"""
import sys
from pathlib import Path

# What a value or an operand is; TEXT completes to nothing.
TEXT, FILE, DIR, SITE, PATH, SUBMISSION, ROLE, ACTION = "text", "file", "dir", "site", "path", "submission", "role", "action"
CUSTOMER_ACTION, TOKEN_ACTION = "customer action", "token action"
TYPE = ("ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096")
GRADE = ("maker", "attested")
STATE = ("requested", "offered", "served-unacked", "acknowledged", "rejected")
DELIVERIES = ("ask", "require", "never")
ACTIONS = ("add", "list", "remove")
CUSTOMER_ACTIONS = ("add", "disable", "enable", "key", "list", "show")
TOKEN_ACTIONS = ("add", "list", "revoke", "rotate")
ROLES = ("root", "targets", "online", "recalls~vendor", "log", "deliveries")
# Operands that are one of a few words.
WORDS = {ACTION: ACTIONS, ROLE: ROLES, CUSTOMER_ACTION: CUSTOMER_ACTIONS, TOKEN_ACTION: TOKEN_ACTIONS}

# Meaning of an option wherever it stands: what its value is (None: it has none), and a word on it.
OPTIONS = {
    "--as-of": (TEXT, "judge as of this time"),
    "--at": (TEXT, "the time in dispute"),
    "--customer": (TEXT, "account at the site"),
    "--image": (TEXT, "SHA-256 of the image"),
    "--never-received": (None, "claim that it was never received"),
    "--received": (None, "claim that it was received"),
    "--rejected": (None, "claim that it was rejected"),
    "--revoked": (TEXT, "KEYNAME=TIME of a client key"),
    "--site-dir": (DIR, "the site's folder"),
    "--withheld": (None, "claim that the site did not answer"),
    "--audit": (None, "cosign only what was recomputed"),
    "--from": (TEXT, "path to go on behind"),
    "--part": (TEXT, "K/N: images of this part alone"),
    "--progress": (None, "tell how far it is"),
    "--accounts": (FILE, "a newer accounts.db"),
    "--check": (None, "ask again whether anything newer is about"),
    "--confirm": (None, "a person's word that nothing newer is about"),
    "--image": (TEXT, "SHA-256 of an image"),
    "--path": (TEXT, "pattern of paths"),
    "--served": (TEXT, "URL or folder of what is served now"),
    "--since": (TEXT, "a date, or a duration such as 30d"),
    "--state": (STATE, "state of deliveries"),
    "--update": (None, "ask for what is missing"),
    "--verify": (None, "read back what was not copied again, too"),
    "--with-keys": (None, "private keys too"),
    "--accept-age": (TEXT, "how old a bundle may be, such as 30d"),
    "--access-log": (FILE, "file to log requests to"),
    "--acknowledge": (TEXT, "id of an alarm (or all) or finding"),
    "--add": (FILE, "public key to add"),
    "--admin": (TEXT, "HOST:PORT for health and metrics"),
    "--again": (None, "tell also what was told before"),
    "--all": (None, "all that wait"),
    "--allow-http": (None, "allow plain http to other machines"),
    "--approver": (FILE, "public key of an approver"),
    "--attested": (None, "the vendor alone speaks for it"),
    "--by": (TEXT, "who changes this, for the trail"),
    "--bytes-per-second": (TEXT, "limit of one transfer"),
    "--cacert": (FILE, "certificates to trust instead of the system's"),
    "--certificate": (FILE, "certificate of the server, in PEM"),
    "--certificate-key": (FILE, "private key of the certificate"),
    "--changed": (None, "what changed since this was last asked"),
    "--connections": (TEXT, "images under way of one customer"),
    "--csv": (None, "one line a file"),
    "--customer": (TEXT, "of this customer only"),
    "--custom": (FILE, "JSON object to say of each file"),
    "--date": (TEXT, "date of the release"),
    "--delete": (None, "remove what is no longer released"),
    "--deny": (FILE, "digests of what nobody may use"),
    "--deliveries": (DELIVERIES, "whether downloads are offered and receipted"),
    "--despite-recall": (TEXT, "recalls/ID/NAME.json: get what it took back"),
    "--device": (TEXT, "device that the release is for"),
    "--digests": (None, "the digest of each part, too"),
    "--dir": (DIR, "folder of the site or maker"),
    "--dry-run": (None, "say what would be done"),
    "--everyone": (None, "to whoever has a token"),
    "--every": (TEXT, "look again after this pause"),
    "--event-log": (FILE, "TPM event log of a boot"),
    "--expires": (TEXT, "how long it is valid, such as 3y"),
    "--export": (FILE, "write the one delivery there"),
    "--external": (None, "write what is to be signed for a signing service"),
    "--fingerprint": (TEXT, "of the trust file"),
    "--floor": (GRADE, "lowest grade to accept"),
    "--for": (TEXT, "name of the site"),
    "--force": (None, "in any case"),
    "--grace": (TEXT, "how long something may lag"),
    "--growth": (TEXT, "how long a log may have no new entry"),
    "--help": (None, "print a summary"),
    "--home": (DIR, "state folder"),
    "--id": (TEXT, "ID of the maker"),
    "--identity-only": (None, "no release, only the identity"),
    "--image": (TEXT, "SHA-256, path or file"),
    "--images": (DIR, "folder with the images"),
    "--in": (DIR, "folder with files to compare with"),
    "--json": (None, "print JSON"),
    "--key": (FILE, "key to sign with, or that signed"),
    "--label": (TEXT, "version as printed"),
    "--list": (None, "print the alarms that are known"),
    "--listen": (TEXT, "HOST:PORT or unix:PATH"),
    "--log-max-age": (TEXT, "how old cosignatures may be, such as 3d"),
    "--log-policy": (FILE, "witnesses, groups and quorum, as a tlog-policy"),
    "--log-origin": (TEXT, "name of the release log"),
    "--lost": (None, "the online key is gone and cannot sign"),
    "--max-age": (TEXT, "of the state, such as 7d"),
    "--metadata-dir": (DIR, "folder of trusted metadata"),
    "--metadata-url": (TEXT, "where the metadata is"),
    "--mine": (FILE, "ID=FILE or a maker's folder: what was released"),
    "--ml-dsa": (None, "a second key, of ML-DSA-44"),
    "--mirror": (TEXT, "URL to get images from first"),
    "--name": (TEXT, "name"),
    "--no-deliveries": (None, "state no deliveries"),
    "--no-log": (None, "keep no release log"),
    "--nginx": (FILE, "program to run as nginx"),
    "--no-log-max-age": (None, "drop the age of cosignatures"),
    "--no-log-policy": (None, "drop the witnesses demanded"),
    "--no-passphrase": (None, "only the file mode protects the key"),
    "--no-token": (None, "send no token"),
    "--no-progress": (None, "no progress line"),
    "--nonce": (TEXT, "nonce of the quote, in hexadecimal"),
    "--notice": (FILE, "a maker's recalls"),
    "--offline": (None, "make no connection"),
    "--online": (FILE, "private key of the site's online role"),
    "--open": (None, "metadata for everybody"),
    "--origin": (TEXT, "who received it, when, from whom"),
    "--output": (FILE, "file to write"),
    "--overlap": (TEXT, "how long the old one goes on, such as 7d"),
    "--passphrase-file": (FILE, "file of mode 0600 with the passphrase"),
    "--pin": (TEXT, "ID=FINGERPRINT of a maker"),
    "--prom": (FILE, "file for Prometheus"),
    "--proxy": (TEXT, "URL of the proxy"),
    "--public": (FILE, "public key"),
    "--quorum": (TEXT, "how many of the witnesses"),
    "--quiet": (None, "print nothing but failures"),
    "--quote": (FILE, "what a TPM says of its PCRs"),
    "--rate": (TEXT, "requests a second of a token, or bytes a second"),
    "--raw": (None, "compare the bytes as they are"),
    "--reason": (TEXT, "why"),
    "--recall": (FILE, "public key for recalls"),
    "--release": (FILE, "public key of an approver"),
    "--release-threshold": (TEXT, "how many approvers must sign"),
    "--remedy": (TEXT, "what customers are to do"),
    "--remove": (FILE, "public key or key id to remove"),
    "--replace": (None, "sign other bytes under a version signed before"),
    "--require-proof": (None, "cannot tell without the proof of the release log"),
    "--root": (FILE, "public key of the root role"),
    "--root-threshold": (TEXT, "how many root keys must sign"),
    "--run": (DIR, "folder for sockets and what is made at start"),
    "--rules": (FILE, "YARA rules, or a folder of them"),
    "--signature": (FILE, "signature of the quote"),
    "--site": (SITE, "name of the site"),
    "--stale": (TEXT, "how old cosignatures may be"),
    "--stop-time": (TEXT, "for transfers under way, such as 60s"),
    "--syslog": (FILE, "socket of the system's log"),
    "--target-base-url": (TEXT, "where the targets are"),
    "--target-dir": (DIR, "where downloads go"),
    "--target-name": (TEXT, "target path"),
    "--targets": (FILE, "public key of the targets role"),
    "--targets-threshold": (TEXT, "how many targets keys must sign"),
    "--threshold": (TEXT, "how many keys must sign"),
    "--title": (TEXT, "title of the release"),
    "--token-file": (FILE, "file of mode 0600 with the token for the site's server"),
    "--trace": (None, "where the release comes from"),
    "--trial": (None, "all keys on this machine"),
    "--trust": (FILE, "trust file, got by another way than the site"),
    "--type": (TYPE, "kind of key"),
    "--unmirror": (TEXT, "URL of a mirror to drop"),
    "--unpin": (TEXT, "ID of a pin to drop"),
    "--limit": (TEXT, "so many at most, the newest"),
    "--recalled": (None, "images that were taken back"),
    "--since": (TEXT, "from this time on"),
    "--state": (TEXT, "in this state only"),
    "--until": (TEXT, "before this time"),
    "--url": (TEXT, "URL of the site"),
    "--user": (TEXT, "to serve as, under root"),
    "--wait": (TEXT, "seconds to wait for another command"),
    "--webhook": (TEXT, "URL to post alarms to"),
    "--witness": (TEXT, "VKEY[,URL] of a witness that must cosign"),
    "--witness-policy": (FILE, "witness, group and quorum lines"),
    "--workers": (TEXT, "how many processes decide"),
    "--yes": (None, "do not ask"),
    "-d": (DIR, "folder"),
    "-o": (FILE, "file to write"),
}
# Where one command means something else.
EXCEPTIONS = {
    ("serve", "--listen"): (TEXT, "HOST:PORT"),
    ("judge", "--release"): (TEXT, "MAKER/PRODUCT/VERSION"),
    ("dossier", "--release"): (TEXT, "MAKER/PRODUCT/VERSION"),
    ("serve", "--name"): (TEXT, "host for a certificate of its own"),
    ("serve", "--trial"): (None, "plain HTTP on this machine, without nginx"),
    ("site ledger", "--export"): (DIR, "folder for a file of each"),
    ("site customer", "--title"): (TEXT, "who the customer is"),
    ("site token", "--label"): (TEXT, "what the token is for"),
    ("site token", "-o"): (FILE, "file to write the token to"),
    ("site intake", "--attested"): (TEXT, "ID/PRODUCT/VERSION"),
    ("maker release", "--replace"): (None, "drop a draft that waits for signatures"),
    ("witness init", "--dir"): (DIR, "the witness's folder"),
    ("witness log", "--dir"): (DIR, "the witness's folder"),
    ("witness log", "--origin"): (TEXT, "first line of the log's checkpoints"),
    ("witness log", "--url"): (TEXT, "where the log's tiles are"),
    ("witness log", "--trust"): (FILE, "trust file of the site, for an auditor"),
    ("witness log", "--site"): (TEXT, "where the site is, if not as the trust file says"),
    ("witness serve", "--dir"): (DIR, "the witness's folder"),
    ("witness show", "--dir"): (DIR, "the witness's folder"),
    ("site renew", "--offline"): (TEXT, "what ends within, such as 90d"),
}

# Command: summary, operands, options. --help is everywhere.
COMMANDS = {
    "key": ("make and show keys", None, ""),
    "key new": ("make a key", FILE, "--type --no-passphrase --passphrase-file --quiet"),
    "key show": ("print a key's kind and ids", FILE, "--json --passphrase-file"),
    "key public": ("print the public half of a private key", FILE, "--passphrase-file"),
    "sign": ("sign a request, without network", FILE, "--key --passphrase-file --yes --replace --home --quiet -o"),
    "maker": ("a maker's side", None, ""),
    "maker init": ("make a maker's folder and its first identity", None, "--dir --id --name --public --threshold --external --key --passphrase-file --quiet -o"),
    "maker release": ("add a release to what is signed for a site", FILE,
                      "--dir --for --title --label --date --device --custom --expires --replace --external --key --passphrase-file --quiet"
                      " -o"),
    "maker attach": ("add signatures that came back", FILE, "--dir --quiet -o"),
    "maker recall": ("take back files signed for a site", None, "--dir --for --reason --remedy --title --url --external --key --passphrase-file --quiet -o"),
    "maker rotate": ("change the maker's keys", None, "--dir --public --threshold --external --key --passphrase-file --quiet -o"),
    "maker submission": ("write a submission of what was signed last", None,
                         "--dir --for --images --identity-only --external --key --passphrase-file --expires --quiet -o"),
    "maker show": ("print the maker's fingerprint and releases", None, "--dir --json"),
    "site": ("a vendor's side", None, ""),
    "site init": ("start a new site", None,
                  "--dir --name --url --trial --root --targets --release --recall --root-threshold --targets-threshold"
                  " --release-threshold --online --log-origin --witness-policy --no-deliveries --no-log --key -o"),
    "site attach": ("add signatures that came back", FILE, "--dir --key -o"),
    "site enroll": ("let a maker publish here", FILE, "--dir --attested --name --approver --threshold --key -o"),
    "site intake": ("verify and keep a submission", FILE, "--dir --json --attested --origin --title --label --date"),
    "site pending": ("list the submissions that wait", None, "--dir --json"),
    "site review": ("show in words what waits", SUBMISSION, "--dir"),
    "site approve": ("draft and sign the releases of submissions", SUBMISSION, "--dir --all --acknowledge --key -o"),
    "site reject": ("turn a submission down", SUBMISSION, "--dir --reason"),
    "site publish": ("publish everything that is complete", None, "--dir --wait --json"),
    "site recall": ("take back what was released", None, "--dir --wait --reason --remedy --title --notice --key -o"),
    "site renew": ("sign again what ends soon", None, "--dir --force --json --offline --key -o"),
    "site status": ("show how long everything is valid", None, "--dir --json"),
    "site rotate": ("change the keys of a role", ROLE, "--dir --add --remove --threshold --online --lost --log-origin --key -o"),
    "site witness": ("say who must see the release log", FILE, "--dir --json --key -o"),
    "site customer": ("add, list and disable customers", CUSTOMER_ACTION, "--dir --title --reason --by --wait --json"),
    "site token": ("make and revoke customers' tokens", TOKEN_ACTION,
                   "--dir --label --expires --overlap --reason --by --wait --json -o"),
    "site grant": ("let a customer download", None, "--dir --everyone --reason --by --wait"),
    "site revoke": ("take a grant back", None, "--dir --everyone --reason --by --wait"),
    "site trail": ("who changed what of customers", None, "--dir --wait --json"),
    "site audit": ("compare what is stored with what was signed", None, "--dir --json --rate --part --from --progress"),
    "site ledger": ("who got which image, by signed deliveries", None,
                    "--dir --customer --image --state --since --until --limit --recalled --export --json --csv --wait"),
    "site backup": ("make a backup while the site runs", DIR, "--dir --with-keys --verify --wait"),
    "site restore": ("put a site back from a backup", DIR, "--dir --accounts --served --cacert --check --confirm --reason --by --wait"),
    "serve": ("serve a site to its customers over HTTPS", DIR,
              "--listen --open --name --certificate --certificate-key --rate --connections --bytes-per-second --workers --admin"
              " --access-log --stop-time --user --run --nginx --trial"),
    "trust": ("which sites are trusted, and how far", None, ""),
    "trust add": ("trust a site", None,
                  "--trust --fingerprint --pin --floor --witness --quorum --log-policy --log-max-age --mirror --accept-age --proxy --cacert --token-file --allow-http --json --quiet --home"),
    "trust list": ("list the trusted sites", None, "--json --home"),
    "trust show": ("show a site, its makers and what is demanded of it", SITE, "--json --home"),
    "trust policy": ("change what is demanded of a site", SITE,
                     "--floor --pin --unpin --witness --quorum --log-policy --no-log-policy --log-max-age --no-log-max-age --mirror --unmirror --url --cacert --token-file --no-token --deliveries --json --quiet --home"),
    "trust remove": ("forget a site", SITE, "--quiet --home"),
    "list": ("what the trusted sites have released", PATH, "--site --offline --changed --json --csv --quiet --home"),
    "get": ("get files of a release, verified", PATH, "--site --dry-run --despite-recall --json --quiet --no-progress --home -d -o"),
    "sync": ("keep a folder as a site's releases say", PATH,
             "--site --delete --dry-run --json --quiet --no-progress --home -d"),
    "log": ("what a site published and never did, with proof for others", None, ""),
    "log absent": ("prove that a version was never published", PATH, "--site --url --trust --proxy --cacert --allow-http --json --quiet --home -o"),
    "log prove": ("prove that a release was published", PATH, "--site --url --trust --proxy --cacert --allow-http --json --quiet --home -o"),
    "log history": ("all versions of a product ever, with proof", PATH, "--site --url --trust --proxy --cacert --allow-http --json --quiet --home -o"),
    "log contradict": ("a release's proof against the proof of its absence", FILE, "--site --trust --json --quiet --home -o"),
    "judge": ("what do both sides' statements say of a delivery?", FILE,
              "--customer --release --image --received --never-received --rejected --withheld --at --revoked --trust --site --json --quiet --home -o"),
    "dossier": ("all about a delivery in one file, for others to check", FILE,
                "--customer --release --image --received --never-received --rejected --withheld --at --revoked --site-dir --trust --site --json"
                " --quiet --home -o"),
    "check": ("does evidence hold, by what is trusted?", FILE, "--trust --site --as-of --json --quiet --home"),
    "receipts": ("what was delivered here, as both sides have signed it", None,
                 "--update --image --path --since --state --export --site --json --csv --quiet --home"),
    "verify": ("is this file what somebody trusted released?", FILE, "--site --max-age --require-proof --event-log --quote --signature --key --nonce --json --quiet --no-progress --home"),
    "identify": ("which release is this file or flash dump, by its bytes?", FILE,
                 "--in --raw --trace --site --max-age --json --quiet --no-progress --home"),
    "bundle": ("carry releases to a network without a connection", None, ""),
    "bundle export": ("write what a site has into one file", PATH, "--site --json --quiet --no-progress --home -o"),
    "bundle import": ("verify such a file and take it in", FILE,
                      "--max-age --accept-age --dry-run --json --quiet --no-progress --home -d"),
    "image": ("what firmware files are made of, and how they differ", None, ""),
    "image show": ("print what a firmware file is made of", FILE, "--digests --json"),
    "image diff": ("print what changed between two", FILE, "--json"),
    "image scan": ("look for what should not be in it", FILE, "--rules --deny --json"),
    "image extract": ("write its parts into a folder", FILE, "--json"),
    "monitor": ("follow the logs of sites, and raise alarms", None,
                "--site --every --mine --deny --stale --growth --grace --webhook --syslog --prom --again --list --acknowledge --json --quiet"
                " --home"),
    "witness": ("cosign the checkpoints of logs", None, ""),
    "witness init": ("make a witness and its key", None, "--dir --name --ml-dsa --json --quiet"),
    "witness log": ("add, list and remove the logs that it cosigns", ACTION, "--dir --origin --url --trust --site --json --quiet"),
    "witness serve": ("cosign what logs send", None, "--dir --listen --audit --cacert"),
    "witness show": ("print keys and what was cosigned", None, "--dir --json"),
    "tuf": ("plumbing: a plain TUF client on a folder", None,
            "--metadata-dir --metadata-url --target-name --target-dir --target-base-url"),
}
# Words after "tuf" that are no commands with options of their own.
TUF_WORDS = {"init": "store a trusted root", "refresh": "update the metadata", "download": "refresh and get files"}

MADE_BY = "made by completions/make-completions.py, which has the table: change it there"


def options_of(command):
    """[(option, kind, description)] of a command, --help last."""
    names = COMMANDS[command][2].split()
    if command.startswith("site "):  # each of them has these
        names += ["--passphrase-file", "--quiet"] if "--key" in names else ["--quiet"]
    names.append("--help")
    return [(name, *EXCEPTIONS.get((command, name), OPTIONS[name])) for name in names]


def children_of(command):
    """{word: summary} of what may follow a command."""
    if command == "tuf":
        return TUF_WORDS
    depth = len(command.split()) + 1
    return {name.split()[-1]: entry[0] for name, entry in COMMANDS.items()
            if len(name.split()) == depth and f"{name} ".startswith(f"{command} ".lstrip())}


def leaves():
    return [name for name in COMMANDS if name == "tuf" or not children_of(name)]


def groups():
    return ["", *(name for name in COMMANDS if children_of(name))]


def kind_word(kind):
    return " ".join(kind) if isinstance(kind, tuple) else kind


# ---- bash

BASH_END = r"""
# The values of option $1 that begin with $2; kinds as in the table.
_hallmark_complete() {
    local IFS=$'\n'
    case $1 in
    file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$2")) ;;
    dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$2")) ;;
    site) COMPREPLY=($(compgen -W "$(hallmark trust list 2>/dev/null | cut -d ' ' -f 1)" -- "$2")) ;;
    path) COMPREPLY=($(compgen -W "$(hallmark list --offline --csv 2>/dev/null | tail -n +2 | cut -d , -f 2)" -- "$2")) ;;
    submission) COMPREPLY=($(compgen -W "$(hallmark site pending 2>/dev/null | grep -o -E '^[0-9a-f]{12}')" -- "$2")) ;;
    text | '') ;;
    *) COMPREPLY=($(compgen -W "${1// /$'\n'}" -- "$2")) ;;
    esac
}

_hallmark() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' words options option i
    COMPREPLY=()
    # "--option=value" comes as three words.
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        words=$(_hallmark_words "$command")
        if [[ " $words " == *" ${COMP_WORDS[i]} "* ]]; then
            command=${command:+$command }${COMP_WORDS[i]}
        elif [[ $command != tuf ]]; then
            break
        fi
    done
    words=$(_hallmark_words "$command")
    [[ $command != tuf* ]] || command=tuf
    options=$(_hallmark_options "$command")
    while IFS= read -r option; do
        if [[ $prev == "${option%%=*}" && $option == *=* ]]; then
            _hallmark_complete "${option#*=}" "$cur"
            return
        fi
    done <<<"$options"
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(cut -d = -f 1 <<<"$options")" -- "$cur"))
    elif [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    else
        _hallmark_complete "$(_hallmark_operand "$command")" "$cur"
    fi
}

complete -F _hallmark hallmark
"""


def make_bash():
    out = ["# SPDX-License-Identifier: Apache-2.0", f"# bash completion of hallmark(1); {MADE_BY}.", "# shellcheck disable=SC2207", "",
           "# What may follow a command.", "_hallmark_words() {", "    case $1 in"]
    for group in groups():
        out.append(f"    '{group}') echo '{' '.join(children_of(group))}' ;;")
    out += ["    esac", "}", "", "# Options of a command, one a line; '=' and what the value is.", "_hallmark_options() {", "    case $1 in"]
    for command in leaves():
        words = [name if kind is None else f"{name}={kind_word(kind)}" for name, kind, _ in options_of(command)]
        out.append(f"    '{command}') printf '%s\\n' {' '.join(repr(w) for w in words)} ;;")
    out += ["    '') printf '%s\\n' --help --version ;;", "    *) echo --help ;;", "    esac", "}", "", "# What the operands of a command are.", "_hallmark_operand() {", "    case $1 in"]
    for command in leaves():
        operand = COMMANDS[command][1]
        if operand:
            out.append(f"    '{command}') echo '{kind_word(WORDS.get(operand, operand))}' ;;")
    out += ["    esac", "}"]
    return "\n".join(out) + "\n" + BASH_END


# ---- zsh

ZSH_ACTIONS = {TEXT: " ", FILE: "_files", DIR: "_files -/", SITE: "_hallmark_sites", PATH: "_hallmark_paths",
               SUBMISSION: "_hallmark_submissions"}

ZSH_END = r"""
_hallmark_sites() {
    local -a names=(${(f)"$(hallmark trust list 2>/dev/null | cut -d ' ' -f 1)"})
    compadd -a names
}

_hallmark_paths() {
    local -a paths=(${(f)"$(hallmark list --offline --csv 2>/dev/null | tail -n +2 | cut -d , -f 2)"})
    _multi_parts / paths
}

_hallmark_submissions() {
    local -a ids=(${(f)"$(hallmark site pending 2>/dev/null | grep -o -E '^[0-9a-f]{12}')"})
    compadd -a ids
}

_hallmark() {
    local command='' context state line
    local -a specs followers
    local -i i
    for ((i = 2; i < CURRENT; i++)); do
        _hallmark_followers "$command"
        if (( ${followers[(I)${words[i]}:*]} )); then
            command=${command:+$command }${words[i]}
        else
            break
        fi
    done
    [[ $command != tuf* ]] || { command=tuf; i=3; }
    _hallmark_followers "$command"
    if [[ $command != tuf ]] && (( $#followers )); then
        if [[ $PREFIX == -* ]]; then
            compadd -- --help
        else
            _describe -t commands 'command' followers
        fi
        return
    fi
    _hallmark_specs "$command"
    shift $((i - 2)) words
    (( CURRENT -= i - 2 ))
    _arguments -s -S : $specs
}

_hallmark "$@"
"""


def zsh_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_text(text):
    return text.replace(":", "\\:").replace("[", "\\[").replace("]", "\\]")


def zsh_action(kind):
    return f"({' '.join(kind)})" if isinstance(kind, tuple) else ZSH_ACTIONS[kind]


def make_zsh():
    out = ["#compdef hallmark", "# SPDX-License-Identifier: Apache-2.0", f"# zsh completion of hallmark(1); {MADE_BY}.", "",
           "_hallmark_followers() {", "    followers=()", "    case $1 in"]
    for group in groups():
        out.append(f"    '{group}') followers=(")
        out += [f"        {zsh_quote(word + ':' + zsh_text(text))}" for word, text in children_of(group).items()]
        out.append("    ) ;;")
    out += ["    esac", "}", "", "_hallmark_specs() {", "    case $1 in"]
    for command in leaves():
        out.append(f"    '{command}') specs=(")
        for name, kind, text in options_of(command):
            spec = f"*{name}" + ("=" if kind and name.startswith("--") else "") + f"[{zsh_text(text)}]"
            out.append("        " + zsh_quote(spec + (f":{zsh_text(text)}:{zsh_action(kind)}" if kind else "")))
        operand = COMMANDS[command][1]
        if command == "tuf":
            out.append("        " + zsh_quote(f"1:command:({' '.join(TUF_WORDS)})"))
            out.append("        '2:root:_files'")
        elif operand:
            out.append("        " + zsh_quote(f"*:{operand}:{zsh_action(WORDS.get(operand, operand))}"))
        out.append("    ) ;;")
    out += ["    esac", "}"]
    return "\n".join(out) + "\n" + ZSH_END


# ---- fish

FISH_ARGUMENTS = {
    TEXT: "-x", FILE: "-r -F", DIR: "-x -a '(__fish_complete_directories (commandline -ct))'", SITE: "-x -a '(__hallmark_sites)'",
}
FISH_OPERANDS = {
    FILE: "-F", DIR: "-f -a '(__fish_complete_directories (commandline -ct))'", SITE: "-f -a '(__hallmark_sites)'", PATH: "-f -a '(__hallmark_paths)'", SUBMISSION: "-f -a '(__hallmark_submissions)'",
    ROLE: f"-f -a '{' '.join(ROLES)}'",
    ACTION: f"-f -a '{' '.join(ACTIONS)}'",
    CUSTOMER_ACTION: f"-f -a '{' '.join(CUSTOMER_ACTIONS)}'",
    TOKEN_ACTION: f"-f -a '{' '.join(TOKEN_ACTIONS)}'",
}

FISH_BEGIN = r"""
# True if the words so far begin with exactly this command.
function __hallmark_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l wanted (string split -n ' ' -- $argv[1])
    set -l count (count $wanted)
    if test $count -gt 0
        test (count $words) -ge $count; or return 1
        test "$words[1..$count]" = "$argv[1]"; or return 1
    end
    # A group is at the end of the words; a command may have more behind it.
    if test "$argv[2]" = end
        test (count $words) -eq $count; or return 1
    end
    return 0
end

function __hallmark_sites
    hallmark trust list 2>/dev/null | string split -f 1 ' '
end

function __hallmark_paths
    hallmark list --offline --csv 2>/dev/null | tail -n +2 | string split -f 2 ,
end

function __hallmark_submissions
    hallmark site pending 2>/dev/null | string match -r '^[0-9a-f]{12}'
end

complete -c hallmark -f
"""


def fish_quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def make_fish():
    out = ["# SPDX-License-Identifier: Apache-2.0", f"# fish completion of hallmark(1); {MADE_BY}.", FISH_BEGIN]
    for group in groups():
        for word, text in children_of(group).items():
            where = "__hallmark_at tuf" if group == "tuf" else f'__hallmark_at "{group}" end'
            out.append(f"complete -c hallmark -n '{where}' -f -a {word} -d {fish_quote(text)}")
    for command in leaves():
        out.append("")
        where = f'-n \'__hallmark_at "{command}"\''
        if COMMANDS[command][1]:
            out.append(f"complete -c hallmark {where} {FISH_OPERANDS[COMMANDS[command][1]]}")
        for name, kind, text in options_of(command):
            flag = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
            values = "" if kind is None else f" -x -a '{' '.join(kind)}'" if isinstance(kind, tuple) else " " + FISH_ARGUMENTS[kind]
            out.append(f"complete -c hallmark {where} {flag}{values} -d {fish_quote(text)}")
    return "\n".join(out) + "\n"


FILES = {"hallmark.bash": make_bash, "_hallmark": make_zsh, "hallmark.fish": make_fish}


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    for name, make in FILES.items():
        (folder / name).write_text(make())


if __name__ == "__main__":
    main()
