/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of root.json, as if it were signed: what is read is written, read and written again
 * as the same; every role has a threshold and distinct ids.
 */
#include "fuzz.h"

#include "tuf/root.h"

#define WRITTEN_MAX (4U << 20)

static struct hm_root *read_root(struct hm_bytes json)
{
    /* The test's own way past the signatures: see envelope.h. */
    struct hm_unsigned document = {.canonical_ = json, .json_ = json};
    struct hm_root_unsigned root = {NULL};

    return hm_root_read_unsigned(document, NULL, &root) == HM_OK ? root.content : NULL;
}

static void check_content(const struct hm_root *root)
{
    FUZZ_CHECK(root->document.version >= 1);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_role_keys *keys = &root->roles[i];

        FUZZ_CHECK(keys->threshold >= 1 && keys->threshold <= HM_KEYRING_THRESHOLD_MAX);
        FUZZ_CHECK(keys->ring == &root->ring);
        for (size_t j = 1; j < keys->id_count; j++)
            FUZZ_CHECK(strcmp(keys->ids[j - 1], keys->ids[j]) < 0);
        FUZZ_CHECK(hm_keyring_is_same_role(keys, keys));
    }
    for (size_t i = 0; i < root->ring.count; i++)
        FUZZ_CHECK(hm_keyring_find(&root->ring, hm_bytes_str(root->ring.keys[i].id)) ==
                   &root->ring.keys[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_buf first = HM_BUF_INIT(WRITTEN_MAX), second = HM_BUF_INIT(WRITTEN_MAX);
    struct hm_buf envelope = HM_BUF_INIT(WRITTEN_MAX);
    struct hm_root *root = read_root(hm_bytes_make(data, size));

    if (root == NULL)
        return 0;
    check_content(root);
    if (hm_root_write(root, NULL, &first) == HM_OK) { /* numbers of unknown members may not be */
        struct hm_envelope *parsed;
        struct hm_root_unsigned again;

        FUZZ_CHECK(hm_envelope_write(hm_buf_bytes(&first), NULL, 0, NULL, &envelope) == HM_OK);
        FUZZ_CHECK(hm_envelope_parse(hm_buf_bytes(&envelope), NULL, &parsed) == HM_OK);
        FUZZ_CHECK(hm_root_read_unsigned(hm_envelope_unsigned(parsed), NULL, &again) == HM_OK);
        FUZZ_CHECK(hm_root_write(again.content, NULL, &second) == HM_OK);
        FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), hm_buf_bytes(&second)));
        hm_root_free(again.content);
        hm_envelope_free(parsed);
    }
    hm_root_free(root);
    hm_buf_done(&first);
    hm_buf_done(&second);
    hm_buf_done(&envelope);
    return 0;
}
