/* SPDX-License-Identifier: Apache-2.0 */
/* tests/vectors/tlog.json for the tests of src/tlog: members of its cases, keys, verdicts. */
#ifndef HM_TESTS_TLOG_VECTORS_H
#define HM_TESTS_TLOG_VECTORS_H

#include "unit.h"

#include <jansson.h>

#include "base/text.h"
#include "tlog/note_key.h"

#ifndef TLOG_VECTORS
#define TLOG_VECTORS "tests/vectors/tlog.json"
#endif
#define TLOG_KEYS_MAX  8
#define TLOG_TIME      1790000000 /* when the vectors' witnesses signed */
#define TLOG_TEXT_SIZE 200000

static json_t *tlog_vectors;

static inline int tlog_vectors_load(void **state)
{
    json_error_t error;

    tlog_vectors = json_load_file(TLOG_VECTORS, JSON_ALLOW_NUL, &error);
    if (tlog_vectors == NULL)
        print_error("%s:%d: %s\n", TLOG_VECTORS, error.line, error.text);
    return tlog_vectors == NULL ? -1 : 0;
}

static inline int tlog_vectors_free(void **state)
{
    json_decref(tlog_vectors);
    return 0;
}

/* A section with at least count cases. */
static inline const json_t *tlog_section(const char *name, size_t count)
{
    const json_t *section = json_object_get(tlog_vectors, name);

    assert_true(json_array_size(section) >= count);
    print_message("%s: %zu cases\n", name, json_array_size(section));
    return section;
}

static inline const char *tlog_str(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value))
        fail_msg("'%s' has no '%s'", json_string_value(json_object_get(object, "name")), name);
    return json_string_value(value);
}

/* The member NAME, or NAME_hex, as bytes in buf. */
static inline struct hm_bytes tlog_bytes(const json_t *object, const char *name, struct hm_buf *buf)
{
    const json_t *value = json_object_get(object, name);
    char hex_name[64];
    struct hm_bytes hex;

    hm_buf_clear(buf);
    if (json_is_string(value)) {
        assert_int_equal(
            hm_buf_append(buf, hm_bytes_make(json_string_value(value), json_string_length(value)),
                          NULL),
            HM_OK);
        return hm_buf_bytes(buf);
    }
    (void)snprintf(hex_name, sizeof(hex_name), "%s_hex", name);
    hex = hm_bytes_str(tlog_str(object, hex_name));
    assert_int_equal(hm_buf_reserve(buf, hex.size / 2 + 1, NULL), HM_OK);
    assert_int_equal(hm_text_unhex(hex, buf->data, hex.size / 2), HM_OK);
    buf->size = hex.size / 2;
    return hm_buf_bytes(buf);
}

static inline struct hm_sha256 tlog_hash(const json_t *object, const char *name)
{
    struct hm_sha256 hash;

    assert_int_equal(hm_text_unhex(hm_bytes_str(tlog_str(object, name)), hash.bytes, 32), HM_OK);
    return hash;
}

static inline const char *tlog_rc_name(enum hm_rc rc)
{
    return rc == HM_OK ? "HM_OK" : hm_error_name(rc);
}

/* Fails the test unless the verdict is the case's. */
static inline void tlog_assert_rc(const json_t *vector, enum hm_rc rc, const char *expected,
                                  const struct hm_err *err)
{
    if (strcmp(tlog_rc_name(rc), expected) != 0)
        fail_msg("'%s': %s (%s), expected %s", tlog_str(vector, "name"), tlog_rc_name(rc),
                 err->text, expected);
    if (rc != HM_OK)
        assert_int_equal(err->rc, rc);
}

static inline struct hm_note_key *tlog_key(const char *vkey)
{
    struct hm_note_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_note_key_parse(hm_bytes_str(vkey), &err, &key) != HM_OK)
        fail_msg("'%s': %s", vkey, err.text);
    return key;
}

/* The keys of an array of vkeys. */
static inline size_t tlog_keys(const json_t *array, struct hm_note_key **keys)
{
    assert_true(json_array_size(array) <= TLOG_KEYS_MAX);
    for (size_t i = 0; i < json_array_size(array); i++)
        keys[i] = tlog_key(json_string_value(json_array_get(array, i)));
    return json_array_size(array);
}

static inline void tlog_keys_free(struct hm_note_key **keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hm_note_key_free(keys[i]);
}

static inline bool tlog_array_has(const json_t *array, const char *str)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (strcmp(json_string_value(json_array_get(array, i)), str) == 0)
            return true;
    }
    return false;
}

/* Does the installed OpenSSL have ML-DSA? */
static inline bool tlog_has_ml_dsa(void)
{
    static const uint8_t zeros[1312];
    struct hm_key *key = NULL;
    enum hm_rc rc = hm_key_parse_raw("ml-dsa-44", hm_bytes_make(zeros, sizeof(zeros)), NULL, &key);

    hm_key_free(key);
    return rc != HM_EUNKNOWN;
}

#endif
