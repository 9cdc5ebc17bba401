/* SPDX-License-Identifier: Apache-2.0 */
/* Keys by file (approvers.h). */
#include "site/approvers.h"

#include "base/file.h"

#define HM_APPROVERS_FILE_COUNT_MAX 4096

void hm_approvers_done(struct hm_approvers *approvers)
{
    for (size_t i = 0; i < approvers->count; i++)
        hm_key_free(approvers->items[i].key);
    free(approvers->items);
    hm_arena_done(&approvers->arena);
    *approvers = (struct hm_approvers)HM_APPROVERS_INIT;
}

enum hm_rc hm_approvers_add(struct hm_approvers *approvers, const char *name, struct hm_key *key,
                            struct hm_err *err)
{
    _hm_free_(hm_key_free) struct hm_key *taken = key;
    struct hm_approver *grown;
    char *copy = hm_arena_strdup(&approvers->arena, hm_bytes_str(name));

    if (approvers->count >= HM_APPROVERS_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d keys", HM_APPROVERS_COUNT_MAX);
    grown = reallocarray(approvers->items, approvers->count + 1, sizeof(*grown));
    if (grown == NULL || copy == NULL) {
        approvers->items = grown == NULL ? approvers->items : grown;
        return hm_error_nomem(err);
    }
    approvers->items = grown;
    grown[approvers->count++] = (struct hm_approver){.name = copy, .key = hm_steal(&taken)};
    return HM_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static const struct hm_approver *find_key(const struct hm_approvers *approvers,
                                          const struct hm_key *key)
{
    for (size_t i = 0; i < approvers->count; i++)
        if (hm_digest_is_equal(hm_key_material(approvers->items[i].key), hm_key_material(key)))
            return &approvers->items[i];
    return NULL;
}

enum hm_rc hm_approvers_read(struct hm_approvers *approvers, const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    const struct hm_approver *same;
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, &pem));
    if (memmem(hm_buf_str(&pem), pem.size, "PRIVATE KEY", strlen("PRIVATE KEY")) != NULL)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' is a private key, which has no business here; give its '.pub' file",
                       path);
    rc = hm_key_parse_pem(hm_buf_bytes(&pem), err, &key);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    same = find_key(approvers, key);
    if (same != NULL)
        return hm_fail(err, HM_EREFUSED, "'%s' is the same key as '%s': one key signs once", path,
                       same->name);
    return hm_approvers_add(approvers, base_name(path), hm_steal(&key), err);
}

enum hm_rc hm_approvers_keys(struct hm_approvers *approvers, struct hm_err *err,
                             const struct hm_key *const **ret_keys)
{
    const struct hm_key **keys = hm_arena_alloc(&approvers->arena, approvers->count, sizeof(*keys));

    if (keys == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < approvers->count; i++)
        keys[i] = approvers->items[i].key;
    *ret_keys = keys;
    return HM_OK;
}

/* private/approvers */

enum hm_rc hm_approvers_store(const struct hm_dir *private_dir, const char *group,
                              const struct hm_approvers *approvers, struct hm_err *err)
{
    for (size_t i = 0; i < approvers->count; i++) {
        const struct hm_approver *item = &approvers->items[i];
        _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);

        HM_TRY(hm_key_write_pem(item->key, err, &pem));
        HM_TRY(hm_buf_append_fmt(&path, err, "approvers/%s/", group));
        HM_TRY(hm_text_percent(&path, hm_bytes_str(item->name), err));
        if (hm_dir_has(private_dir, hm_buf_str(&path))) /* another key under the same name */
            HM_TRY(hm_buf_append_fmt(&path, err, "-%.8s.pub", hm_key_id(item->key)));
        HM_TRY(hm_file_replace(private_dir, hm_buf_str(&path), 0644, hm_buf_bytes(&pem), err));
    }
    return HM_OK;
}

static enum hm_rc load_file(const struct hm_dir *private_dir, const char *path,
                            struct hm_approvers *approvers, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    enum hm_rc rc;

    HM_TRY(hm_dir_read(private_dir, path, err, &pem));
    rc = hm_key_parse_pem(hm_buf_bytes(&pem), err, &key);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'private/%s'", path);
    if (find_key(approvers, key) != NULL)
        return HM_OK;
    return hm_approvers_add(approvers, base_name(path), hm_steal(&key), err);
}

enum hm_rc hm_approvers_load_group(const struct hm_dir *private_dir, const char *group,
                                   struct hm_err *err, struct hm_approvers *approvers)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;
    char *folder = hm_site_text(&arena, "approvers/%s", group);
    enum hm_rc rc;

    if (folder == NULL)
        return hm_error_nomem(err);
    rc = hm_dir_list(private_dir, folder, HM_APPROVERS_FILE_COUNT_MAX, &arena, err, &names, &count);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    for (size_t i = 0; i < count; i++) {
        char *path = hm_site_text(&arena, "%s/%s", folder, names[i]);

        if (path == NULL)
            return hm_error_nomem(err);
        HM_TRY(load_file(private_dir, path, approvers, err));
    }
    return HM_OK;
}

enum hm_rc hm_approvers_load(const struct hm_site *site, struct hm_err *err,
                             struct hm_approvers *ret_approvers)
{
    static const char *const groups[] = {"root", "targets", "release", "recalls", "enrolled"};
    _hm_done_(hm_approvers_done) struct hm_approvers approvers = HM_APPROVERS_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(groups); i++)
        HM_TRY(hm_approvers_load_group(&site->private_dir, groups[i], err, &approvers));
    *ret_approvers = approvers;
    approvers = (struct hm_approvers)HM_APPROVERS_INIT;
    return HM_OK;
}

const char *hm_approvers_name(const struct hm_approvers *approvers, const char *id)
{
    for (size_t i = 0; i < approvers->count; i++)
        if (strcmp(hm_key_id(approvers->items[i].key), id) == 0)
            return approvers->items[i].name;
    return NULL;
}

/* private/keys */

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_signer_file(const char *name, enum hm_approvers_kind kind)
{
    size_t size = strlen(name);
    enum hm_approvers_kind is = HM_APPROVERS_TRIAL;

    if (size <= 4 || strcmp(name + size - 4, ".pem") != 0)
        return false;
    if (has_prefix(name, "online"))
        is = HM_APPROVERS_ONLINE;
    else if (strcmp(name, "log.pem") == 0 || has_prefix(name, "log-"))
        is = HM_APPROVERS_LOG;
    else if (has_prefix(name, "delivery") || has_prefix(name, "deliveries-log"))
        is = HM_APPROVERS_DELIVERY;
    return is == kind;
}

static enum hm_rc refuse_passphrase(void *ctx, const char *path, int attempt, struct hm_err *err,
                                    struct hm_secret *ret_passphrase)
{
    return hm_fail(err, HM_EREFUSED,
                   "'%s' has a passphrase: a key of the site itself is used by a timer, so it must "
                   "have none",
                   path);
}

enum hm_rc hm_approvers_signers(const struct hm_dir *private_dir, enum hm_approvers_kind kind,
                                struct hm_err *err, struct hm_signers *signers)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;

    HM_TRY(
        hm_dir_list(private_dir, "keys", HM_APPROVERS_FILE_COUNT_MAX, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        char *path = hm_site_text(&arena, "%s/keys/%s", private_dir->path, names[i]);

        if (!is_signer_file(names[i], kind))
            continue;
        if (path == NULL)
            return hm_error_nomem(err);
        if (signers->count >= HM_SIGNERS_COUNT_MAX)
            return hm_fail(err, HM_EINPUT, "'%s/keys': more than %d keys", private_dir->path,
                           HM_SIGNERS_COUNT_MAX);
        HM_TRY(hm_signer_load(path, refuse_passphrase, NULL, err, &signers->items[signers->count]));
        signers->count++;
    }
    return HM_OK;
}

enum hm_rc hm_approvers_store_signer(const struct hm_dir *private_dir, const char *name,
                                     const struct hm_signer *signer, struct hm_err *err)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);

    HM_TRY(hm_buf_append_fmt(&path, err, "keys/%s.pem", name));
    if (hm_dir_has(private_dir, hm_buf_str(&path)))
        return hm_fail(err, HM_EREFUSED, "'private/%s' is there already: a key is never replaced",
                       hm_buf_str(&path));
    HM_TRY(hm_signer_write(signer, NULL, err, &pem));
    return hm_file_replace(private_dir, hm_buf_str(&path), 0600, hm_bytes_make(pem.data, pem.size),
                           err);
}

/* Signing */

/* The id that a group gives to the signer's key; NULL: it lists it not. */
static const char *id_in_group(const struct hm_role_keys *group, const struct hm_signer *signer)
{
    for (size_t i = 0; i < group->id_count; i++) {
        const struct hm_keyring_key *key =
            hm_keyring_find(group->ring, hm_bytes_str(group->ids[i]));

        if (key != NULL && key->key != NULL &&
            hm_digest_is_equal(hm_key_material(key->key), hm_key_material(hm_signer_key(signer))))
            return key->id;
    }
    return NULL;
}

bool hm_approvers_can_sign(const struct hm_signers *signers, const struct hm_role_keys *keys)
{
    uint32_t count = 0;

    for (size_t i = 0; i < signers->count; i++)
        count += id_in_group(keys, signers->items[i]) != NULL;
    return count >= keys->threshold;
}

static bool has_id(const struct hm_signature *signatures, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (hm_bytes_is_str(signatures[i].keyid, id))
            return true;
    return false;
}

static enum hm_rc sign_one(const struct hm_signer *signer, const char *id,
                           struct hm_bytes canonical, struct hm_arena *arena, struct hm_err *err,
                           struct hm_signature *ret_signature)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    char *hex;

    HM_TRY(hm_signer_sign(signer, canonical, err, &raw));
    hex = hm_arena_alloc(arena, 2 * raw.size + 1, 1);
    if (hex == NULL)
        return hm_error_nomem(err);
    hm_text_hex(hm_buf_bytes(&raw), hex);
    *ret_signature = (struct hm_signature){.keyid = hm_bytes_str(id), .hex = hm_bytes_str(hex)};
    return HM_OK;
}

enum hm_rc hm_approvers_sign(const struct hm_signers *signers, const char *what,
                             struct hm_bytes canonical, const struct hm_role_keys *const *groups,
                             size_t group_count, struct hm_err *err, struct hm_buf *ret_envelope)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_signature *signatures =
        hm_arena_alloc(&arena, group_count * HM_SIGNERS_COUNT_MAX, sizeof(*signatures));
    size_t count = 0;

    HM_ASSERT(group_count <= 2);
    if (signatures == NULL)
        return hm_error_nomem(err);
    for (size_t group = 0; group < group_count; group++) {
        uint32_t found = 0;

        for (size_t i = 0; i < signers->count; i++) {
            const char *id = id_in_group(groups[group], signers->items[i]);

            if (id == NULL)
                continue;
            found++;
            if (!has_id(signatures, count, id))
                HM_TRY(
                    sign_one(signers->items[i], id, canonical, &arena, err, &signatures[count++]));
        }
        if (found < groups[group]->threshold)
            return hm_fail(err, HM_EINPUT,
                           "'%s': the key %.8s that root names for it is not in private/keys", what,
                           groups[group]->id_count > 0 ? groups[group]->ids[0] : "?");
    }
    return hm_envelope_write(canonical, signatures, count, err, ret_envelope);
}
