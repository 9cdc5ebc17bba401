/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a site's release log (log_key.h). */
#include "site/log_key.h"

#include "tlog/checkpoint.h"

enum hm_rc hm_log_key_origin(const char *url, struct hm_err *err, struct hm_buf *ret_origin)
{
    _hm_done_(hm_buf_done) struct hm_buf origin = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 8);
    const char *start = strstr(url, "://");
    size_t size;

    if (url[0] == '\0')
        return hm_fail(err, HM_EFORMAT, "the site's URL is empty");
    start = start == NULL ? url : start + strlen("://");
    size = strlen(start);
    if (size > 0 && start[size - 1] == '/')
        size--;
    HM_TRY(hm_buf_append(&origin, hm_bytes_make(start, size), err));
    HM_TRY(hm_buf_append_str(&origin, "/log", err));
    if (size == 0 || origin.size > HM_CHECKPOINT_ORIGIN_SIZE_MAX ||
        !hm_note_key_is_name(hm_buf_bytes(&origin)))
        return hm_fail(err, HM_EUSAGE,
                       "'%s' makes no name for the release log: it may have no space and no '+', "
                       "and at most %d bytes; give another with --log-origin",
                       url, HM_CHECKPOINT_ORIGIN_SIZE_MAX);
    return hm_buf_append(ret_origin, hm_buf_bytes(&origin), err);
}

enum hm_rc hm_log_key_make(const char *origin, const struct hm_signer *signer, struct hm_err *err,
                           struct hm_note_key **ret_key)
{
    if (!hm_note_key_is_name(hm_bytes_str(origin)))
        return hm_fail(err, HM_EUSAGE,
                       "'%s' cannot name a release log: 1 to %d bytes without space and '+'",
                       origin, HM_CHECKPOINT_ORIGIN_SIZE_MAX);
    return hm_note_key_make(origin, HM_NOTE_ED25519, hm_signer_key(signer), err, ret_key);
}

enum hm_rc hm_log_key_create(const struct hm_dir *private_dir, const char *stem, const char *origin,
                             struct hm_err *err, struct hm_note_key **ret_key)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    char file[64], name[32];

    HM_TRY(hm_signer_generate("ed25519", err, &signer));
    HM_TRY(hm_log_key_make(origin, signer, err, &key));
    (void)snprintf(name, sizeof(name), "%s", stem);
    (void)snprintf(file, sizeof(file), "keys/%s.pem", stem);
    if (hm_dir_has(private_dir, file))
        (void)snprintf(name, sizeof(name), "%s-%.8s", stem, hm_key_id(hm_signer_key(signer)));
    HM_TRY(hm_approvers_store_signer(private_dir, name, signer, err));
    *ret_key = hm_steal(&key);
    return HM_OK;
}

enum hm_rc hm_log_key_find(const struct hm_dir *private_dir, enum hm_approvers_kind kind,
                           const struct hm_note_key *key, struct hm_err *err,
                           struct hm_signer **ret_signer)
{
    _hm_done_(hm_roles_signers_done) struct hm_signers signers = HM_SIGNERS_INIT;

    *ret_signer = NULL;
    HM_TRY(hm_approvers_signers(private_dir, kind, err, &signers));
    for (size_t i = 0; i < signers.count; i++) {
        _hm_free_(hm_note_key_free) struct hm_note_key *own = NULL;

        if (key->kind != HM_NOTE_ED25519 ||
            hm_note_key_make(key->name, key->kind, hm_signer_key(signers.items[i]), NULL, &own) !=
                HM_OK ||
            !hm_note_key_is_same_key(own, key))
            continue;
        *ret_signer = hm_steal(&signers.items[i]);
        return HM_OK;
    }
    return HM_OK;
}

enum hm_rc hm_log_key_load(const struct hm_dir *private_dir, const struct hm_note_key *key,
                           struct hm_err *err, struct hm_signer **ret_signer)
{
    HM_TRY(hm_log_key_find(private_dir, HM_APPROVERS_LOG, key, err, ret_signer));
    if (*ret_signer != NULL)
        return HM_OK;
    return hm_fail(err, HM_EINPUT,
                   "the key of the release log '%s' is not in private/keys, where root names it: "
                   "put it back, or succeed the log with 'hallmark site rotate log'",
                   key->name);
}
