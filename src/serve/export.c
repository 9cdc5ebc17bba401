/* SPDX-License-Identifier: Apache-2.0 */
/* Book and passwords for processes without a database. See export.h. */
#include "serve/export.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"

#define WAIT_MS      5000
#define PASSWORD_MAX 128
#define PUBLIC_MODE  0640
#define NAME_SIZE    (HM_TOKEN_ACCOUNT_SIZE_MAX + 16)

/* The password files that there shall be, in the order of their names. */
struct passwords {
    struct hm_arena arena;
    const char **names;
    const struct hm_sha1 **digests;
    size_t count, capacity;
    int64_t next_unix_s;
};

static void passwords_done(struct passwords *passwords)
{
    hm_arena_done(&passwords->arena);
}

enum hm_rc hm_export_open(const struct hm_dir *private_dir, struct hm_err *err,
                          struct hm_export *ret_export)
{
    *ret_export = (struct hm_export){.is_done = false};
    return hm_accounts_open(private_dir, HM_DATABASE_CHANGE, WAIT_MS, err, &ret_export->accounts);
}

void hm_export_done(struct hm_export *export)
{
    hm_accounts_done(&export->accounts);
}

enum hm_rc hm_export_is_due(struct hm_export *export, int64_t now_unix_s, struct hm_err *err,
                            bool *ret_is_due)
{
    int64_t version = 0;

    HM_TRY(hm_database_data_version(export->accounts.database, err, &version));
    *ret_is_due = !export->is_done || version != export->data_version ||
                  (export->next_unix_s != 0 && now_unix_s >= export->next_unix_s);
    return HM_OK;
}

static enum hm_rc on_token(void *ctx, const char *name, const struct hm_account_token *token,
                           struct hm_err *err)
{
    struct passwords *passwords = ctx;
    struct hm_sha1 *digest;
    char text[NAME_SIZE];

    if (passwords->next_unix_s == 0 ||
        (token->expires_unix_s != 0 && token->expires_unix_s < passwords->next_unix_s))
        passwords->next_unix_s = token->expires_unix_s;
    if (passwords->count == passwords->capacity) {
        size_t wanted = passwords->capacity == 0 ? 64 : 2 * passwords->capacity;
        size_t size = sizeof(const char *);

        passwords->names = hm_arena_grow(&passwords->arena, passwords->names,
                                         passwords->capacity * size, wanted * size);
        passwords->digests = hm_arena_grow(&passwords->arena, passwords->digests,
                                           passwords->capacity * size, wanted * size);
        if (passwords->names == NULL || passwords->digests == NULL)
            return hm_error_nomem(err);
        passwords->capacity = wanted;
    }
    (void)snprintf(text, sizeof(text), "%s.%u", name, token->number);
    digest = hm_arena_alloc(&passwords->arena, 1, sizeof(*digest));
    passwords->names[passwords->count] = hm_arena_strdup(&passwords->arena, hm_bytes_str(text));
    if (digest == NULL || passwords->names[passwords->count] == NULL)
        return hm_error_nomem(err);
    *digest = token->sha1;
    passwords->digests[passwords->count++] = digest;
    return HM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_in(const char *const *sorted, size_t count, const char *name)
{
    return count > 0 && bsearch(&name, sorted, count, sizeof(name), compare_names) != NULL;
}

/* Takes away what is not to be there. */
static enum hm_rc remove_others(const struct hm_dir *dir, const struct passwords *passwords,
                                struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sorted = hm_arena_alloc(&arena, passwords->count, sizeof(*sorted));
    const char **there = NULL;
    size_t count = 0;

    if (sorted == NULL)
        return hm_error_nomem(err);
    if (passwords->count > 0)
        memcpy(sorted, passwords->names, passwords->count * sizeof(*sorted));
    qsort(sorted, passwords->count, sizeof(*sorted), compare_names);
    HM_TRY(hm_dir_list(dir, ".", 2 * HM_ACCOUNTS_TOKENS_MAX, &arena, err, &there, &count));
    for (size_t i = 0; i < count; i++)
        if (!is_in(sorted, passwords->count, there[i]))
            HM_TRY(hm_dir_remove(dir, there[i], err));
    return HM_OK;
}

static enum hm_rc write_file(const struct hm_dir *dir, const char *name, gid_t gid,
                             struct hm_bytes bytes, struct hm_err *err)
{
    HM_TRY(hm_file_replace_unflushed(dir, name, PUBLIC_MODE, bytes, err));
    /* Until then the group cannot read it, and refuses: the safe side. */
    if (gid != (gid_t)-1 && fchownat(dir->fd, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) != 0)
        return hm_error_errno(err, errno, "'%s/%s' cannot be given to the server's group",
                              dir->path, name);
    return HM_OK;
}

static enum hm_rc write_passwords(const struct hm_dir *dir, const struct passwords *passwords,
                                  gid_t gid, struct hm_err *err)
{
    for (size_t i = 0; i < passwords->count; i++) {
        uint8_t text[HM_BASE64_SIZE(HM_SHA1_SIZE)];
        char line[PASSWORD_MAX];
        int size;

        if (hm_dir_has(dir, passwords->names[i]))
            continue; /* a number is never used twice: it has the same secret */
        hm_base64_encode(hm_bytes_make(passwords->digests[i]->bytes, HM_SHA1_SIZE), text);
        size = snprintf(line, sizeof(line), "%s:{SHA}%.*s\n", passwords->names[i],
                        (int)sizeof(text), (const char *)text);
        HM_TRY(write_file(dir, passwords->names[i], gid, hm_bytes_make(line, (size_t)size), err));
    }
    return HM_OK;
}

static enum hm_rc generation_of(struct hm_bytes raw, struct hm_err *err, uint64_t *ret_generation)
{
    _hm_free_(hm_book_free) struct hm_book *book = NULL;

    HM_TRY(hm_book_parse(raw, err, &book)); /* as those who read it will */
    *ret_generation = book->generation;
    return HM_OK;
}

enum hm_rc hm_export_run(struct hm_export *export, const struct hm_dir *run, gid_t gid,
                         int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(passwords_done) struct passwords passwords = {.arena = HM_ARENA_INIT};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    uint64_t generation = 0;
    int64_t version = 0;

    /* Read first: a change in between makes it due again. */
    HM_TRY(hm_database_data_version(export->accounts.database, err, &version));
    HM_TRY(hm_book_write(&export->accounts, now_unix_s, on_token, &passwords, err, &text));
    HM_TRY(generation_of(hm_buf_bytes(&text), err, &generation));
    HM_TRY(hm_dir_open_at(run, HM_EXPORT_PASSWORDS, false, err, &dir));
    HM_TRY(remove_others(&dir, &passwords, err));
    HM_TRY(write_file(run, HM_EXPORT_BOOK, gid, hm_buf_bytes(&text), err));
    HM_TRY(write_passwords(&dir, &passwords, gid, err));
    export->data_version = version;
    export->next_unix_s = passwords.next_unix_s;
    export->generation = generation;
    export->is_done = true;
    return HM_OK;
}

enum hm_rc hm_export_book(struct hm_export *export, int64_t now_unix_s, struct hm_err *err,
                          struct hm_book **ret_book)
{
    _hm_done_(passwords_done) struct passwords passwords = {.arena = HM_ARENA_INIT};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    int64_t version = 0;

    HM_TRY(hm_database_data_version(export->accounts.database, err, &version));
    HM_TRY(hm_book_write(&export->accounts, now_unix_s, on_token, &passwords, err, &text));
    HM_TRY(hm_book_parse(hm_buf_bytes(&text), err, ret_book));
    export->data_version = version;
    export->next_unix_s = passwords.next_unix_s;
    export->generation = (*ret_book)->generation;
    export->is_done = true;
    return HM_OK;
}

enum hm_rc hm_export_tell(const struct hm_export *export, const struct hm_dir *private_dir,
                          struct hm_err *err)
{
    char text[24];
    int size = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)export->generation);

    return hm_file_replace_unflushed(private_dir, HM_EXPORT_APPLIED, 0600,
                                     hm_bytes_make(text, (size_t)size), err);
}
