/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of snapshot.json and timestamp.json, as if it were signed: what is read is written,
 * read and written again as the same; the table is sorted; a snapshot follows itself.
 */
#include "fuzz.h"

#include "tuf/timestamp.h"

#define WRITTEN_MAX (8U << 20)

/* The test's own way past the signatures: see envelope.h. */
static struct hm_signed pretend(struct hm_bytes json)
{
    return (struct hm_signed){.canonical_ = json, .json_ = json};
}

static void check_snapshot(struct hm_bytes json)
{
    struct hm_buf first = HM_BUF_INIT(WRITTEN_MAX), second = HM_BUF_INIT(WRITTEN_MAX);
    struct hm_buf raw = HM_BUF_INIT(2 * WRITTEN_MAX);
    struct hm_snapshot *snapshot, *again;
    struct hm_envelope *envelope;

    if (hm_snapshot_parse(pretend(json), false, NULL, &snapshot) != HM_OK)
        return;
    for (size_t i = 0; i < snapshot->meta_count; i++) {
        const struct hm_snapshot_meta *meta = &snapshot->metas[i];

        FUZZ_CHECK(meta->version >= 1);
        FUZZ_CHECK(hm_snapshot_find(snapshot, meta->name) == meta);
        FUZZ_CHECK(i == 0 || hm_bytes_compare(meta[-1].name, meta->name) < 0);
    }
    FUZZ_CHECK(hm_snapshot_check_successor(snapshot, snapshot, NULL) == HM_OK);
    if (hm_snapshot_write(snapshot, NULL, &first) == HM_OK) {
        FUZZ_CHECK(hm_envelope_write(hm_buf_bytes(&first), NULL, 0, NULL, &raw) == HM_OK);
        FUZZ_CHECK(hm_envelope_parse(hm_buf_bytes(&raw), NULL, &envelope) == HM_OK);
        FUZZ_CHECK(hm_snapshot_parse(pretend(envelope->json), false, NULL, &again) == HM_OK);
        FUZZ_CHECK(hm_snapshot_check_successor(snapshot, again, NULL) == HM_OK);
        FUZZ_CHECK(hm_snapshot_write(again, NULL, &second) == HM_OK);
        FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), hm_buf_bytes(&second)));
        hm_snapshot_free(again);
        hm_envelope_free(envelope);
    }
    hm_snapshot_free(snapshot);
    hm_buf_done(&first);
    hm_buf_done(&second);
    hm_buf_done(&raw);
}

static void check_timestamp(struct hm_bytes json)
{
    struct hm_buf written = HM_BUF_INIT(WRITTEN_MAX);
    struct hm_timestamp *timestamp;

    if (hm_timestamp_parse(pretend(json), true, NULL, &timestamp) != HM_OK)
        return;
    FUZZ_CHECK(timestamp->snapshot.version >= 1);
    FUZZ_CHECK(timestamp->snapshot.facts.has_length && timestamp->snapshot.facts.has_sha256);
    if (hm_timestamp_write(&timestamp->document, &timestamp->snapshot, NULL, &written) == HM_OK)
        FUZZ_CHECK(written.size > 0);
    hm_timestamp_free(timestamp);
    hm_buf_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_snapshot(hm_bytes_make(data, size));
    check_timestamp(hm_bytes_make(data, size));
    return 0;
}
