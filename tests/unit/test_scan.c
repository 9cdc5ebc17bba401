/* SPDX-License-Identifier: Apache-2.0 */
/* image/finding, certificate, lint and scan's lists: what is found is said once, under a name that
 * stays; what a process that was taken over says is read with care. */
#include "unit.h"

#include "base/file.h"
#include "image/certificate.h"
#include "image/lint.h"
#include "image/rules.h"
#include "image/scan.h"
#include "image/scan_worker.h"

#define DIGEST "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static struct hm_image image_of(uint64_t size)
{
    struct hm_image image;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_image_init(&image, size, &err), HM_OK);
    return image;
}

static void add(struct hm_findings *findings, enum hm_finding_kind kind, const char *rule)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_finding finding = {.kind = kind,
                                 .severity = HM_FINDING_HIGH,
                                 .offset = 7,
                                 .rule = hm_bytes_str(rule),
                                 .detail = HM_BYTES_LITERAL("why")};

    assert_int_equal(hm_finding_add(findings, &finding, &err), HM_OK);
}

static void test_findings__come_back_as_they_were(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(65536);
    struct hm_findings findings = HM_FINDINGS_INIT, again;
    struct hm_image image = image_of(8);
    struct hm_err err = HM_ERR_INIT;

    add(&findings, HM_FINDING_RULE, "Implant");
    add(&findings, HM_FINDING_RULE, "Implant"); /* the same part by the same rule */
    add(&findings, HM_FINDING_OUTSIDE, "PE image");
    assert_int_equal(findings.count, 2);
    assert_int_equal(hm_finding_set_partial(&findings, "late", &err), HM_OK);
    assert_int_equal(hm_finding_write(&findings, &err, &raw), HM_OK);
    assert_int_equal(hm_finding_parse(hm_buf_bytes(&raw), &image, &err, &again), HM_OK);
    assert_int_equal(again.count, 2);
    assert_true(again.is_partial);
    assert_true(hm_bytes_is_str(again.why, "late"));
    assert_true(hm_bytes_is_str(again.items[0].rule, "Implant"));
    assert_int_equal(again.items[1].offset, 7);
    /* Each cut is refused, and so is what stands behind the end. */
    for (size_t i = 0; i < raw.size; i++) {
        struct hm_findings cut;

        assert_int_equal(hm_finding_parse(hm_bytes_make(raw.data, i), &image, &err, &cut),
                         HM_EFORMAT);
    }
    hm_finding_done(&again);
    assert_int_equal(hm_buf_append_byte(&raw, 0, &err), HM_OK);
    assert_int_equal(hm_finding_parse(hm_buf_bytes(&raw), &image, &err, &again), HM_EFORMAT);
    hm_finding_done(&findings);
    hm_image_done(&image);
}

static void test_findings__places_outside_the_image_are_refused(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(65536);
    struct hm_findings findings = HM_FINDINGS_INIT, again;
    struct hm_image image = image_of(6); /* the finding stands at 7 */
    struct hm_err err = HM_ERR_INIT;

    add(&findings, HM_FINDING_RULE, "Implant");
    assert_int_equal(hm_finding_write(&findings, &err, &raw), HM_OK);
    assert_int_equal(hm_finding_parse(hm_buf_bytes(&raw), &image, &err, &again), HM_EFORMAT);
    hm_finding_done(&findings);
    hm_image_done(&image);
}

static void test_findings__more_than_can_be_listed_is_partial(void **state)
{
    struct hm_findings findings = HM_FINDINGS_INIT;
    char rule[32];

    for (int i = 0; i <= HM_FINDING_COUNT_MAX; i++) {
        assert_false(findings.is_partial);
        (void)snprintf(rule, sizeof(rule), "Rule%d", i);
        add(&findings, HM_FINDING_RULE, rule);
    }
    assert_true(findings.is_partial);
    assert_int_equal(findings.count, HM_FINDING_COUNT_MAX);
    hm_finding_done(&findings);
}

static void test_id__is_of_kind_rule_and_part_alone(void **state)
{
    struct hm_finding finding = {.kind = HM_FINDING_RULE, .rule = HM_BYTES_LITERAL("Implant")};
    char id[HM_FINDING_ID_SIZE], other[HM_FINDING_ID_SIZE];
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_finding_id(&finding, &err, id), HM_OK);
    assert_int_equal(strlen(id), 32);
    finding.offset = 99;
    finding.node = 3;
    finding.severity = HM_FINDING_LOW;
    finding.detail = HM_BYTES_LITERAL("other words");
    assert_int_equal(hm_finding_id(&finding, &err, other), HM_OK);
    assert_string_equal(id, other);
    finding.rule = HM_BYTES_LITERAL("Implant2");
    assert_int_equal(hm_finding_id(&finding, &err, other), HM_OK);
    assert_string_not_equal(id, other);
    finding.rule = HM_BYTES_LITERAL("Implant");
    finding.kind = HM_FINDING_DENIED;
    assert_int_equal(hm_finding_id(&finding, &err, other), HM_OK);
    assert_string_not_equal(id, other);
    finding.kind = HM_FINDING_RULE;
    finding.sha256.bytes[31] = 1;
    assert_int_equal(hm_finding_id(&finding, &err, other), HM_OK);
    assert_string_not_equal(id, other);
}

static void test_texts__are_cut_and_made_utf8(void **state)
{
    struct hm_findings findings = HM_FINDINGS_INIT;
    struct hm_err err = HM_ERR_INIT;
    char text[HM_FINDING_TEXT_SIZE_MAX + 8];
    struct hm_finding finding = {.rule = HM_BYTES_LITERAL("a\xff\0b")};

    memset(text, 'x', sizeof(text));
    memcpy(text + HM_FINDING_TEXT_SIZE_MAX - 1, "\xc3\xa4", 2); /* cut within a character */
    finding.detail = hm_bytes_make(text, sizeof(text));
    assert_int_equal(hm_finding_add(&findings, &finding, &err), HM_OK);
    assert_true(hm_bytes_is_str(findings.items[0].rule, "a? b"));
    assert_int_equal(findings.items[0].detail.size, HM_FINDING_TEXT_SIZE_MAX - 1);
    hm_finding_done(&findings);
}

static enum hm_rc deny(const char *text, struct hm_scan_settings *settings)
{
    struct hm_err err = HM_ERR_INIT;

    hm_scan_settings_init(settings);
    return hm_scan_add_denied(settings, "deny", hm_bytes_str(text), &err);
}

static void test_deny__reads_what_sha256sum_writes(void **state)
{
    struct hm_scan_settings settings;

    assert_int_equal(deny("# a list\n\n" DIGEST "  a file\n" DIGEST " *binary", &settings), HM_OK);
    assert_int_equal(settings.denied_count, 2);
    hm_scan_settings_done(&settings);
}

static void test_deny__refuses_the_rest(void **state)
{
    static const char *const lines[] = {
        "5891b5  short\n",
        DIGEST,
        DIGEST " one space\n",
        DIGEST "\tname\n",
        DIGEST "  ",
        "g891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  x\n",
        DIGEST "  \xff\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(lines); i++) {
        struct hm_scan_settings settings;

        assert_int_equal(deny(lines[i], &settings), HM_EFORMAT);
        hm_scan_settings_done(&settings);
    }
}

static void test_names__of_test_certificates(void **state)
{
    assert_true(hm_certificate_is_test_name("DO NOT TRUST - Example Test PK"));
    assert_true(hm_certificate_is_test_name("do not trust"));
    assert_true(hm_certificate_is_test_name("Acme, Firmware Test CA"));
    assert_true(hm_certificate_is_test_name("Acme TEST"));
    assert_true(hm_certificate_is_test_name("SnakeOil"));
    assert_true(hm_certificate_is_test_name("test1"));
    assert_false(hm_certificate_is_test_name("Acme Attestation CA"));
    assert_false(hm_certificate_is_test_name("Latest Contest"));
    assert_false(hm_certificate_is_test_name("Trust Services"));
    assert_false(hm_certificate_is_test_name(""));
}

static void test_certificate__cut_ones_are_none(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(65536);
    struct hm_certificate certificate;
    struct hm_err err = HM_ERR_INIT;
    size_t at = 0;

    assert_int_equal(hm_file_read_path("fuzz/corpus/scan/certificate", &err, &raw), HM_OK);
    raw.data++; /* the target's first byte */
    raw.size--;
    assert_true(hm_certificate_search(hm_buf_bytes(&raw), &at));
    assert_int_equal(at, 0);
    assert_int_equal(hm_certificate_parse(hm_buf_bytes(&raw), &certificate), HM_OK);
    assert_int_equal(certificate.rsa_bits, 1024);
    assert_string_equal(certificate.subject, "DO NOT TRUST - Example Test PK");
    assert_int_equal(certificate.raw.size, raw.size);
    for (size_t i = 0; i < raw.size; i++)
        assert_int_equal(hm_certificate_parse(hm_bytes_make(raw.data, i), &certificate),
                         HM_EFORMAT);
    raw.data--;
    raw.size++;
}

#define RULE "rule Implant { strings: $a = \"IMPLANT\" condition: $a }"

static const char with_key[] = "-----BEGIN PRIVATE KEY-----\n"
                               "QUJDRAQUJDRAQUJDRAQUJDRAQUJDRAQUJDRAQUJDRA\n"
                               "-----END PRIVATE KEY-----\nIMPLANT";

static void scan_for(uint32_t cpu_s_max, struct hm_findings *findings)
{
    _hm_free_(hm_walk_free) struct hm_walk *walk = NULL;
    struct hm_err err = HM_ERR_INIT;
    const struct hm_bytes rules =
        HM_BYTES_LITERAL("\1\0r" /* and the size of: */ "\x36\0\0\0" RULE);

    assert_int_equal(rules.size, 7 + 0x36);
    assert_int_equal(hm_rules_start(), HM_OK);
    assert_int_equal(hm_walk_new(hm_bytes_str(with_key), &err, &walk), HM_OK);
    assert_int_equal(hm_lint_run(walk, &err, findings), HM_OK);
    assert_int_equal(hm_rules_run(rules, walk, cpu_s_max, &err, findings), HM_OK);
}

static void test_rules__that_take_too_long_take_nothing_away(void **state)
{
    struct hm_findings findings = HM_FINDINGS_INIT;

    scan_for(HM_RULES_CPU_S_MAX, &findings);
    assert_false(findings.is_partial);
    assert_int_equal(findings.count, 2);
    assert_true(hm_bytes_is_str(findings.items[1].rule, "Implant"));
    hm_finding_done(&findings);
    scan_for(0, &findings);
    assert_true(findings.is_partial);
    assert_true(
        hm_bytes_is_str(findings.why, "the rules took too long in all: not all was scanned"));
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.items[0].kind, HM_FINDING_PRIVATE_KEY);
    hm_finding_done(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings__come_back_as_they_were),
        cmocka_unit_test(test_findings__places_outside_the_image_are_refused),
        cmocka_unit_test(test_findings__more_than_can_be_listed_is_partial),
        cmocka_unit_test(test_id__is_of_kind_rule_and_part_alone),
        cmocka_unit_test(test_texts__are_cut_and_made_utf8),
        cmocka_unit_test(test_deny__reads_what_sha256sum_writes),
        cmocka_unit_test(test_deny__refuses_the_rest),
        cmocka_unit_test(test_names__of_test_certificates),
        cmocka_unit_test(test_certificate__cut_ones_are_none),
        cmocka_unit_test(test_rules__that_take_too_long_take_nothing_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
