/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys named on the command line (keys.h). */
#include "keys.h"

#define HM_KEYS_ATTEMPT_COUNT_MAX   3
#define HM_KEYS_PASSPHRASE_SIZE_MAX 1024

static enum hm_rc ask(void *ctx, const char *path, int attempt, struct hm_err *err,
                      struct hm_secret *ret_passphrase)
{
    const char *file = ctx;
    char prompt[512];

    if (file != NULL && attempt == 0)
        return hm_secret_read(file, HM_KEYS_PASSPHRASE_SIZE_MAX, true, err, ret_passphrase);
    if (file != NULL || attempt >= HM_KEYS_ATTEMPT_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "'%s': wrong passphrase", path);
    (void)snprintf(prompt, sizeof(prompt),
                   "%sPassphrase of '%.400s': ", attempt == 0 ? "" : "Wrong. ", path);
    return hm_secret_ask(prompt, err, ret_passphrase);
}

enum hm_rc hm_keys_load_one(const char *path, const char *passphrase_file, struct hm_err *err,
                            struct hm_signer **ret_signer)
{
    char *copy = NULL;
    enum hm_rc rc;

    if (passphrase_file != NULL) {
        copy = strdup(passphrase_file);
        if (copy == NULL)
            return hm_error_nomem(err);
    }
    rc = hm_signer_load(path, ask, copy, err, ret_signer);
    free(copy);
    return rc;
}

void hm_keys_done(struct hm_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        hm_signer_free(keys->signers[i]);
    keys->count = 0;
}

enum hm_rc hm_keys_add(struct hm_keys *keys, const char *path, struct hm_err *err)
{
    if (keys->path_count >= HM_KEYS_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d keys", HM_KEYS_COUNT_MAX);
    keys->paths[keys->path_count++] = path;
    return HM_OK;
}

enum hm_rc hm_keys_load(struct hm_keys *keys, struct hm_err *err)
{
    for (size_t i = keys->count; i < keys->path_count; i++) {
        HM_TRY(hm_keys_load_one(keys->paths[i], keys->passphrase_file, err,
                                &keys->signers[keys->count]));
        keys->count++;
    }
    return HM_OK;
}
