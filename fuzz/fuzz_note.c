/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes and keys: what is read is written again, byte for byte; nobody signed it. */
#include "fuzz.h"

#include "tlog/note.h"

#define KEY       "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define SIZE_MAX_ (2 * HM_NOTE_SIZE_MAX)

static void check_note(const struct hm_note *note)
{
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(SIZE_MAX_);
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    const struct hm_note_key *keys[1];
    struct hm_note_verdict verdict = {.is_signed = false};
    enum hm_rc rc;

    if (note->text.size > 0)
        FUZZ_CHECK(hm_note_write_text(note->text, NULL, &again) == HM_OK);
    for (size_t i = 0; i < note->signature_count; i++)
        FUZZ_CHECK(hm_note_write_signature(note->signatures[i].name, note->signatures[i].id,
                                           note->signatures[i].bytes, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), note->raw));
    FUZZ_CHECK(hm_note_key_parse(HM_BYTES_LITERAL(KEY), NULL, &key) == HM_OK);
    keys[0] = key;
    rc = hm_note_verify(note, keys, 1, NULL, &verdict);
    FUZZ_CHECK((rc == HM_OK) == verdict.is_signed);
    FUZZ_CHECK(rc == HM_OK || rc == HM_ESIGNATURE || rc == HM_EFORMAT);
}

static void check_key(struct hm_bytes text)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(SIZE_MAX_);

    if (hm_note_key_parse(text, NULL, &key) != HM_OK)
        return;
    FUZZ_CHECK(hm_note_key_write(key, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_free_(hm_note_free) struct hm_note *lines = NULL;

    if (hm_note_parse(raw, NULL, &note) == HM_OK)
        check_note(note);
    if (hm_note_parse_signatures(raw, NULL, &lines) == HM_OK)
        check_note(lines);
    check_key(raw);
    return 0;
}
