/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: the next version of a role and the signatures collected for it (draft.h). */
#include "exchange/draft.h"

#include "base/file.h"
#include "exchange/role.h"

#define DRAFT_MODE 0644 /* nothing secret in it: signatures and what they are over */

static enum hm_rc file_name(const char *role, struct hm_err *err, struct hm_buf *ret_name)
{
    enum hm_role_kind kind;

    HM_TRY(hm_role_parse(hm_bytes_str(role), err, &kind));
    return hm_role_file_name("", role, err, ret_name);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Fills draft from the envelope raw, which must live in the draft's arena. */
static enum hm_rc open_draft(struct hm_draft *draft, const char *role, struct hm_bytes raw,
                             struct hm_err *err)
{
    enum hm_rc rc;

    draft->raw = raw;
    draft->role = hm_arena_strdup(&draft->arena, hm_bytes_str(role));
    if (draft->role == NULL)
        return hm_error_nomem(err);
    rc = hm_envelope_parse(raw, err, &draft->envelope);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "draft of '%s'", role);
    HM_TRY(hm_digest_sha256(draft->envelope->canonical, err, &draft->sha256));
    return hm_role_peek_version(draft->envelope, role, err, &draft->version);
}

enum hm_rc hm_draft_load(const struct hm_dir *dir, const char *role, struct hm_err *err,
                         struct hm_draft **ret_draft)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = calloc(1, sizeof(*draft));
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_ROLE_NAME_SIZE_MAX * 3);
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX);
    struct hm_bytes raw;
    enum hm_rc rc;

    if (draft == NULL)
        return hm_error_nomem(err);
    HM_TRY(file_name(role, err, &name));
    rc = hm_dir_read(dir, hm_buf_str(&name), err, &file);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_ENOTFOUND, "'%s': there is no draft of it in '%s'", role, dir->path);
    HM_TRY(rc);
    HM_TRY(hm_arena_copy(&draft->arena, hm_buf_bytes(&file), err, &raw));
    HM_TRY(open_draft(draft, role, raw, err));
    *ret_draft = hm_steal(&draft);
    return HM_OK;
}

void hm_draft_free(struct hm_draft *draft)
{
    if (draft == NULL)
        return;
    hm_envelope_free(draft->envelope);
    hm_arena_done(&draft->arena);
    free(draft);
}

/* The role of a file: of what role names are made of, only '+' is percent-encoded. */
static char *decode_name(struct hm_bytes name, struct hm_arena *arena)
{
    const struct hm_bytes plus = HM_BYTES_LITERAL("%2B");
    char *role = hm_arena_strdup(arena, name);
    size_t size = 0;

    if (role == NULL)
        return NULL;
    for (size_t i = 0; i < name.size; i++) {
        bool is_plus = hm_bytes_has_prefix(hm_bytes_make(name.data + i, name.size - i), plus);

        role[size++] = is_plus ? '+' : (char)name.data[i];
        i += is_plus ? plus.size - 1 : 0;
    }
    role[size] = '\0';
    return role;
}

enum hm_rc hm_draft_list(const struct hm_dir *dir, struct hm_arena *arena, struct hm_err *err,
                         const char ***ret_roles, size_t *ret_count)
{
    const char **names = NULL;
    size_t name_count = 0;
    size_t count = 0;
    enum hm_rc rc;

    rc = hm_dir_list(dir, ".", HM_DRAFT_COUNT_MAX, arena, err, &names, &name_count);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    /* Anything else in the folder is no draft. The list is shortened in place. */
    for (size_t i = 0; i < name_count; i++) {
        struct hm_bytes name = hm_bytes_str(names[i]);
        enum hm_role_kind kind;
        char *role;

        if (name.size < 5 || memcmp(name.data + name.size - 5, ".json", 5) != 0)
            continue;
        name.size -= 5;
        role = decode_name(name, arena);
        if (role == NULL)
            return hm_error_nomem(err);
        if (hm_role_parse(hm_bytes_str(role), NULL, &kind) == HM_OK)
            names[count++] = role;
    }
    *ret_roles = names;
    *ret_count = count;
    return HM_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static enum hm_rc replace(const struct hm_dir *dir, const char *role, struct hm_bytes raw,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_ROLE_NAME_SIZE_MAX * 3);

    HM_TRY(file_name(role, err, &name));
    return hm_file_replace(dir, hm_buf_str(&name), DRAFT_MODE, raw, err);
}

enum hm_rc hm_draft_put(const struct hm_dir *dir, const char *role, struct hm_bytes canonical,
                        struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_draft_free) struct hm_draft *earlier = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX);
    int64_t version;
    enum hm_rc rc;

    HM_TRY(hm_envelope_write(canonical, NULL, 0, err, &raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    if (!hm_bytes_is_equal(envelope->canonical, canonical))
        return hm_fail(err, HM_EFORMAT, "draft of '%s': its bytes are not in canonical form", role);
    HM_TRY(hm_role_peek_version(envelope, role, err, &version));
    rc = hm_draft_load(dir, role, err, &earlier);
    if (rc == HM_OK && hm_bytes_is_equal(earlier->envelope->canonical, canonical))
        return HM_OK; /* the same, and perhaps signed already */
    /* A damaged draft (HM_EFORMAT) is replaced like any other. */
    if (rc != HM_OK && rc != HM_ENOTFOUND && rc != HM_EFORMAT)
        return rc;
    return replace(dir, role, hm_buf_bytes(&raw), err);
}

enum hm_rc hm_draft_remove(const struct hm_dir *dir, const char *role, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_ROLE_NAME_SIZE_MAX * 3);

    HM_TRY(file_name(role, err, &name));
    return hm_dir_remove(dir, hm_buf_str(&name), err);
}

/* ---- signatures ----------------------------------------------------------------------------- */

/* Merges under each group in turn; the file is written once, if anything is new. */
static enum hm_rc merge(const struct hm_dir *dir, const struct hm_draft *draft,
                        const struct hm_signatures *signatures, const struct hm_draft_need *need,
                        struct hm_err *err, uint32_t *ret_added)
{
    struct hm_buf merged[2] = {HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX),
                               HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX)};
    struct hm_bytes raw = draft->raw;
    struct hm_err first = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;
    bool fitted = false;
    uint32_t total = 0;

    HM_ASSERT(need->group_count >= 1 && need->group_count <= HM_ARRAY_COUNT(merged));
    for (size_t i = 0; i < need->group_count; i++) {
        uint32_t added = 0;

        rc = hm_signatures_merge(raw, draft->role, draft->version, signatures, need->groups[i], err,
                                 &merged[i], &added);
        if (rc == HM_OK) {
            fitted = true;
            raw = hm_buf_bytes(&merged[i]);
            total += added;
        } else if (rc != HM_EMISMATCH && rc != HM_ESIGNATURE) {
            goto out;
        } else if (first.rc == HM_OK && err != NULL) {
            first = *err;
        }
    }
    if (!fitted) {
        if (err != NULL && first.rc != HM_OK)
            *err = first;
        rc = first.rc != HM_OK ? first.rc : rc;
        goto out;
    }
    rc = total > 0 ? replace(dir, draft->role, raw, err) : HM_OK;
    if (rc == HM_OK)
        *ret_added = total;
out:
    hm_buf_done(&merged[0]);
    hm_buf_done(&merged[1]);
    return rc;
}

enum hm_rc hm_draft_merge(const struct hm_dir *dir, const char *role,
                          const struct hm_signatures *signatures, const struct hm_draft_need *need,
                          struct hm_err *err, uint32_t *ret_added)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;

    HM_TRY(hm_draft_load(dir, role, err, &draft));
    return merge(dir, draft, signatures, need, err, ret_added);
}

enum hm_rc hm_draft_sign(const struct hm_dir *dir, const char *role, const struct hm_signer *signer,
                         const struct hm_draft_need *need, struct hm_err *err, bool *ret_added)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    enum hm_rc rc = HM_OK;
    uint32_t added;

    HM_TRY(hm_draft_load(dir, role, err, &draft));
    HM_TRY(hm_signatures_new(NULL, NULL, err, &signatures));
    for (size_t i = 0; i < need->group_count; i++) {
        rc = hm_signatures_add(signatures, role, draft->version, draft->envelope->canonical, signer,
                               need->groups[i], err);
        if (rc != HM_OK && rc != HM_EREFUSED)
            return rc;
    }
    if (signatures->count == 0)
        return rc;
    HM_TRY(merge(dir, draft, signatures, need, err, &added));
    *ret_added = added > 0;
    return HM_OK;
}

/* True if id is in the list already. */
static bool is_listed(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return false;
}

static enum hm_rc list_missing(const struct hm_draft *draft, const struct hm_role_keys *keys,
                               struct hm_arena *arena, struct hm_err *err,
                               struct hm_draft_state *state)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const char *ids[1] = {keys->ids[i]};
        struct hm_role_keys one = {.ids = ids, .id_count = 1, .threshold = 1, .ring = keys->ring};
        const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));
        uint32_t valid;
        char *copy;

        if (key == NULL || key->key == NULL ||
            is_listed(state->missing, state->missing_count, keys->ids[i]))
            continue;
        HM_TRY(hm_envelope_count(draft->envelope, &one, err, &valid));
        if (valid > 0)
            continue;
        copy = hm_arena_strdup(arena, hm_bytes_str(keys->ids[i]));
        if (copy == NULL)
            return hm_error_nomem(err);
        state->missing[state->missing_count++] = copy;
    }
    return HM_OK;
}

enum hm_rc hm_draft_state(const struct hm_draft *draft, const struct hm_draft_need *need,
                          struct hm_arena *arena, struct hm_err *err,
                          struct hm_draft_state *ret_state)
{
    struct hm_draft_state state = {.is_complete = true, .group_count = need->group_count};
    size_t id_count = 0;

    HM_ASSERT(need->group_count >= 1 && need->group_count <= HM_ARRAY_COUNT(need->groups));
    for (size_t i = 0; i < need->group_count; i++)
        id_count += need->groups[i]->id_count;
    state.missing = hm_arena_alloc(arena, id_count, sizeof(state.missing[0]));
    if (state.missing == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < need->group_count; i++) {
        state.needed[i] = need->groups[i]->threshold;
        HM_TRY(hm_envelope_count(draft->envelope, need->groups[i], err, &state.valid[i]));
        if (state.valid[i] < state.needed[i])
            state.is_complete = false;
        HM_TRY(list_missing(draft, need->groups[i], arena, err, &state));
    }
    *ret_state = state;
    return HM_OK;
}

/* ---- request -------------------------------------------------------------------------------- */

/* Loads the drafts into documents; the caller frees drafts[0..count). */
static enum hm_rc fill_documents(const struct hm_dir *dir, const char *const *roles,
                                 const struct hm_bytes *currents, size_t count, struct hm_err *err,
                                 struct hm_draft **drafts, struct hm_request_document *documents)
{
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_draft_load(dir, roles[i], err, &drafts[i]));
        documents[i] = (struct hm_request_document){.role = drafts[i]->role,
                                                    .version = drafts[i]->version,
                                                    .sha256 = drafts[i]->sha256,
                                                    .current = currents[i],
                                                    .next = drafts[i]->raw};
    }
    return HM_OK;
}

enum hm_rc hm_draft_request(const struct hm_dir *dir, const struct hm_request *head,
                            const char *const *roles, const struct hm_bytes *currents, size_t count,
                            struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_draft **drafts;
    struct hm_request request = *head;
    enum hm_rc rc;

    if (count == 0 || count > HM_REQUEST_DOCUMENT_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a request holds 1 to %d documents, not %zu",
                       HM_REQUEST_DOCUMENT_COUNT_MAX, count);
    request.documents = hm_arena_alloc(&arena, count, sizeof(request.documents[0]));
    drafts = hm_arena_alloc(&arena, count, sizeof(drafts[0])); /* zeroed */
    if (request.documents == NULL || drafts == NULL)
        return hm_error_nomem(err);
    request.document_count = count;
    rc = fill_documents(dir, roles, currents, count, err, drafts, request.documents);
    if (rc == HM_OK)
        rc = hm_request_write(&request, err, ret_buf);
    for (size_t i = 0; i < count; i++)
        hm_draft_free(drafts[i]);
    return rc;
}
