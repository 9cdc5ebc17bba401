# SPDX-License-Identifier: Apache-2.0
# fish completion of hallmark(1); made by completions/make-completions.py, which has the table: change it there.

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

complete -c hallmark -n '__hallmark_at "" end' -f -a key -d 'make and show keys'
complete -c hallmark -n '__hallmark_at "" end' -f -a sign -d 'sign a request, without network'
complete -c hallmark -n '__hallmark_at "" end' -f -a maker -d 'a maker\'s side'
complete -c hallmark -n '__hallmark_at "" end' -f -a site -d 'a vendor\'s side'
complete -c hallmark -n '__hallmark_at "" end' -f -a trust -d 'which sites are trusted, and how far'
complete -c hallmark -n '__hallmark_at "" end' -f -a list -d 'what the trusted sites have released'
complete -c hallmark -n '__hallmark_at "" end' -f -a get -d 'get files of a release, verified'
complete -c hallmark -n '__hallmark_at "" end' -f -a sync -d 'keep a folder as a site\'s releases say'
complete -c hallmark -n '__hallmark_at "" end' -f -a verify -d 'is this file what somebody trusted released?'
complete -c hallmark -n '__hallmark_at "" end' -f -a bundle -d 'carry releases to a network without a connection'
complete -c hallmark -n '__hallmark_at "" end' -f -a image -d 'what firmware files are made of, and how they differ'
complete -c hallmark -n '__hallmark_at "" end' -f -a witness -d 'cosign the checkpoints of logs'
complete -c hallmark -n '__hallmark_at "" end' -f -a tuf -d 'plumbing: a plain TUF client on a folder'
complete -c hallmark -n '__hallmark_at "key" end' -f -a new -d 'make a key'
complete -c hallmark -n '__hallmark_at "key" end' -f -a show -d 'print a key\'s kind and ids'
complete -c hallmark -n '__hallmark_at "key" end' -f -a public -d 'print the public half of a private key'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a init -d 'make a maker\'s folder and its first identity'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a release -d 'add a release to what is signed for a site'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a attach -d 'add signatures that came back'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a rotate -d 'change the maker\'s keys'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a submission -d 'write a submission of what was signed last'
complete -c hallmark -n '__hallmark_at "maker" end' -f -a show -d 'print the maker\'s fingerprint and releases'
complete -c hallmark -n '__hallmark_at "site" end' -f -a init -d 'start a new site'
complete -c hallmark -n '__hallmark_at "site" end' -f -a attach -d 'add signatures that came back'
complete -c hallmark -n '__hallmark_at "site" end' -f -a enroll -d 'let a maker publish here'
complete -c hallmark -n '__hallmark_at "site" end' -f -a intake -d 'verify and keep a submission'
complete -c hallmark -n '__hallmark_at "site" end' -f -a pending -d 'list the submissions that wait'
complete -c hallmark -n '__hallmark_at "site" end' -f -a review -d 'show in words what waits'
complete -c hallmark -n '__hallmark_at "site" end' -f -a approve -d 'draft and sign the releases of submissions'
complete -c hallmark -n '__hallmark_at "site" end' -f -a reject -d 'turn a submission down'
complete -c hallmark -n '__hallmark_at "site" end' -f -a publish -d 'publish everything that is complete'
complete -c hallmark -n '__hallmark_at "site" end' -f -a renew -d 'sign again what ends soon'
complete -c hallmark -n '__hallmark_at "site" end' -f -a status -d 'show how long everything is valid'
complete -c hallmark -n '__hallmark_at "site" end' -f -a rotate -d 'change the keys of a role'
complete -c hallmark -n '__hallmark_at "site" end' -f -a witness -d 'say who must see the release log'
complete -c hallmark -n '__hallmark_at "trust" end' -f -a add -d 'trust a site'
complete -c hallmark -n '__hallmark_at "trust" end' -f -a list -d 'list the trusted sites'
complete -c hallmark -n '__hallmark_at "trust" end' -f -a show -d 'show a site, its makers and what is demanded of it'
complete -c hallmark -n '__hallmark_at "trust" end' -f -a policy -d 'change what is demanded of a site'
complete -c hallmark -n '__hallmark_at "trust" end' -f -a remove -d 'forget a site'
complete -c hallmark -n '__hallmark_at "bundle" end' -f -a export -d 'write what a site has into one file'
complete -c hallmark -n '__hallmark_at "bundle" end' -f -a import -d 'verify such a file and take it in'
complete -c hallmark -n '__hallmark_at "image" end' -f -a show -d 'print what a firmware file is made of'
complete -c hallmark -n '__hallmark_at "image" end' -f -a diff -d 'print what changed between two'
complete -c hallmark -n '__hallmark_at "image" end' -f -a extract -d 'write its parts into a folder'
complete -c hallmark -n '__hallmark_at "witness" end' -f -a init -d 'make a witness and its key'
complete -c hallmark -n '__hallmark_at "witness" end' -f -a log -d 'add, list and remove the logs that it cosigns'
complete -c hallmark -n '__hallmark_at "witness" end' -f -a serve -d 'cosign what logs send'
complete -c hallmark -n '__hallmark_at "witness" end' -f -a show -d 'print keys and what was cosigned'
complete -c hallmark -n '__hallmark_at tuf' -f -a init -d 'store a trusted root'
complete -c hallmark -n '__hallmark_at tuf' -f -a refresh -d 'update the metadata'
complete -c hallmark -n '__hallmark_at tuf' -f -a download -d 'refresh and get files'

complete -c hallmark -n '__hallmark_at "key new"' -F
complete -c hallmark -n '__hallmark_at "key new"' -l type -x -a 'ed25519 ecdsa-p256 ecdsa-p384 rsa-3072 rsa-4096' -d 'kind of key'
complete -c hallmark -n '__hallmark_at "key new"' -l no-passphrase -d 'only the file mode protects the key'
complete -c hallmark -n '__hallmark_at "key new"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "key new"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "key new"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "key show"' -F
complete -c hallmark -n '__hallmark_at "key show"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "key show"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "key show"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "key public"' -F
complete -c hallmark -n '__hallmark_at "key public"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "key public"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "sign"' -F
complete -c hallmark -n '__hallmark_at "sign"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "sign"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "sign"' -l yes -d 'do not ask'
complete -c hallmark -n '__hallmark_at "sign"' -l replace -d 'sign other bytes under a version signed before'
complete -c hallmark -n '__hallmark_at "sign"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "sign"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "sign"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "sign"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker init"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker init"' -l id -x -d 'ID of the maker'
complete -c hallmark -n '__hallmark_at "maker init"' -l name -x -d 'name'
complete -c hallmark -n '__hallmark_at "maker init"' -l public -r -F -d 'public key'
complete -c hallmark -n '__hallmark_at "maker init"' -l threshold -x -d 'how many keys must sign'
complete -c hallmark -n '__hallmark_at "maker init"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "maker init"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "maker init"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "maker init"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "maker init"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker release"' -F
complete -c hallmark -n '__hallmark_at "maker release"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker release"' -l for -x -d 'name of the site'
complete -c hallmark -n '__hallmark_at "maker release"' -l title -x -d 'title of the release'
complete -c hallmark -n '__hallmark_at "maker release"' -l label -x -d 'version as printed'
complete -c hallmark -n '__hallmark_at "maker release"' -l date -x -d 'date of the release'
complete -c hallmark -n '__hallmark_at "maker release"' -l device -x -d 'device that the release is for'
complete -c hallmark -n '__hallmark_at "maker release"' -l custom -r -F -d 'JSON object to say of each file'
complete -c hallmark -n '__hallmark_at "maker release"' -l expires -x -d 'how long it is valid, such as 3y'
complete -c hallmark -n '__hallmark_at "maker release"' -l replace -d 'drop a draft that waits for signatures'
complete -c hallmark -n '__hallmark_at "maker release"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "maker release"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "maker release"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "maker release"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "maker release"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker attach"' -F
complete -c hallmark -n '__hallmark_at "maker attach"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker attach"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "maker attach"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "maker attach"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker rotate"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l public -r -F -d 'public key'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l threshold -x -d 'how many keys must sign'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "maker rotate"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "maker rotate"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker submission"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker submission"' -l for -x -d 'name of the site'
complete -c hallmark -n '__hallmark_at "maker submission"' -l images -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder with the images'
complete -c hallmark -n '__hallmark_at "maker submission"' -l identity-only -d 'no release, only the identity'
complete -c hallmark -n '__hallmark_at "maker submission"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "maker submission"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "maker submission"' -l expires -x -d 'how long it is valid, such as 3y'
complete -c hallmark -n '__hallmark_at "maker submission"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "maker submission"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "maker submission"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "maker show"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "maker show"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "maker show"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site init"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site init"' -l name -x -d 'name'
complete -c hallmark -n '__hallmark_at "site init"' -l url -x -d 'URL of the site'
complete -c hallmark -n '__hallmark_at "site init"' -l trial -d 'all keys on this machine'
complete -c hallmark -n '__hallmark_at "site init"' -l root -r -F -d 'public key of the root role'
complete -c hallmark -n '__hallmark_at "site init"' -l targets -r -F -d 'public key of the targets role'
complete -c hallmark -n '__hallmark_at "site init"' -l release -r -F -d 'public key of an approver'
complete -c hallmark -n '__hallmark_at "site init"' -l recall -r -F -d 'public key for recalls'
complete -c hallmark -n '__hallmark_at "site init"' -l root-threshold -x -d 'how many root keys must sign'
complete -c hallmark -n '__hallmark_at "site init"' -l targets-threshold -x -d 'how many targets keys must sign'
complete -c hallmark -n '__hallmark_at "site init"' -l release-threshold -x -d 'how many approvers must sign'
complete -c hallmark -n '__hallmark_at "site init"' -l online -r -F -d 'private key of the site\'s online role'
complete -c hallmark -n '__hallmark_at "site init"' -l log-origin -x -d 'name of the release log'
complete -c hallmark -n '__hallmark_at "site init"' -l witness-policy -r -F -d 'witness, group and quorum lines'
complete -c hallmark -n '__hallmark_at "site init"' -l no-log -d 'keep no release log'
complete -c hallmark -n '__hallmark_at "site init"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site init"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site init"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site init"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site init"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site attach"' -F
complete -c hallmark -n '__hallmark_at "site attach"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site attach"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site attach"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site attach"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site attach"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site attach"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site enroll"' -F
complete -c hallmark -n '__hallmark_at "site enroll"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site enroll"' -l attested -d 'the vendor alone speaks for it'
complete -c hallmark -n '__hallmark_at "site enroll"' -l name -x -d 'name'
complete -c hallmark -n '__hallmark_at "site enroll"' -l approver -r -F -d 'public key of an approver'
complete -c hallmark -n '__hallmark_at "site enroll"' -l threshold -x -d 'how many keys must sign'
complete -c hallmark -n '__hallmark_at "site enroll"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site enroll"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site enroll"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site enroll"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site enroll"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site intake"' -F
complete -c hallmark -n '__hallmark_at "site intake"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site intake"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site intake"' -l attested -x -d 'ID/PRODUCT/VERSION'
complete -c hallmark -n '__hallmark_at "site intake"' -l origin -x -d 'who received it, when, from whom'
complete -c hallmark -n '__hallmark_at "site intake"' -l title -x -d 'title of the release'
complete -c hallmark -n '__hallmark_at "site intake"' -l label -x -d 'version as printed'
complete -c hallmark -n '__hallmark_at "site intake"' -l date -x -d 'date of the release'
complete -c hallmark -n '__hallmark_at "site intake"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site intake"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site pending"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site pending"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site pending"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site pending"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site review"' -f -a '(__hallmark_submissions)'
complete -c hallmark -n '__hallmark_at "site review"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site review"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site review"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site approve"' -f -a '(__hallmark_submissions)'
complete -c hallmark -n '__hallmark_at "site approve"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site approve"' -l all -d 'all that wait'
complete -c hallmark -n '__hallmark_at "site approve"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site approve"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site approve"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site approve"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site approve"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site reject"' -f -a '(__hallmark_submissions)'
complete -c hallmark -n '__hallmark_at "site reject"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site reject"' -l reason -x -d 'why'
complete -c hallmark -n '__hallmark_at "site reject"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site reject"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site publish"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site publish"' -l wait -x -d 'seconds to wait for another command'
complete -c hallmark -n '__hallmark_at "site publish"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site publish"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site publish"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site renew"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site renew"' -l force -d 'in any case'
complete -c hallmark -n '__hallmark_at "site renew"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site renew"' -l offline -x -d 'what ends within, such as 90d'
complete -c hallmark -n '__hallmark_at "site renew"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site renew"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site renew"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site renew"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site renew"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site status"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site status"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site status"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site status"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site rotate"' -f -a 'root targets online recalls~vendor'
complete -c hallmark -n '__hallmark_at "site rotate"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site rotate"' -l add -r -F -d 'public key to add'
complete -c hallmark -n '__hallmark_at "site rotate"' -l remove -r -F -d 'public key or key id to remove'
complete -c hallmark -n '__hallmark_at "site rotate"' -l threshold -x -d 'how many keys must sign'
complete -c hallmark -n '__hallmark_at "site rotate"' -l online -r -F -d 'private key of the site\'s online role'
complete -c hallmark -n '__hallmark_at "site rotate"' -l lost -d 'the online key is gone and cannot sign'
complete -c hallmark -n '__hallmark_at "site rotate"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site rotate"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site rotate"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site rotate"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site rotate"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "site witness"' -F
complete -c hallmark -n '__hallmark_at "site witness"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of the site or maker'
complete -c hallmark -n '__hallmark_at "site witness"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "site witness"' -l key -r -F -d 'private key to sign with'
complete -c hallmark -n '__hallmark_at "site witness"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "site witness"' -l passphrase-file -r -F -d 'file of mode 0600 with the passphrase'
complete -c hallmark -n '__hallmark_at "site witness"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "site witness"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "trust add"' -l trust -r -F -d 'trust file, got by another way than the site'
complete -c hallmark -n '__hallmark_at "trust add"' -l fingerprint -x -d 'of the trust file'
complete -c hallmark -n '__hallmark_at "trust add"' -l pin -x -d 'ID=FINGERPRINT of a maker'
complete -c hallmark -n '__hallmark_at "trust add"' -l floor -x -a 'maker attested' -d 'lowest grade to accept'
complete -c hallmark -n '__hallmark_at "trust add"' -l witness -x -d 'VKEY[,URL] of a witness that must cosign'
complete -c hallmark -n '__hallmark_at "trust add"' -l quorum -x -d 'how many of the witnesses'
complete -c hallmark -n '__hallmark_at "trust add"' -l log-policy -r -F -d 'witnesses, groups and quorum, as a tlog-policy'
complete -c hallmark -n '__hallmark_at "trust add"' -l log-max-age -x -d 'how old cosignatures may be, such as 3d'
complete -c hallmark -n '__hallmark_at "trust add"' -l mirror -x -d 'URL to get images from first'
complete -c hallmark -n '__hallmark_at "trust add"' -l accept-age -x -d 'how old a bundle may be, such as 30d'
complete -c hallmark -n '__hallmark_at "trust add"' -l proxy -x -d 'URL of the proxy'
complete -c hallmark -n '__hallmark_at "trust add"' -l cacert -r -F -d 'certificates to trust instead of the system\'s'
complete -c hallmark -n '__hallmark_at "trust add"' -l allow-http -d 'allow plain http to other machines'
complete -c hallmark -n '__hallmark_at "trust add"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "trust add"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "trust add"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "trust add"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "trust list"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "trust list"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "trust list"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "trust show"' -f -a '(__hallmark_sites)'
complete -c hallmark -n '__hallmark_at "trust show"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "trust show"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "trust show"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "trust policy"' -f -a '(__hallmark_sites)'
complete -c hallmark -n '__hallmark_at "trust policy"' -l floor -x -a 'maker attested' -d 'lowest grade to accept'
complete -c hallmark -n '__hallmark_at "trust policy"' -l pin -x -d 'ID=FINGERPRINT of a maker'
complete -c hallmark -n '__hallmark_at "trust policy"' -l unpin -x -d 'ID of a pin to drop'
complete -c hallmark -n '__hallmark_at "trust policy"' -l witness -x -d 'VKEY[,URL] of a witness that must cosign'
complete -c hallmark -n '__hallmark_at "trust policy"' -l quorum -x -d 'how many of the witnesses'
complete -c hallmark -n '__hallmark_at "trust policy"' -l log-policy -r -F -d 'witnesses, groups and quorum, as a tlog-policy'
complete -c hallmark -n '__hallmark_at "trust policy"' -l no-log-policy -d 'drop the witnesses demanded'
complete -c hallmark -n '__hallmark_at "trust policy"' -l log-max-age -x -d 'how old cosignatures may be, such as 3d'
complete -c hallmark -n '__hallmark_at "trust policy"' -l no-log-max-age -d 'drop the age of cosignatures'
complete -c hallmark -n '__hallmark_at "trust policy"' -l mirror -x -d 'URL to get images from first'
complete -c hallmark -n '__hallmark_at "trust policy"' -l unmirror -x -d 'URL of a mirror to drop'
complete -c hallmark -n '__hallmark_at "trust policy"' -l url -x -d 'URL of the site'
complete -c hallmark -n '__hallmark_at "trust policy"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "trust policy"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "trust policy"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "trust policy"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "trust remove"' -f -a '(__hallmark_sites)'
complete -c hallmark -n '__hallmark_at "trust remove"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "trust remove"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "trust remove"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "list"' -f -a '(__hallmark_paths)'
complete -c hallmark -n '__hallmark_at "list"' -l site -x -a '(__hallmark_sites)' -d 'name of the site'
complete -c hallmark -n '__hallmark_at "list"' -l offline -d 'make no connection'
complete -c hallmark -n '__hallmark_at "list"' -l changed -d 'what changed since this was last asked'
complete -c hallmark -n '__hallmark_at "list"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "list"' -l csv -d 'one line a file'
complete -c hallmark -n '__hallmark_at "list"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "list"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "list"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "get"' -f -a '(__hallmark_paths)'
complete -c hallmark -n '__hallmark_at "get"' -l site -x -a '(__hallmark_sites)' -d 'name of the site'
complete -c hallmark -n '__hallmark_at "get"' -l dry-run -d 'say what would be done'
complete -c hallmark -n '__hallmark_at "get"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "get"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "get"' -l no-progress -d 'no progress line'
complete -c hallmark -n '__hallmark_at "get"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "get"' -s d -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder'
complete -c hallmark -n '__hallmark_at "get"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "get"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "sync"' -f -a '(__hallmark_paths)'
complete -c hallmark -n '__hallmark_at "sync"' -l site -x -a '(__hallmark_sites)' -d 'name of the site'
complete -c hallmark -n '__hallmark_at "sync"' -l delete -d 'remove what is no longer released'
complete -c hallmark -n '__hallmark_at "sync"' -l dry-run -d 'say what would be done'
complete -c hallmark -n '__hallmark_at "sync"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "sync"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "sync"' -l no-progress -d 'no progress line'
complete -c hallmark -n '__hallmark_at "sync"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "sync"' -s d -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder'
complete -c hallmark -n '__hallmark_at "sync"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "verify"' -F
complete -c hallmark -n '__hallmark_at "verify"' -l site -x -a '(__hallmark_sites)' -d 'name of the site'
complete -c hallmark -n '__hallmark_at "verify"' -l max-age -x -d 'of the state, such as 7d'
complete -c hallmark -n '__hallmark_at "verify"' -l event-log -r -F -d 'TPM event log of a boot'
complete -c hallmark -n '__hallmark_at "verify"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "verify"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "verify"' -l no-progress -d 'no progress line'
complete -c hallmark -n '__hallmark_at "verify"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "verify"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "bundle export"' -f -a '(__hallmark_paths)'
complete -c hallmark -n '__hallmark_at "bundle export"' -l site -x -a '(__hallmark_sites)' -d 'name of the site'
complete -c hallmark -n '__hallmark_at "bundle export"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "bundle export"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "bundle export"' -l no-progress -d 'no progress line'
complete -c hallmark -n '__hallmark_at "bundle export"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "bundle export"' -s o -r -F -d 'file to write'
complete -c hallmark -n '__hallmark_at "bundle export"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "bundle import"' -F
complete -c hallmark -n '__hallmark_at "bundle import"' -l max-age -x -d 'of the state, such as 7d'
complete -c hallmark -n '__hallmark_at "bundle import"' -l accept-age -x -d 'how old a bundle may be, such as 30d'
complete -c hallmark -n '__hallmark_at "bundle import"' -l dry-run -d 'say what would be done'
complete -c hallmark -n '__hallmark_at "bundle import"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "bundle import"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "bundle import"' -l no-progress -d 'no progress line'
complete -c hallmark -n '__hallmark_at "bundle import"' -l home -x -a '(__fish_complete_directories (commandline -ct))' -d 'state folder'
complete -c hallmark -n '__hallmark_at "bundle import"' -s d -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder'
complete -c hallmark -n '__hallmark_at "bundle import"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "image show"' -F
complete -c hallmark -n '__hallmark_at "image show"' -l digests -d 'the digest of each part, too'
complete -c hallmark -n '__hallmark_at "image show"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "image show"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "image diff"' -F
complete -c hallmark -n '__hallmark_at "image diff"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "image diff"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "image extract"' -F
complete -c hallmark -n '__hallmark_at "image extract"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "image extract"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "witness init"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'the witness\'s folder'
complete -c hallmark -n '__hallmark_at "witness init"' -l name -x -d 'name'
complete -c hallmark -n '__hallmark_at "witness init"' -l ml-dsa -d 'a second key, of ML-DSA-44'
complete -c hallmark -n '__hallmark_at "witness init"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "witness init"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "witness init"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "witness log"' -f -a 'add list remove'
complete -c hallmark -n '__hallmark_at "witness log"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'the witness\'s folder'
complete -c hallmark -n '__hallmark_at "witness log"' -l origin -x -d 'first line of the log\'s checkpoints'
complete -c hallmark -n '__hallmark_at "witness log"' -l url -x -d 'where the log\'s tiles are'
complete -c hallmark -n '__hallmark_at "witness log"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "witness log"' -l quiet -d 'print nothing but failures'
complete -c hallmark -n '__hallmark_at "witness log"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "witness serve"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'the witness\'s folder'
complete -c hallmark -n '__hallmark_at "witness serve"' -l listen -x -d 'HOST:PORT or unix:PATH'
complete -c hallmark -n '__hallmark_at "witness serve"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "witness show"' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'the witness\'s folder'
complete -c hallmark -n '__hallmark_at "witness show"' -l json -d 'print JSON'
complete -c hallmark -n '__hallmark_at "witness show"' -l help -d 'print a summary'

complete -c hallmark -n '__hallmark_at "tuf"' -l metadata-dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'folder of trusted metadata'
complete -c hallmark -n '__hallmark_at "tuf"' -l metadata-url -x -d 'where the metadata is'
complete -c hallmark -n '__hallmark_at "tuf"' -l target-name -x -d 'target path'
complete -c hallmark -n '__hallmark_at "tuf"' -l target-dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'where downloads go'
complete -c hallmark -n '__hallmark_at "tuf"' -l target-base-url -x -d 'where the targets are'
complete -c hallmark -n '__hallmark_at "tuf"' -l help -d 'print a summary'
