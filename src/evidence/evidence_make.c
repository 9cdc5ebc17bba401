/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence put together. See make.h. */
#include "evidence/evidence_make.h"

static enum hm_rc begin(enum hm_evidence_kind kind, const char *site, const char *path,
                        struct hm_err *err, struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_TRY(hm_evidence_new(kind, err, &evidence));
    evidence->site = hm_arena_strdup(&evidence->arena, hm_bytes_str(site));
    if (evidence->site == NULL)
        return hm_error_nomem(err);
    if (path != NULL)
        HM_TRY(hm_evidence_set_path(evidence, path, err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

static enum hm_rc add_part(struct hm_evidence *evidence, struct hm_bytes checkpoint,
                           struct hm_err *err)
{
    struct hm_evidence_part *part = &evidence->parts[evidence->part_count];

    HM_ASSERT(evidence->part_count < HM_EVIDENCE_PART_COUNT_MAX);
    HM_TRY(hm_arena_copy(&evidence->arena, checkpoint, err, &part->checkpoint));
    HM_TRY(hm_evidence_read_checkpoint(part, err));
    evidence->part_count++;
    return HM_OK;
}

static enum hm_rc copy_hashes(struct hm_evidence *evidence, const struct hm_sha256 *hashes,
                              size_t count, struct hm_err *err, struct hm_sha256 **ret_hashes)
{
    *ret_hashes = hm_arena_alloc(&evidence->arena, count, sizeof(*hashes));
    if (*ret_hashes == NULL)
        return hm_error_nomem(err);
    if (count > 0)
        memcpy(*ret_hashes, hashes, count * sizeof(*hashes));
    return HM_OK;
}

/* To the last part. */
static enum hm_rc add_entry(struct hm_evidence *evidence, uint64_t index, struct hm_bytes text,
                            const struct hm_sha256 *hashes, size_t hash_count, struct hm_err *err)
{
    struct hm_evidence_part *part = &evidence->parts[evidence->part_count - 1];
    struct hm_evidence_entry entry = {.index = index, .hash_count = hash_count};

    HM_ASSERT(part->entry_count < HM_EVIDENCE_ENTRY_MAX);
    HM_TRY(hm_arena_copy(&evidence->arena, text, err, &entry.text));
    HM_TRY(copy_hashes(evidence, hashes, hash_count, err, &entry.hashes));
    part->entries[part->entry_count++] = entry;
    return HM_OK;
}

enum hm_rc hm_evidence_make_published(const char *site, const char *path,
                                      struct hm_bytes checkpoint, const struct hm_where *where,
                                      const struct hm_merkle_proof *release_path,
                                      const struct hm_merkle_proof *snapshot_path,
                                      struct hm_err *err, struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_TRY(begin(HM_EVIDENCE_PUBLISHED, site, path, err, &evidence));
    HM_TRY(add_part(evidence, checkpoint, err));
    HM_TRY(add_entry(evidence, where->release_index, where->release, release_path->hashes,
                     release_path->count, err));
    HM_TRY(add_entry(evidence, where->snapshot_index, where->snapshot, snapshot_path->hashes,
                     snapshot_path->count, err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

enum hm_rc hm_evidence_make_map(enum hm_evidence_kind kind, const char *site, const char *path,
                                const struct hm_evidence_state *state, struct hm_err *err,
                                struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    struct hm_evidence_part *part;

    HM_TRY(begin(kind, site, path, err, &evidence));
    HM_TRY(add_part(evidence, state->checkpoint, err));
    HM_TRY(add_entry(evidence, state->newest_index, state->newest, state->newest_hashes,
                     state->newest_hash_count, err));
    part = &evidence->parts[0];
    part->has_map = true;
    part->has_list = state->has_list;
    HM_TRY(hm_arena_copy(&evidence->arena, state->map, err, &part->map));
    if (state->has_list)
        HM_TRY(hm_arena_copy(&evidence->arena, state->list, err, &part->list));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

enum hm_rc hm_evidence_make_fork(const char *site, struct hm_bytes small, struct hm_bytes large,
                                 const struct hm_sha256 *earlier,
                                 const struct hm_merkle_proof *proof, struct hm_err *err,
                                 struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_TRY(begin(HM_EVIDENCE_FORK, site, NULL, err, &evidence));
    HM_TRY(add_part(evidence, small, err));
    HM_TRY(add_part(evidence, large, err));
    if (evidence->parts[0].size != evidence->parts[1].size) {
        evidence->has_earlier = true;
        evidence->earlier = *earlier;
        evidence->hash_count = proof->count;
        HM_TRY(copy_hashes(evidence, proof->hashes, proof->count, err, &evidence->hashes));
    }
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

enum hm_rc hm_evidence_make_rollback(const char *site, struct hm_bytes small, struct hm_bytes large,
                                     struct hm_err *err, struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_TRY(begin(HM_EVIDENCE_ROLLBACK, site, NULL, err, &evidence));
    HM_TRY(add_part(evidence, small, err));
    HM_TRY(add_part(evidence, large, err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

/* ---- contradictions ---- */

static enum hm_rc copy_part(struct hm_evidence *evidence, const struct hm_evidence_part *from,
                            struct hm_err *err)
{
    struct hm_evidence_part *part;

    HM_TRY(add_part(evidence, from->checkpoint, err));
    part = &evidence->parts[evidence->part_count - 1];
    for (size_t i = 0; i < from->entry_count; i++)
        HM_TRY(add_entry(evidence, from->entries[i].index, from->entries[i].text,
                         from->entries[i].hashes, from->entries[i].hash_count, err));
    part->has_map = from->has_map;
    part->has_list = from->has_list;
    HM_TRY(hm_arena_copy(&evidence->arena, from->map, err, &part->map));
    return hm_arena_copy(&evidence->arena, from->list, err, &part->list);
}

enum hm_rc hm_evidence_make_contradiction(const struct hm_evidence *published,
                                          const struct hm_evidence *absent, struct hm_err *err,
                                          struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    const struct hm_evidence *rooted =
        published->root_count >= absent->root_count ? published : absent;

    if (published->kind != HM_EVIDENCE_PUBLISHED ||
        (absent->kind != HM_EVIDENCE_ABSENT && absent->kind != HM_EVIDENCE_HISTORY) ||
        strcmp(published->site, absent->site) != 0 ||
        strcmp(published->product, absent->product) != 0)
        return hm_fail(err, HM_EUSAGE,
                       "these two are not a release and what the map says of its product");
    HM_TRY(begin(HM_EVIDENCE_CONTRADICTION, published->site, published->path, err, &evidence));
    HM_TRY(copy_part(evidence, &published->parts[0], err));
    HM_TRY(copy_part(evidence, &absent->parts[0], err));
    for (size_t i = 0; i < rooted->root_count; i++)
        HM_TRY(hm_evidence_make_add_root(evidence, rooted->roots[i].version, rooted->roots[i].raw,
                                         err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

/* ---- roots ---- */

enum hm_rc hm_evidence_make_add_root(struct hm_evidence *evidence, uint64_t version,
                                     struct hm_bytes raw, struct hm_err *err)
{
    size_t size = evidence->root_count * sizeof(*evidence->roots);
    struct hm_evidence_root root = {.version = version};
    void *grown;

    if (version < 2 || (evidence->root_count > 0 &&
                        version != evidence->roots[evidence->root_count - 1].version + 1))
        return hm_fail(err, HM_EUSAGE, "root version %llu does not follow in the evidence",
                       (unsigned long long)version);
    HM_TRY(hm_arena_copy(&evidence->arena, raw, err, &root.raw));
    grown = hm_arena_grow(&evidence->arena, evidence->roots, size, size + sizeof(root));
    if (grown == NULL)
        return hm_error_nomem(err);
    evidence->roots = grown;
    evidence->roots[evidence->root_count++] = root;
    return HM_OK;
}
