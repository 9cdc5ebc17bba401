/* SPDX-License-Identifier: Apache-2.0 */
/* A client's key for deliveries. See delivery_key.h. */
#include "customer/delivery_key.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "customer/delivery_order.h"

#define PATH_SIZE_MAX 65536
#define ID_SIZE       8 /* hexadecimal digits of the key's hash in its name */

void hm_delivery_key_done(struct hm_delivery_key *key)
{
    hm_signer_free(key->signer);
    hm_note_key_free(key->key);
    hm_buf_done(&key->note);
    *key = (struct hm_delivery_key)HM_DELIVERY_KEY_INIT;
}

enum hm_rc hm_delivery_key_account(const char *token, struct hm_arena *arena, struct hm_err *err,
                                   const char **ret_account)
{
    const char *last = strrchr(token, '.');
    const char *number = last == NULL ? NULL : memrchr(token, '.', (size_t)(last - token));

    if (number == NULL || number == token)
        return hm_fail(err, HM_EFORMAT, "the token is not CUSTOMER.NUMBER.SECRET");
    *ret_account = hm_arena_strdup(arena, hm_bytes_make(token, (size_t)(number - token)));
    return *ret_account == NULL ? hm_error_nomem(err) : HM_OK;
}

/* ---- making ---- */

/* ACCOUNT/HOST-XXXXXXXX. */
static enum hm_rc make_name(const char *account, const struct hm_key *key, struct hm_err *err,
                            struct hm_buf *ret_name)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *nameless = NULL;
    char host[HM_DELIVERY_KEY_HOST_SIZE + 1] = "";
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];

    if (gethostname(host, sizeof(host)) != 0 && host[0] == '\0')
        (void)snprintf(host, sizeof(host), "host"); /* a long one is cut, which is fine */
    host[sizeof(host) - 1] = '\0';
    for (char *at = host; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9') || *at == '.' || *at == '-';

        *at = is_plain ? *at : '-';
    }
    HM_TRY(hm_note_key_make("x", HM_NOTE_ED25519, key, err, &nameless));
    HM_TRY(hm_digest_sha256(hm_bytes_make(nameless->public, nameless->public_size), err, &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(ret_name, err, "%s/%s-%.*s", account, host[0] == '\0' ? "host" : host,
                             ID_SIZE, hex);
}

static enum hm_rc sign_note(const struct hm_delivery_key *key, struct hm_bytes text,
                            struct hm_err *err, struct hm_buf *ret_note)
{
    HM_TRY(hm_note_write_text(text, err, ret_note));
    return hm_note_sign(text, key->key, key->signer, 0, err, ret_note);
}

enum hm_rc hm_delivery_key_write(const struct hm_delivery_key *key, struct hm_err *err,
                                 struct hm_buf *ret_note)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    HM_TRY(hm_note_parse(hm_buf_bytes(&key->note), err, &note));
    return sign_note(key, note->text, err, ret_note);
}

/* Names the key and says whose it is, as nobody but itself has signed yet. */
static enum hm_rc make_note(const struct hm_dir *dir, const struct hm_delivery_owner *owner,
                            struct hm_err *err, struct hm_delivery_key *key)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_NOTE_KEY_NAME_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_statement statement = {.kind = HM_STATEMENT_KEY,
                                     .site = owner->site,
                                     .account = owner->account,
                                     .time_unix_s = owner->now_unix_s};

    HM_TRY(make_name(owner->account, hm_signer_key(key->signer), err, &name));
    HM_TRY(hm_note_key_make(hm_buf_str(&name), HM_NOTE_ED25519, hm_signer_key(key->signer), err,
                            &key->key));
    HM_TRY(hm_note_key_write(key->key, err, &vkey));
    statement.client = key->key->name;
    statement.key = hm_buf_str(&vkey);
    HM_TRY(hm_statement_write(&statement, err, &text));
    HM_TRY(sign_note(key, hm_buf_bytes(&text), err, &key->note));
    return hm_file_replace(dir, HM_DELIVERY_KEY_NOTE, 0600, hm_buf_bytes(&key->note), err);
}

static enum hm_rc make(const struct hm_dir *dir, const struct hm_delivery_owner *owner,
                       struct hm_err *err, struct hm_delivery_key *key)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;

    HM_TRY(hm_signer_generate("ed25519", err, &key->signer));
    HM_TRY(hm_signer_write(key->signer, NULL, err, &pem));
    HM_TRY(hm_file_replace(dir, HM_DELIVERY_KEY_PEM, 0600, hm_bytes_make(pem.data, pem.size), err));
    HM_TRY(make_note(dir, owner, err, key));
    key->is_made = true;
    return HM_OK;
}

/* ---- reading ---- */

/* The note of a key that is there. HM_EUNKNOWN: it is of another account. */
static enum hm_rc take_note(const struct hm_delivery_owner *owner, struct hm_err *err,
                            struct hm_delivery_key *key)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *said = NULL;
    const struct hm_note_key *site = owner->site_key;
    const struct hm_note_key *own;
    struct hm_statement statement;

    HM_TRY(hm_note_parse(hm_buf_bytes(&key->note), err, &note));
    HM_TRY(hm_statement_parse(note->text, &arena, err, &statement));
    if (statement.kind != HM_STATEMENT_KEY)
        return hm_fail(err, HM_EFORMAT, "it is a '%s'", hm_statement_kind_name(statement.kind));
    HM_TRY(hm_note_key_parse(hm_bytes_str(statement.key), err, &said));
    HM_TRY(hm_note_key_make(statement.client, HM_NOTE_ED25519, hm_signer_key(key->signer), err,
                            &key->key));
    if (!hm_note_key_is_same(said, key->key))
        return hm_fail(err, HM_EFORMAT, "it is of another key than '" HM_DELIVERY_KEY_PEM "'");
    if (strcmp(statement.account, owner->account) != 0 || strcmp(statement.site, owner->site) != 0)
        return hm_fail(err, HM_EUNKNOWN, "it is of account '%s'", statement.account);
    own = key->key;
    HM_TRY(hm_note_verify(note, &own, 1, err, NULL));
    /* What another key of the site signed once says nothing today: it is asked again. */
    key->is_enrolled = hm_note_verify(note, &site, 1, NULL, NULL) == HM_OK;
    return HM_OK;
}

static enum hm_rc load(const struct hm_dir *dir, const struct hm_delivery_owner *owner,
                       struct hm_err *err, struct hm_delivery_key *key)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(PATH_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_buf_append_fmt(&path, err, "%s/" HM_DELIVERY_KEY_PEM, dir->path));
    HM_TRY(hm_signer_load(hm_buf_str(&path), NULL, NULL, err, &key->signer));
    rc = hm_dir_read(dir, HM_DELIVERY_KEY_NOTE, err, &key->note);
    /* Interrupted right after the key was made. */
    if (rc == HM_ENOTFOUND)
        return make_note(dir, owner, err, key);
    if (rc == HM_OK)
        rc = take_note(owner, err, key);
    if (rc == HM_OK || rc == HM_EUNKNOWN)
        return rc;
    return hm_error_prefix(err, rc, "'%s/" HM_DELIVERY_KEY_NOTE "'", dir->path);
}

enum hm_rc hm_delivery_key_open(const struct hm_dir *dir, const struct hm_delivery_owner *owner,
                                struct hm_err *err, struct hm_delivery_key *ret_key)
{
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    enum hm_rc rc = HM_EUNKNOWN;

    if (hm_dir_has(dir, HM_DELIVERY_KEY_PEM)) {
        rc = load(dir, owner, err, &key);
        if (rc == HM_EUNKNOWN)
            HM_TRY(hm_delivery_key_retire(dir, err));
    }
    if (rc == HM_EUNKNOWN) {
        hm_delivery_key_done(&key);
        rc = make(dir, owner, err, &key);
    }
    HM_TRY(rc);
    *ret_key = key;
    key = (struct hm_delivery_key)HM_DELIVERY_KEY_INIT;
    return HM_OK;
}

/* ---- changes ---- */

enum hm_rc hm_delivery_key_enrol(struct hm_delivery_key *key, const struct hm_dir *dir,
                                 const struct hm_delivery_owner *owner, struct hm_bytes answer,
                                 struct hm_err *err)
{
    _hm_free_(hm_note_free) struct hm_note *sent = NULL;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    const struct hm_note_key *signer = owner->site_key;

    HM_TRY(hm_note_parse(hm_buf_bytes(&key->note), err, &sent));
    HM_TRY(hm_note_parse(answer, err, &note));
    if (!hm_bytes_is_equal(sent->text, note->text))
        return hm_fail(err, HM_EREFUSED, "it has another text than the one that was sent");
    HM_TRY(hm_note_verify(note, &signer, 1, err, NULL));
    signer = key->key;
    HM_TRY(hm_note_verify(note, &signer, 1, err, NULL));
    HM_TRY(hm_file_replace(dir, HM_DELIVERY_KEY_NOTE, 0600, answer, err));
    hm_buf_clear(&key->note);
    HM_TRY(hm_buf_append(&key->note, answer, err));
    key->is_enrolled = true;
    return HM_OK;
}

enum hm_rc hm_delivery_key_retire(const struct hm_dir *dir, struct hm_err *err)
{
    /* The order first: a key whose order is lost is put aside again by whoever finds it. */
    static const char *const names[] = {HM_DELIVERY_ORDER_NAME, HM_DELIVERY_KEY_NOTE,
                                        HM_DELIVERY_KEY_PEM};
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    char name[64];

    for (unsigned i = 1;; i++) {
        (void)snprintf(name, sizeof(name), "old/%u/" HM_DELIVERY_KEY_PEM, i);
        if (!hm_dir_has(dir, name)) {
            (void)snprintf(name, sizeof(name), "old/%u", i);
            break;
        }
    }
    HM_TRY(hm_dir_open_at(dir, name, true, err, &folder));
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        if (hm_dir_has(dir, names[i]))
            HM_TRY(hm_dir_rename(dir, names[i], &folder, names[i], err));
    return HM_OK;
}
