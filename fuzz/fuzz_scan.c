/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scan's inputs. The first byte chooses: 0 what a process that scanned says, after a hostile
 * image took it over; 1 a certificate; 2 a deny list; 3 a file that is taken apart and scanned by
 * one rule; 4 rules; 5 findings.json of a submission.
 */
#include "fuzz.h"

#include "image/certificate.h"
#include "image/rules.h"
#include "image/scan.h"
#include "image/scan_worker.h"
#include "site/scanned.h"

static void check_findings(struct hm_bytes bytes)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_FINDING_OUTPUT_SIZE_MAX);
    struct hm_findings findings;
    struct hm_err err = HM_ERR_INIT;
    struct hm_image image;

    if (hm_image_init(&image, 4096, &err) != HM_OK)
        return;
    if (hm_finding_parse(bytes, &image, &err, &findings) == HM_OK) {
        FUZZ_CHECK(hm_finding_write(&findings, &err, &raw) == HM_OK);
        FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&raw), bytes));
        hm_finding_done(&findings);
    }
    hm_image_done(&image);
}

static void check_certificate(struct hm_bytes bytes)
{
    struct hm_certificate certificate;
    size_t at = 0;

    while (hm_certificate_search(bytes, &at)) {
        FUZZ_CHECK(at < bytes.size);
        at++;
    }
    if (hm_certificate_parse(bytes, &certificate) == HM_OK) {
        FUZZ_CHECK(certificate.raw.size <= bytes.size);
        FUZZ_CHECK(certificate.key.size < certificate.raw.size);
        (void)hm_certificate_is_test_name(certificate.subject); /* that it ends */
    }
}

static void check_deny(struct hm_bytes bytes)
{
    struct hm_scan_settings settings;
    struct hm_err err = HM_ERR_INIT;

    hm_scan_settings_init(&settings);
    if (hm_scan_add_denied(&settings, "deny", bytes, &err) != HM_OK)
        FUZZ_CHECK(err.text[0] != '\0');
    hm_scan_settings_done(&settings);
}

static void check_scan(struct hm_bytes file, struct hm_bytes rules)
{
    struct hm_findings findings;
    struct hm_walk *walk = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_walk_new(file, &err, &walk) != HM_OK)
        return;
    if (hm_scan_worker_scan(walk, rules, &err, &findings) == HM_OK) {
        for (size_t i = 0; i < findings.count; i++)
            FUZZ_CHECK(findings.items[i].node < hm_walk_image(walk)->node_count);
        hm_finding_done(&findings);
    } else {
        FUZZ_CHECK(err.rc == HM_ENOMEM || err.rc == HM_EINTERNAL);
    }
    hm_walk_free(walk);
}

static void check_scanned(struct hm_bytes raw)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT((size_t)64 << 20);
    struct hm_scanned scanned;
    struct hm_err err = HM_ERR_INIT;

    if (hm_scanned_parse(raw, &err, &scanned) != HM_OK) {
        FUZZ_CHECK(err.text[0] != '\0');
        return;
    }
    FUZZ_CHECK(hm_scanned_text(&scanned, &err, &text) == HM_OK);
    FUZZ_CHECK(hm_scanned_open_count(&scanned) <= scanned.count);
    hm_scanned_done(&scanned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char rule[] = "\1\0r\x3f\0\0\0rule R { strings: $a = \"Implant\" wide ascii "
                               "condition: $a }    ";
    static bool is_started;
    struct hm_bytes rest;

    if (size == 0)
        return 0;
    if (!is_started) {
        FUZZ_CHECK(hm_rules_start() == HM_OK);
        is_started = true;
    }
    rest = hm_bytes_make(data + 1, size - 1);
    switch (data[0]) {
    case 0:
        check_findings(rest);
        break;
    case 1:
        check_certificate(rest);
        break;
    case 2:
        check_deny(rest);
        break;
    case 3:
        check_scan(rest, hm_bytes_make(rule, 7 + 0x3f));
        break;
    case 4:
        check_scan(HM_BYTES_LITERAL("MZ"), rest);
        break;
    case 5:
        check_scanned(rest);
        break;
    default:
        break;
    }
    return 0;
}
