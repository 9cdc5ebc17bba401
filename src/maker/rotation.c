/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's identity from version to version (rotation.h). */
#include "maker/rotation.h"

#include "base/file.h"

#define ROLE "identity"

uint32_t hm_rotation_threshold(size_t count)
{
    return (uint32_t)(count / 2 + 1);
}

/* True if the newest identity has just these keys and this threshold already. */
static bool is_same(const struct hm_folder *folder, const struct hm_identity *next)
{
    return folder->identity != NULL &&
           hm_keyring_is_same_role(&folder->identity->keys, &next->keys) &&
           strcmp(folder->identity->name, next->name) == 0;
}

/* What was just written, read back as people will see it: refused while nothing is on disk. */
static enum hm_rc check_draft(const struct hm_folder *folder, struct hm_bytes canonical,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_identity_unsigned next = {NULL};
    bool same;

    HM_TRY(hm_envelope_write(canonical, NULL, 0, err, &raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    HM_TRY(hm_identity_read_unsigned(hm_envelope_unsigned(envelope), err, &next));
    same = is_same(folder, next.content);
    hm_identity_free(next.content);
    if (same)
        return hm_fail(err, HM_EUSAGE,
                       "the newest identity of maker '%s' has exactly these keys and this "
                       "threshold: nothing to rotate",
                       folder->maker);
    return HM_OK;
}

enum hm_rc hm_rotation_draft(const struct hm_folder *folder, const struct hm_key *const *keys,
                             size_t key_count, uint32_t threshold, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    int64_t version = folder->identity == NULL ? 1 : folder->identity->version + 1;

    if (version > HM_IDENTITY_VERSION_MAX)
        return hm_fail(err, HM_EUSAGE, "an identity has at most %d versions",
                       HM_IDENTITY_VERSION_MAX);
    HM_TRY(hm_identity_write(folder->maker, folder->name, version, keys, key_count, threshold, err,
                             &canonical));
    HM_TRY(check_draft(folder, hm_buf_bytes(&canonical), err));
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    return hm_draft_put(&drafts, ROLE, hm_buf_bytes(&canonical), err);
}

void hm_rotation_free(struct hm_rotation *rotation)
{
    if (rotation == NULL)
        return;
    hm_identity_free(rotation->next.content);
    hm_draft_free(rotation->draft);
    free(rotation);
}

enum hm_rc hm_rotation_load(const struct hm_folder *folder, struct hm_err *err,
                            struct hm_rotation **ret_rotation)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = calloc(1, sizeof(*rotation));
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    int64_t version = folder->identity == NULL ? 1 : folder->identity->version + 1;

    if (rotation == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    HM_TRY(hm_draft_load(&drafts, ROLE, err, &rotation->draft));
    HM_TRY(hm_identity_read_unsigned(hm_envelope_unsigned(rotation->draft->envelope), err,
                                     &rotation->next));
    if (rotation->draft->version == version - 1) /* a run died just before removing it */
        return hm_fail(err, HM_ENOTFOUND, "maker '%s': no identity waits for signatures",
                       folder->maker);
    if (rotation->draft->version != version ||
        strcmp(rotation->next.content->maker, folder->maker) != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%s/identity.json': it is not version %lld of maker '%s'; remove the file",
                       drafts.path, (long long)version, folder->maker);
    if (folder->identity != NULL)
        rotation->need.groups[rotation->need.group_count++] = &folder->identity->keys;
    rotation->need.groups[rotation->need.group_count++] = &rotation->next.content->keys;
    *ret_rotation = hm_steal(&rotation);
    return HM_OK;
}

enum hm_rc hm_rotation_sign(const struct hm_folder *folder, const struct hm_signer *signer,
                            struct hm_err *err)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    bool added;

    HM_TRY(hm_rotation_load(folder, err, &rotation));
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    return hm_draft_sign(&drafts, ROLE, signer, &rotation->need, err, &added);
}

enum hm_rc hm_rotation_merge(const struct hm_folder *folder, const struct hm_signatures *signatures,
                             struct hm_err *err, uint32_t *ret_added)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;

    HM_TRY(hm_rotation_load(folder, err, &rotation));
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    return hm_draft_merge(&drafts, ROLE, signatures, &rotation->need, err, ret_added);
}

enum hm_rc hm_rotation_request(const struct hm_folder *folder, int64_t now_unix_s,
                               struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    static const char *const roles[] = {ROLE};
    static const struct hm_bytes currents[] = {{NULL, 0}}; /* the chain shows it */
    struct hm_request head = {.maker = folder->maker,
                              .created_unix_s = now_unix_s,
                              .identities = folder->identities,
                              .identity_count = folder->identity_count};
    char reason[64];

    HM_TRY(hm_rotation_load(folder, err, &rotation));
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    (void)snprintf(reason, sizeof(reason), "identity version %lld",
                   (long long)rotation->draft->version);
    head.reason = reason;
    return hm_draft_request(&drafts, &head, roles, currents, 1, err, ret_buf);
}

enum hm_rc hm_rotation_finish(struct hm_folder *folder, struct hm_err *err)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_free_(hm_identity_free) struct hm_identity *next = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    char path[64];

    HM_TRY(hm_rotation_load(folder, err, &rotation));
    if (folder->identity == NULL)
        HM_TRY(hm_identity_verify_first(rotation->draft->raw, err, &next));
    else
        HM_TRY(hm_identity_verify_next(folder->identity, rotation->draft->raw, err, &next));
    (void)snprintf(path, sizeof(path), "identity/%lld.identity", (long long)next->version);
    /* A version of the chain is written once and for ever. */
    if (hm_dir_has(&folder->dir, path))
        return hm_fail(err, HM_EREFUSED, "'%s/%s' exists", folder->dir.path, path);
    HM_TRY(hm_file_replace(&folder->dir, path, 0644, rotation->draft->raw, err));
    HM_TRY(hm_folder_drafts(folder, NULL, err, &drafts));
    HM_TRY(hm_draft_remove(&drafts, ROLE, err));
    return hm_folder_load_chain(folder, err);
}
