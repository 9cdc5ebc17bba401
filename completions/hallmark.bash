# SPDX-License-Identifier: Apache-2.0
# bash completion of hallmark(1); made by completions/make-completions.py, which has the table: change it there.
# shellcheck disable=SC2207

# What may follow a command.
_hallmark_words() {
    case $1 in
    '') echo 'key sign maker site serve trust list get sync log judge dossier check receipts verify identify bundle image monitor witness tuf' ;;
    'key') echo 'new show public' ;;
    'maker') echo 'init release attach recall rotate submission show' ;;
    'site') echo 'init attach enroll intake pending review approve reject publish recall renew status rotate witness customer token grant revoke trail audit ledger backup restore' ;;
    'trust') echo 'add list show policy remove' ;;
    'log') echo 'absent prove history contradict' ;;
    'bundle') echo 'export import' ;;
    'image') echo 'show diff scan extract' ;;
    'witness') echo 'init log serve show' ;;
    'tuf') echo 'init refresh download' ;;
    esac
}

# Options of a command, one a line; '=' and what the value is.
_hallmark_options() {
    case $1 in
    'key new') printf '%s\n' '--type=ed25519 ecdsa-p256 ecdsa-p384 rsa-3072 rsa-4096' '--no-passphrase' '--passphrase-file=file' '--quiet' '--help' ;;
    'key show') printf '%s\n' '--json' '--passphrase-file=file' '--help' ;;
    'key public') printf '%s\n' '--passphrase-file=file' '--help' ;;
    'sign') printf '%s\n' '--key=file' '--passphrase-file=file' '--yes' '--replace' '--home=dir' '--quiet' '-o=file' '--help' ;;
    'maker init') printf '%s\n' '--dir=dir' '--id=text' '--name=text' '--public=file' '--threshold=text' '--external' '--key=file' '--passphrase-file=file' '--quiet' '-o=file' '--help' ;;
    'maker release') printf '%s\n' '--dir=dir' '--for=text' '--title=text' '--label=text' '--date=text' '--device=text' '--custom=file' '--expires=text' '--replace' '--external' '--key=file' '--passphrase-file=file' '--quiet' '-o=file' '--help' ;;
    'maker attach') printf '%s\n' '--dir=dir' '--quiet' '-o=file' '--help' ;;
    'maker recall') printf '%s\n' '--dir=dir' '--for=text' '--reason=text' '--remedy=text' '--title=text' '--url=text' '--external' '--key=file' '--passphrase-file=file' '--quiet' '-o=file' '--help' ;;
    'maker rotate') printf '%s\n' '--dir=dir' '--public=file' '--threshold=text' '--external' '--key=file' '--passphrase-file=file' '--quiet' '-o=file' '--help' ;;
    'maker submission') printf '%s\n' '--dir=dir' '--for=text' '--images=dir' '--identity-only' '--external' '--key=file' '--passphrase-file=file' '--expires=text' '--quiet' '-o=file' '--help' ;;
    'maker show') printf '%s\n' '--dir=dir' '--json' '--help' ;;
    'site init') printf '%s\n' '--dir=dir' '--name=text' '--url=text' '--trial' '--root=file' '--targets=file' '--release=file' '--recall=file' '--root-threshold=text' '--targets-threshold=text' '--release-threshold=text' '--online=file' '--log-origin=text' '--witness-policy=file' '--no-deliveries' '--no-log' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site attach') printf '%s\n' '--dir=dir' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site enroll') printf '%s\n' '--dir=dir' '--attested' '--name=text' '--approver=file' '--threshold=text' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site intake') printf '%s\n' '--dir=dir' '--json' '--attested=text' '--origin=text' '--title=text' '--label=text' '--date=text' '--quiet' '--help' ;;
    'site pending') printf '%s\n' '--dir=dir' '--json' '--quiet' '--help' ;;
    'site review') printf '%s\n' '--dir=dir' '--quiet' '--help' ;;
    'site approve') printf '%s\n' '--dir=dir' '--all' '--acknowledge=text' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site reject') printf '%s\n' '--dir=dir' '--reason=text' '--quiet' '--help' ;;
    'site publish') printf '%s\n' '--dir=dir' '--wait=text' '--json' '--quiet' '--help' ;;
    'site recall') printf '%s\n' '--dir=dir' '--wait=text' '--reason=text' '--remedy=text' '--title=text' '--notice=file' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site renew') printf '%s\n' '--dir=dir' '--force' '--json' '--offline=text' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site status') printf '%s\n' '--dir=dir' '--json' '--quiet' '--help' ;;
    'site rotate') printf '%s\n' '--dir=dir' '--add=file' '--remove=file' '--threshold=text' '--online=file' '--lost' '--log-origin=text' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site witness') printf '%s\n' '--dir=dir' '--json' '--key=file' '-o=file' '--passphrase-file=file' '--quiet' '--help' ;;
    'site customer') printf '%s\n' '--dir=dir' '--title=text' '--reason=text' '--by=text' '--wait=text' '--json' '--quiet' '--help' ;;
    'site token') printf '%s\n' '--dir=dir' '--label=text' '--expires=text' '--overlap=text' '--reason=text' '--by=text' '--wait=text' '--json' '-o=file' '--quiet' '--help' ;;
    'site grant') printf '%s\n' '--dir=dir' '--everyone' '--reason=text' '--by=text' '--wait=text' '--quiet' '--help' ;;
    'site revoke') printf '%s\n' '--dir=dir' '--everyone' '--reason=text' '--by=text' '--wait=text' '--quiet' '--help' ;;
    'site trail') printf '%s\n' '--dir=dir' '--wait=text' '--json' '--quiet' '--help' ;;
    'site audit') printf '%s\n' '--dir=dir' '--json' '--rate=text' '--part=text' '--from=text' '--progress' '--quiet' '--help' ;;
    'site ledger') printf '%s\n' '--dir=dir' '--customer=text' '--image=text' '--state=text' '--since=text' '--until=text' '--limit=text' '--recalled' '--export=dir' '--json' '--csv' '--wait=text' '--quiet' '--help' ;;
    'site backup') printf '%s\n' '--dir=dir' '--with-keys' '--verify' '--wait=text' '--quiet' '--help' ;;
    'site restore') printf '%s\n' '--dir=dir' '--accounts=file' '--served=text' '--cacert=file' '--check' '--confirm' '--reason=text' '--by=text' '--wait=text' '--quiet' '--help' ;;
    'serve') printf '%s\n' '--listen=text' '--open' '--name=text' '--certificate=file' '--certificate-key=file' '--rate=text' '--connections=text' '--bytes-per-second=text' '--workers=text' '--admin=text' '--access-log=file' '--stop-time=text' '--user=text' '--run=dir' '--nginx=file' '--trial' '--help' ;;
    'trust add') printf '%s\n' '--trust=file' '--fingerprint=text' '--pin=text' '--floor=maker attested' '--witness=text' '--quorum=text' '--log-policy=file' '--log-max-age=text' '--mirror=text' '--accept-age=text' '--proxy=text' '--cacert=file' '--token-file=file' '--allow-http' '--json' '--quiet' '--home=dir' '--help' ;;
    'trust list') printf '%s\n' '--json' '--home=dir' '--help' ;;
    'trust show') printf '%s\n' '--json' '--home=dir' '--help' ;;
    'trust policy') printf '%s\n' '--floor=maker attested' '--pin=text' '--unpin=text' '--witness=text' '--quorum=text' '--log-policy=file' '--no-log-policy' '--log-max-age=text' '--no-log-max-age' '--mirror=text' '--unmirror=text' '--url=text' '--cacert=file' '--token-file=file' '--no-token' '--deliveries=ask require never' '--json' '--quiet' '--home=dir' '--help' ;;
    'trust remove') printf '%s\n' '--quiet' '--home=dir' '--help' ;;
    'list') printf '%s\n' '--site=site' '--offline' '--changed' '--json' '--csv' '--quiet' '--home=dir' '--help' ;;
    'get') printf '%s\n' '--site=site' '--dry-run' '--despite-recall=text' '--json' '--quiet' '--no-progress' '--home=dir' '-d=dir' '-o=file' '--help' ;;
    'sync') printf '%s\n' '--site=site' '--delete' '--dry-run' '--json' '--quiet' '--no-progress' '--home=dir' '-d=dir' '--help' ;;
    'log absent') printf '%s\n' '--site=site' '--url=text' '--trust=file' '--proxy=text' '--cacert=file' '--allow-http' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'log prove') printf '%s\n' '--site=site' '--url=text' '--trust=file' '--proxy=text' '--cacert=file' '--allow-http' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'log history') printf '%s\n' '--site=site' '--url=text' '--trust=file' '--proxy=text' '--cacert=file' '--allow-http' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'log contradict') printf '%s\n' '--site=site' '--trust=file' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'judge') printf '%s\n' '--customer=text' '--release=text' '--image=text' '--received' '--never-received' '--rejected' '--withheld' '--at=text' '--revoked=text' '--trust=file' '--site=site' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'dossier') printf '%s\n' '--customer=text' '--release=text' '--image=text' '--received' '--never-received' '--rejected' '--withheld' '--at=text' '--revoked=text' '--site-dir=dir' '--trust=file' '--site=site' '--json' '--quiet' '--home=dir' '-o=file' '--help' ;;
    'check') printf '%s\n' '--trust=file' '--site=site' '--as-of=text' '--json' '--quiet' '--home=dir' '--help' ;;
    'receipts') printf '%s\n' '--update' '--image=text' '--path=text' '--since=text' '--state=text' '--export=file' '--site=site' '--json' '--csv' '--quiet' '--home=dir' '--help' ;;
    'verify') printf '%s\n' '--site=site' '--max-age=text' '--require-proof' '--event-log=file' '--quote=file' '--signature=file' '--key=file' '--nonce=text' '--json' '--quiet' '--no-progress' '--home=dir' '--help' ;;
    'identify') printf '%s\n' '--in=dir' '--raw' '--trace' '--site=site' '--max-age=text' '--json' '--quiet' '--no-progress' '--home=dir' '--help' ;;
    'bundle export') printf '%s\n' '--site=site' '--json' '--quiet' '--no-progress' '--home=dir' '-o=file' '--help' ;;
    'bundle import') printf '%s\n' '--max-age=text' '--accept-age=text' '--dry-run' '--json' '--quiet' '--no-progress' '--home=dir' '-d=dir' '--help' ;;
    'image show') printf '%s\n' '--digests' '--json' '--help' ;;
    'image diff') printf '%s\n' '--json' '--help' ;;
    'image scan') printf '%s\n' '--rules=file' '--deny=file' '--json' '--help' ;;
    'image extract') printf '%s\n' '--json' '--help' ;;
    'monitor') printf '%s\n' '--site=site' '--every=text' '--mine=file' '--deny=file' '--stale=text' '--growth=text' '--grace=text' '--webhook=text' '--syslog=file' '--prom=file' '--again' '--list' '--acknowledge=text' '--json' '--quiet' '--home=dir' '--help' ;;
    'witness init') printf '%s\n' '--dir=dir' '--name=text' '--ml-dsa' '--json' '--quiet' '--help' ;;
    'witness log') printf '%s\n' '--dir=dir' '--origin=text' '--url=text' '--trust=file' '--site=text' '--json' '--quiet' '--help' ;;
    'witness serve') printf '%s\n' '--dir=dir' '--listen=text' '--audit' '--cacert=file' '--help' ;;
    'witness show') printf '%s\n' '--dir=dir' '--json' '--help' ;;
    'tuf') printf '%s\n' '--metadata-dir=dir' '--metadata-url=text' '--target-name=text' '--target-dir=dir' '--target-base-url=text' '--help' ;;
    '') printf '%s\n' --help --version ;;
    *) echo --help ;;
    esac
}

# What the operands of a command are.
_hallmark_operand() {
    case $1 in
    'key new') echo 'file' ;;
    'key show') echo 'file' ;;
    'key public') echo 'file' ;;
    'sign') echo 'file' ;;
    'maker release') echo 'file' ;;
    'maker attach') echo 'file' ;;
    'site attach') echo 'file' ;;
    'site enroll') echo 'file' ;;
    'site intake') echo 'file' ;;
    'site review') echo 'submission' ;;
    'site approve') echo 'submission' ;;
    'site reject') echo 'submission' ;;
    'site rotate') echo 'root targets online recalls~vendor log deliveries' ;;
    'site witness') echo 'file' ;;
    'site customer') echo 'add disable enable key list show' ;;
    'site token') echo 'add list revoke rotate' ;;
    'site backup') echo 'dir' ;;
    'site restore') echo 'dir' ;;
    'serve') echo 'dir' ;;
    'trust show') echo 'site' ;;
    'trust policy') echo 'site' ;;
    'trust remove') echo 'site' ;;
    'list') echo 'path' ;;
    'get') echo 'path' ;;
    'sync') echo 'path' ;;
    'log absent') echo 'path' ;;
    'log prove') echo 'path' ;;
    'log history') echo 'path' ;;
    'log contradict') echo 'file' ;;
    'judge') echo 'file' ;;
    'dossier') echo 'file' ;;
    'check') echo 'file' ;;
    'verify') echo 'file' ;;
    'identify') echo 'file' ;;
    'bundle export') echo 'path' ;;
    'bundle import') echo 'file' ;;
    'image show') echo 'file' ;;
    'image diff') echo 'file' ;;
    'image scan') echo 'file' ;;
    'image extract') echo 'file' ;;
    'witness log') echo 'add list remove' ;;
    esac
}

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
