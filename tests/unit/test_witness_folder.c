/* SPDX-License-Identifier: Apache-2.0 */
/* A witness's folder: made once, opened whole, and its logs. */
#include "unit.h"

#include "tlog/witness_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "log_kit.h"
#include "tmpdir.h"

#define NAME "witness.example/one"

static char path[702];
static struct hm_witness_folder *folder;

static int setup(void **state)
{
    int result = tmpdir_setup(state);

    (void)snprintf(path, sizeof(path), "%s/a/w", tmpdir_of(state)->path);
    assert_int_equal(hm_witness_folder_init(path, NAME, false, NULL), HM_OK);
    assert_int_equal(hm_witness_folder_open(path, NULL, &folder), HM_OK);
    return result;
}

static int teardown(void **state)
{
    hm_witness_folder_free(folder);
    folder = NULL;
    return tmpdir_teardown(state);
}

static enum hm_rc reopen(struct hm_err *err)
{
    hm_witness_folder_free(folder);
    folder = NULL;
    return hm_witness_folder_open(path, err, &folder);
}

static void put(const char *name, mode_t mode, const char *text)
{
    assert_int_equal(hm_file_replace(&folder->dir, name, mode, hm_bytes_str(text), NULL), HM_OK);
}

static void test_init__makes_a_key_that_only_its_owner_reads(void **state)
{
    struct stat st;

    assert_string_equal(folder->name, NAME);
    assert_int_equal(folder->key_count, 1);
    assert_int_equal(folder->keys[0].key->kind, HM_NOTE_COSIGNATURE);
    assert_string_equal(folder->keys[0].key->name, NAME);
    assert_int_equal(fstatat(folder->dir.fd, "key.pem", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fstatat(folder->dir.fd, ".", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_init__never_replaces_a_witness(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    uint32_t id = folder->keys[0].key->id;

    assert_int_equal(hm_witness_folder_init(path, "other", false, &err), HM_EREFUSED);
    assert_int_equal(unlinkat(folder->dir.fd, "format", 0), 0);
    assert_int_equal(hm_witness_folder_init(path, "other", false, &err), HM_EREFUSED);
    put("format", 0644, "hallmark-witness 1\n");
    assert_int_equal(reopen(NULL), HM_OK);
    assert_int_equal(folder->keys[0].key->id, id);
}

static void test_init__refuses_names(void **state)
{
    static const char *const bad[] = {"", "a b", "a+b", "a\nb", "\xff"};
    char other[702];

    (void)snprintf(other, sizeof(other), "%s/b", tmpdir_of(state)->path);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_witness_folder_init(other, bad[i], false, NULL), HM_EUSAGE);
    assert_int_not_equal(access(other, F_OK), 0);
}

static void test_init__says_where_ml_dsa_is_missing(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    char other[702];
    enum hm_rc rc;

    (void)snprintf(other, sizeof(other), "%s/b", tmpdir_of(state)->path);
    rc = hm_witness_folder_init(other, NAME, true, &err);
    if (rc == HM_OK) {
        memcpy(path, other, strlen(other) + 1);
        assert_int_equal(reopen(NULL), HM_OK);
        assert_int_equal(folder->key_count, 2);
        assert_int_equal(folder->keys[1].key->kind, HM_NOTE_COSIGNATURE_ML_DSA);
        return;
    }
    assert_int_equal(rc, HM_EUNKNOWN);
    /* Nothing that counts was left: it can be made without. */
    assert_int_equal(hm_witness_folder_init(other, NAME, false, &err), HM_OK);
}

static void test_open__says_what_is_wrong(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_witness_folder *none = NULL;

    assert_int_equal(hm_witness_folder_open("/nowhere", &err, &none), HM_EINPUT);
    assert_non_null(strstr(err.text, "witness init"));
    assert_int_equal(hm_witness_folder_open(tmpdir_of(state)->path, &err, &none), HM_EINPUT);
    assert_non_null(strstr(err.text, "witness init"));
}

static void test_open__refuses_damage(void **state)
{
    static const struct {
        const char *file, *text;
        mode_t mode;
        enum hm_rc rc;
    } damages[] = {
        {"format", "hallmark-witness 2\n", 0644, HM_EREFUSED},
        {"format", "hallmark-site 1\n", 0644, HM_EFORMAT},
        {"format", "hallmark-witness 1", 0644, HM_EFORMAT},
        {"format", "", 0644, HM_EFORMAT},
        {"witness.json", "{}", 0644, HM_EFORMAT},
        {"witness.json", "{\"schema\":\"hallmark/witness/2\",\"name\":\"a\"}", 0644, HM_EFORMAT},
        {"witness.json", "{\"schema\":\"hallmark/witness/1\",\"name\":\"a b\"}", 0644, HM_EFORMAT},
        {"witness.json", "{\"schema\":\"hallmark/witness/1\",\"name\":\"a\"}x", 0644, HM_EFORMAT},
        {"witness.json", "", 0644, HM_EFORMAT},
        {"key.pem", "", 0600, HM_EFORMAT},
        {"key.pem", "", 0644, HM_EREFUSED},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(damages); i++) {
        _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(100000);
        struct hm_witness_folder *damaged = NULL;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_dir_read(&folder->dir, damages[i].file, NULL, &good), HM_OK);
        put(damages[i].file, damages[i].mode, damages[i].text);
        if (hm_witness_folder_open(path, &err, &damaged) != damages[i].rc)
            fail_msg("%s '%s': %s", damages[i].file, damages[i].text, err.text);
        assert_int_equal(
            hm_file_replace(&folder->dir, damages[i].file, 0600, hm_buf_bytes(&good), NULL), HM_OK);
    }
    assert_int_equal(reopen(NULL), HM_OK);
}

/* --- logs --- */

static struct hm_witness_folder_log *add(const struct log_kit_signer *signer, const char *origin,
                                         const char *url, enum hm_rc expected)
{
    struct hm_witness_folder_log *log = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_witness_folder_add(folder, log_kit_vkey(signer), origin, url, &err, &log);

    if (rc != expected)
        fail_msg("%s: %s", hm_error_name(rc), err.text);
    return log;
}

static void test_add__gathers_keys_and_urls(void **state)
{
    struct log_kit_signer first = log_kit_signer_make("log.example", HM_NOTE_ED25519, 1);
    struct log_kit_signer second = log_kit_signer_make("log.example", HM_NOTE_ED25519, 2);
    struct log_kit_signer other = log_kit_signer_make("key.example", HM_NOTE_ED25519, 3);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_witness_folder_log *log;
    const char **hashes;
    size_t count = 7;

    assert_int_equal(hm_witness_folder_list(folder, &arena, NULL, &hashes, &count), HM_OK);
    assert_int_equal(count, 0);
    hm_witness_folder_log_free(add(&first, NULL, NULL, HM_OK));
    hm_witness_folder_log_free(add(&first, NULL, NULL, HM_OK));
    hm_witness_folder_log_free(add(&second, NULL, "https://log.example/", HM_OK));
    log = add(&other, "log.example", NULL, HM_OK);
    assert_string_equal(log->origin, "log.example");
    assert_string_equal(log->url, "https://log.example/");
    assert_int_equal(log->key_count, 3);
    assert_int_equal(hm_witness_folder_list(folder, &arena, NULL, &hashes, &count), HM_OK);
    assert_int_equal(count, 1);
    assert_string_equal(hashes[0], log->hash);
    hm_witness_folder_log_free(log);
    assert_int_equal(hm_witness_folder_log_read(folder, hashes[0], NULL, &log), HM_OK);
    assert_int_equal(log->key_count, 3);
    assert_string_equal(log->keys[2]->name, "key.example");
    hm_witness_folder_log_free(log);
    hm_witness_folder_log_free(add(&other, NULL, NULL, HM_OK)); /* a log of its own */
    assert_int_equal(hm_witness_folder_list(folder, &arena, NULL, &hashes, &count), HM_OK);
    assert_int_equal(count, 2);
    assert_int_equal(hm_witness_folder_remove(folder, "log.example", NULL), HM_OK);
    assert_int_equal(hm_witness_folder_remove(folder, "log.example", NULL), HM_ENOTFOUND);
    assert_int_equal(hm_witness_folder_list(folder, &arena, NULL, &hashes, &count), HM_OK);
    assert_int_equal(count, 1);
    log_kit_signer_done(&first);
    log_kit_signer_done(&second);
    log_kit_signer_done(&other);
}

static void test_add__refuses(void **state)
{
    struct log_kit_signer log = log_kit_signer_make("log.example", HM_NOTE_ED25519, 1);
    struct log_kit_signer cosigner = log_kit_signer_make("w.example", HM_NOTE_COSIGNATURE, 1);
    struct hm_witness_folder_log *none = NULL;

    assert_null(add(&cosigner, NULL, NULL, HM_EUSAGE));
    assert_null(add(&log, "", NULL, HM_EUSAGE));
    assert_null(add(&log, "a\nb", NULL, HM_EUSAGE));
    assert_null(add(&log, NULL, "ftp://x/", HM_EUSAGE));
    assert_null(add(&log, NULL, "", HM_EUSAGE));
    assert_int_equal(hm_witness_folder_add(folder, "log.example", NULL, NULL, NULL, &none),
                     HM_EFORMAT);
    assert_int_equal(hm_witness_folder_add(folder, "", NULL, NULL, NULL, &none), HM_EFORMAT);
    log_kit_signer_done(&log);
    log_kit_signer_done(&cosigner);
}

static void test_add__takes_only_so_many_keys(void **state)
{
    for (uint8_t i = 0; i <= HM_WITNESS_FOLDER_KEYS_MAX; i++) {
        struct log_kit_signer signer =
            log_kit_signer_make("log.example", HM_NOTE_ED25519, (uint8_t)(i + 1));

        hm_witness_folder_log_free(
            add(&signer, NULL, NULL, i < HM_WITNESS_FOLDER_KEYS_MAX ? HM_OK : HM_EREFUSED));
        log_kit_signer_done(&signer);
    }
}

static void test_log_read__refuses_damage(void **state)
{
    struct log_kit_signer signer = log_kit_signer_make("log.example", HM_NOTE_ED25519, 1);
    struct hm_witness_folder_log *log = add(&signer, NULL, NULL, HM_OK);
    struct hm_witness_folder_log *read = NULL;
    char name[200];
    static const char *const bad[] = {
        "",
        "{}",
        "{\"schema\":\"hallmark/witness-log/1\",\"origin\":\"log.example\",\"keys\":[]}",
        "{\"schema\":\"hallmark/witness-log/1\",\"origin\":\"log.example\",\"keys\":[\"x\"]}",
        "{\"schema\":\"hallmark/witness-log/1\",\"keys\":[]}",
        "{\"schema\":\"hallmark/witness-log/2\"}",
    };

    (void)snprintf(name, sizeof(name), "logs/%s/log.json", log->hash);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        put(name, 0644, bad[i]);
        assert_int_equal(hm_witness_folder_log_read(folder, log->hash, NULL, &read), HM_EFORMAT);
        assert_null(add(&signer, NULL, NULL, HM_EFORMAT)); /* and is not written over */
    }
    {
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(10000);

        assert_int_equal(hm_buf_append_fmt(&text, NULL,
                                           "{\"schema\":\"hallmark/witness-log/1\",\"origin\":"
                                           "\"log.other\",\"keys\":[\"%s\"]}",
                                           log_kit_vkey(&signer)),
                         HM_OK);
        put(name, 0644, hm_buf_str(&text)); /* another's */
        assert_int_equal(hm_witness_folder_log_read(folder, log->hash, NULL, &read), HM_EFORMAT);
    }
    hm_witness_folder_log_free(log);
    log_kit_signer_done(&signer);
}

#define folder_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_init__makes_a_key_that_only_its_owner_reads),
        folder_test(test_init__never_replaces_a_witness),
        folder_test(test_init__refuses_names),
        folder_test(test_init__says_where_ml_dsa_is_missing),
        folder_test(test_open__says_what_is_wrong),
        folder_test(test_open__refuses_damage),
        folder_test(test_add__gathers_keys_and_urls),
        folder_test(test_add__refuses),
        folder_test(test_add__takes_only_so_many_keys),
        folder_test(test_log_read__refuses_damage),
    };

    return cmocka_run_group_tests_name("witness_folder", tests, NULL, NULL);
}
