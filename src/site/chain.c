/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's identity versions as this site holds them (chain.h). */
#include "site/chain.h"

#include "base/file.h"

#define HM_CHAIN_PATH_SIZE 128

/* Version from public, else from private. HM_ENOTFOUND. */
static enum hm_rc read_version(const struct hm_site *site, const char *id, int64_t version,
                               struct hm_arena *arena, struct hm_err *err, struct hm_bytes *ret_raw,
                               bool *ret_public)
{
    char path[HM_CHAIN_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "makers/%s/%lld.identity", id, (long long)version);
    *ret_public = hm_dir_has(&site->public_dir, path);
    if (*ret_public)
        return hm_site_read(&site->public_dir, path, HM_IDENTITY_SIZE_MAX, arena, err, ret_raw);
    (void)snprintf(path, sizeof(path), "identities/%s/%lld.identity", id, (long long)version);
    return hm_site_read(&site->private_dir, path, HM_IDENTITY_SIZE_MAX, arena, err, ret_raw);
}

static enum hm_rc load_version(const struct hm_site *site, const char *id, int64_t version,
                               struct hm_err *err, struct hm_chain *chain)
{
    struct hm_identity *next = NULL;
    struct hm_bytes raw;
    bool is_public;
    enum hm_rc rc;

    HM_TRY(read_version(site, id, version, &chain->arena, err, &raw, &is_public));
    if (chain->identity == NULL)
        rc = hm_identity_verify_first(raw, err, &next);
    else
        rc = hm_identity_verify_next(chain->identity, raw, err, &next);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "identity '%s' version %lld", id, (long long)version);
    hm_identity_free(chain->identity);
    chain->identity = next;
    chain->raws[chain->count++] = raw;
    chain->public_count += is_public;
    return HM_OK;
}

enum hm_rc hm_chain_load(const struct hm_site *site, const char *id, int64_t version_max,
                         struct hm_err *err, struct hm_chain **ret_chain)
{
    _hm_free_(hm_chain_free) struct hm_chain *chain = calloc(1, sizeof(*chain));
    int64_t max = version_max == 0 ? HM_IDENTITY_VERSION_MAX : version_max;

    if (chain == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_layout_check_id(hm_bytes_str(id), err));
    if (max > HM_IDENTITY_VERSION_MAX)
        return hm_fail(err, HM_EFORMAT, "identity '%s': more than %d versions", id,
                       HM_IDENTITY_VERSION_MAX);
    chain->raws = hm_arena_alloc(&chain->arena, (size_t)max, sizeof(*chain->raws));
    if (chain->raws == NULL)
        return hm_error_nomem(err);
    for (int64_t version = 1; version <= max; version++) {
        enum hm_rc rc = load_version(site, id, version, err, chain);

        if (rc == HM_ENOTFOUND && version_max == 0)
            break;
        if (rc == HM_ENOTFOUND)
            return hm_fail(err, HM_ENOTFOUND,
                           "identity '%s' version %lld is not here; take in a submission that has "
                           "it",
                           id, (long long)version);
        HM_TRY(rc);
    }
    *ret_chain = hm_steal(&chain);
    return HM_OK;
}

void hm_chain_free(struct hm_chain *chain)
{
    if (chain == NULL)
        return;
    hm_identity_free(chain->identity);
    hm_arena_done(&chain->arena);
    free(chain);
}

enum hm_rc hm_chain_check(const struct hm_site *site, const char *id, const struct hm_bytes *raws,
                          size_t count, struct hm_err *err)
{
    _hm_free_(hm_chain_free) struct hm_chain *chain = NULL;

    HM_TRY(hm_chain_load(site, id, 0, err, &chain));
    for (size_t i = 0; i < chain->count && i < count; i++)
        if (!hm_bytes_is_equal(chain->raws[i], raws[i]))
            return hm_fail(
                err, HM_EREFUSED,
                "'%s': identity version %zu is another document than the one known here: "
                "two chains of one name; ask the maker by another way which is theirs",
                id, i + 1);
    if (count < chain->count)
        return hm_fail(err, HM_EROLLBACK,
                       "'%s': the identity ends at version %zu, but version %zu is known here; ask "
                       "the maker for a submission made with their newest identity",
                       id, count, chain->count);
    return HM_OK;
}

enum hm_rc hm_chain_store(const struct hm_site *site, const char *id, const struct hm_bytes *raws,
                          size_t count, struct hm_err *err)
{
    char path[HM_CHAIN_PATH_SIZE];

    HM_TRY(hm_chain_check(site, id, raws, count, err));
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof(path), "makers/%s/%zu.identity", id, i + 1);
        if (hm_dir_has(&site->public_dir, path))
            continue;
        (void)snprintf(path, sizeof(path), "identities/%s/%zu.identity", id, i + 1);
        HM_TRY(hm_file_replace(&site->private_dir, path, 0600, raws[i], err));
    }
    return HM_OK;
}
