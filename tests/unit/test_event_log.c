/* SPDX-License-Identifier: Apache-2.0 */
/* image/event_log: logs replay to what a TPM would have; nothing else is taken for one. */
#include "unit.h"

#include "base/file.h"
#include "image/event_log.h"

#define FOLDER "fuzz/corpus/event_log/"

static struct hm_buf read_seed(const char *name)
{
    struct hm_buf buf = HM_BUF_INIT((size_t)1 << 20);
    struct hm_err err = HM_ERR_INIT;
    char path[256];

    (void)snprintf(path, sizeof(path), FOLDER "%s", name);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    return buf;
}

static enum hm_rc parse(struct hm_bytes bytes, struct hm_event_log *ret_log)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_event_log_parse(bytes, &err, ret_log);

    assert_true(rc == HM_OK || err.text[0] != '\0');
    return rc;
}

/* What the PCR is after these, computed here. */
static struct hm_sha256 extend(struct hm_sha256 value, struct hm_sha256 digest)
{
    uint8_t both[2 * HM_SHA256_SIZE];
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 after;

    memcpy(both, value.bytes, HM_SHA256_SIZE);
    memcpy(both + HM_SHA256_SIZE, digest.bytes, HM_SHA256_SIZE);
    assert_int_equal(hm_digest_sha256(hm_bytes_make(both, sizeof(both)), &err, &after), HM_OK);
    return after;
}

static struct hm_sha256 digest_of(struct hm_bytes bytes)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(bytes, &err, &sha256), HM_OK);
    return sha256;
}

static void test_parse__events_and_replay(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("boot");
    struct hm_sha256 value = {{0}};
    struct hm_event_log log;
    size_t roms = 0;

    assert_int_equal(parse(hm_buf_bytes(&buf), &log), HM_OK);
    assert_int_equal(log.count, 11);
    for (size_t i = 0; i < log.count; i++)
        roms += hm_event_log_is_option_rom(&log.events[i]);
    assert_int_equal(roms, 2);
    value = extend(value, digest_of(HM_BYTES_LITERAL("driver")));
    value = extend(value, digest_of(HM_BYTES_LITERAL("other")));
    value = extend(value, digest_of(HM_BYTES_LITERAL("\0\0\0\0")));
    assert_true(hm_digest_is_equal(&log.pcrs[2], &value));
    assert_int_equal(log.measured, 0xff);
    hm_event_log_done(&log);
}

/* The one driver and the separator of a recorded boot: what the machine's TPM then had. */
static void test_parse__what_a_tpm_had(void **state)
{
    struct hm_sha256 value = {{0}};

    value = extend(value, digest_of(HM_BYTES_LITERAL("\0\0\0\0")));
    /* PCR 2 of a machine without option ROMs: known to everybody who looked at one. */
    assert_memory_equal(value.bytes, "\x3d\x45\x8c\xfe\x55\xcc\x03\xea", 8);
}

static void test_parse__startup_locality_begins_pcr_0(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("locality");
    struct hm_sha256 value = {{0}};
    struct hm_event_log log;

    assert_int_equal(parse(hm_buf_bytes(&buf), &log), HM_OK);
    value.bytes[HM_SHA256_SIZE - 1] = 3;
    value = extend(value, digest_of(HM_BYTES_LITERAL("firmware version")));
    value = extend(value, digest_of(HM_BYTES_LITERAL("\0\0\0\0")));
    assert_true(hm_digest_is_equal(&log.pcrs[0], &value));
    hm_event_log_done(&log);
}

static void test_parse__refuses_each_cut(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("one-bank");
    struct hm_event_log whole, log;
    size_t good = 0;

    assert_int_equal(parse(hm_buf_bytes(&buf), &whole), HM_OK);
    for (size_t size = 0; size < buf.size; size++) {
        if (parse(hm_bytes_make(buf.data, size), &log) != HM_OK)
            continue;
        good++; /* between two events: it ends there, as a log of fewer */
        hm_event_log_done(&log);
    }
    assert_int_equal(good, whole.count);
    hm_event_log_done(&whole);
}

static void test_parse__refuses_each_broken_rule(void **state)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *what;
    } cases[] = {
        {0x00, 1, "a first event of another PCR"},
        {0x04, 4, "a first event of another type"},
        {0x1c, 0xff, "a first event that is larger"},
        {0x1c, 0x20, "a first event that is smaller"},
        {0x20, 's', "another name"},
        {0x2e, '2', "an older form"},
        {0x38, 0, "no digests"},
        {0x38, 17, "too many digests"},
        {0x3c, 4, "no SHA-256"},
        {0x3e, 20, "a SHA-256 of another size"},
        {0x41 + 0x03, 1, "a PCR that there is not"},
        {0x41 + 0x08, 2, "more digests than the log"},
        {0x41 + 0x0c, 4, "a digest that the log does not name"},
        {0x41 + 0x31, 0xff, "data behind the end"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("one-bank");
        struct hm_event_log log;

        buf.data[cases[i].offset] = cases[i].value;
        if (parse(hm_buf_bytes(&buf), &log) != HM_EFORMAT)
            fail_msg("taken: %s", cases[i].what);
    }
}

static void test_parse__refuses_a_bank_named_twice(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("boot");
    struct hm_event_log log;

    buf.data[0x3c] = 11; /* SHA-1's number becomes SHA-256's: two of them, one of a wrong size */
    assert_int_equal(parse(hm_buf_bytes(&buf), &log), HM_EFORMAT);
}

static void test_parse__refuses_what_is_too_large(void **state)
{
    static const uint8_t byte;
    struct hm_event_log log;

    assert_int_equal(parse(hm_bytes_make(&byte, HM_EVENT_LOG_SIZE_MAX + 1), &log), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__events_and_replay),
        cmocka_unit_test(test_parse__what_a_tpm_had),
        cmocka_unit_test(test_parse__startup_locality_begins_pcr_0),
        cmocka_unit_test(test_parse__refuses_each_cut),
        cmocka_unit_test(test_parse__refuses_each_broken_rule),
        cmocka_unit_test(test_parse__refuses_a_bank_named_twice),
        cmocka_unit_test(test_parse__refuses_what_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
