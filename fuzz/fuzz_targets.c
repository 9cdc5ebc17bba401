/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of targets.json, as if it were signed: what is read is written, read and written
 * again as the same; the table is sorted; delegations are sound and answer for any path.
 */
#include "fuzz.h"

#include "tuf/root.h"
#include "tuf/targets.h"

#define WRITTEN_MAX (16U << 20)

static struct hm_targets *read_targets(struct hm_bytes json)
{
    /* The test's own way past the signatures: see envelope.h. */
    struct hm_unsigned document = {.canonical_ = json, .json_ = json};
    struct hm_targets_unsigned targets = {NULL};

    return hm_targets_read_unsigned(document, NULL, &targets) == HM_OK ? targets.content : NULL;
}

static void check_delegations(const struct hm_targets *targets)
{
    const struct hm_delegations *delegations = &targets->delegations;
    struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes path = HM_BYTES_LITERAL("a/b");
    struct hm_delegated_role bin;

    if (targets->target_count > 0)
        path = targets->targets[0].path;
    for (size_t i = 0; i < delegations->role_count; i++) {
        const struct hm_delegated_role *role = &delegations->roles[i];
        bool match;

        FUZZ_CHECK(hm_targets_find_role(delegations, role->name) == role);
        FUZZ_CHECK(role->keys.threshold >= 1 && role->keys.ring == &delegations->ring);
        FUZZ_CHECK(role->path_count == 0 || role->hash_prefix_count == 0);
        FUZZ_CHECK(hm_targets_role_matches(role, path, NULL, &match) == HM_OK);
        for (int j = 0; j < HM_ROOT_ROLE_COUNT_; j++)
            FUZZ_CHECK(!hm_bytes_is_str(role->name, hm_root_role_name((enum hm_root_role)j)));
    }
    if (delegations->succinct_bits == 0)
        FUZZ_CHECK(hm_targets_succinct_role(delegations, path, &arena, NULL, &bin) == HM_EUNKNOWN);
    else
        FUZZ_CHECK(hm_targets_succinct_role(delegations, path, &arena, NULL, &bin) == HM_OK &&
                   bin.name.size <= HM_DOCUMENT_ROLE_NAME_SIZE_MAX);
    hm_arena_done(&arena);
}

static void check_writing(const struct hm_targets *targets)
{
    struct hm_buf first = HM_BUF_INIT(WRITTEN_MAX), second = HM_BUF_INIT(WRITTEN_MAX);
    struct hm_targets *copy;

    if (hm_targets_write(targets, NULL, &first) == HM_OK) { /* "custom" may hold other numbers */
        FUZZ_CHECK(hm_targets_copy(targets, NULL, &copy) == HM_OK);
        FUZZ_CHECK(hm_targets_write(copy, NULL, &second) == HM_OK);
        FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), hm_buf_bytes(&second)));
        hm_targets_free(copy);
    }
    hm_buf_done(&first);
    hm_buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_targets *targets = read_targets(hm_bytes_make(data, size));

    if (targets == NULL)
        return 0;
    for (size_t i = 0; i < targets->target_count; i++) {
        const struct hm_target *target = &targets->targets[i];

        FUZZ_CHECK(hm_targets_find(targets, target->path) == target);
        FUZZ_CHECK(i == 0 || hm_bytes_compare(target[-1].path, target->path) < 0);
        FUZZ_CHECK(target->facts.has_length);
    }
    check_delegations(targets);
    check_writing(targets);
    hm_targets_free(targets);
    return 0;
}
