/* SPDX-License-Identifier: Apache-2.0 */
/* Entries and lists of versions for tests of the map of releases. */
#ifndef HM_TESTS_RELEASE_KIT_H
#define HM_TESTS_RELEASE_KIT_H

#include "unit.h"

#include "base/text.h"
#include "tlog/entry.h"

static inline struct hm_entry *kit_parse_entry(const char *text)
{
    struct hm_entry *entry = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_entry_parse(hm_bytes_str(text), &err, &entry) != HM_OK)
        fail_msg("%s: %s", text, err.text);
    return entry;
}

static inline void kit_digest_of(const char *content, char ret_hex[HM_SHA256_HEX_SIZE])
{
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(hm_bytes_str(content), NULL, &sha256), HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), ret_hex);
}

/* A release of path with one image of this content, and a label unless NULL. */
static inline struct hm_entry *kit_release(const char *path, const char *label, const char *content)
{
    char text[1024];
    char hex[HM_SHA256_HEX_SIZE];

    kit_digest_of(content, hex);
    (void)snprintf(text, sizeof(text),
                   "hallmark/release v1\nsite example\npath %s\n%s%s%simage fw.bin %s %zu\n"
                   "role release~acme 2\n",
                   path, label == NULL ? "" : "label ", label == NULL ? "" : label,
                   label == NULL ? "" : "\n", hex, strlen(content));
    return kit_parse_entry(text);
}

/* A recall of the images with these contents (b may be NULL). */
static inline struct hm_entry *kit_recall(const char *path, const char *a, const char *b)
{
    char text[1024];
    char hex_a[HM_SHA256_HEX_SIZE];
    char hex_b[HM_SHA256_HEX_SIZE] = "";
    bool is_swapped;

    kit_digest_of(a, hex_a);
    if (b != NULL)
        kit_digest_of(b, hex_b);
    is_swapped = b != NULL && strcmp(hex_a, hex_b) > 0;
    (void)snprintf(text, sizeof(text),
                   "hallmark/recall v1\nsite example\npath %s\ndocument %s 17\ndigest %s\n%s%s%s"
                   "role recalls~acme 2\n",
                   path, hex_a, is_swapped ? hex_b : hex_a, b == NULL ? "" : "digest ",
                   b == NULL ? "" : (is_swapped ? hex_a : hex_b), b == NULL ? "" : "\n");
    return kit_parse_entry(text);
}

/* An attested maker, or one with an identity of this version. */
static inline struct hm_entry *kit_maker(const char *id, unsigned version)
{
    char text[1024];
    char hex[HM_SHA256_HEX_SIZE];

    kit_digest_of(id, hex);
    if (version == 0)
        (void)snprintf(
            text, sizeof(text),
            "hallmark/maker v1\nsite example\nmaker %s\ngrade attested\nrole targets 2\n", id);
    else
        (void)snprintf(text, sizeof(text),
                       "hallmark/maker v1\nsite example\nmaker %s\ngrade maker\n"
                       "identity %u %s 900\nrole targets 2\n",
                       id, version, hex);
    return kit_parse_entry(text);
}

#endif
