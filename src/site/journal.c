/* SPDX-License-Identifier: Apache-2.0 */
/* The publish journal (journal.h). */
#include "site/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/log_step.h"

#define HM_JOURNAL_TMP       "publish/next.tmp"
#define HM_JOURNAL_NEXT      "publish/next"
#define HM_JOURNAL_MEMORY    "published" /* below next, and below private */
#define HM_JOURNAL_PATH_SIZE 1200        /* "publish/next/files/" and a target path with its hash */

/* Writing */

enum hm_rc hm_journal_begin(const struct hm_dir *private_dir, struct hm_err *err,
                            struct hm_journal *ret_journal)
{
    struct hm_journal journal = {.private_dir = private_dir,
                                 .next = HM_DIR_INIT,
                                 .done = HM_BUF_INIT(HM_JOURNAL_DONE_SIZE_MAX)};

    if (hm_dir_has(private_dir, HM_JOURNAL_NEXT))
        return hm_fail(err, HM_EINTERNAL,
                       "'private/publish/next' is there already: it must be rolled forward first");
    HM_TRY(hm_dir_remove_tree(private_dir, HM_JOURNAL_TMP, err));
    HM_TRY(hm_dir_open_at(private_dir, HM_JOURNAL_TMP, true, err, &journal.next));
    *ret_journal = journal;
    return HM_OK;
}

static enum hm_rc refuse_other_bytes(const char *path, struct hm_err *err)
{
    return hm_fail(err, HM_EREFUSED,
                   "'public/%s' is there already with other bytes: what was published is never "
                   "changed; look for a restored backup or a stray file, and move it away",
                   path);
}

/* Whether public has path with exactly these bytes; HM_EREFUSED where it has others. */
static enum hm_rc has_same(const struct hm_dir *public_dir, const char *path, struct hm_bytes bytes,
                           struct hm_err *err, bool *ret_same)
{
    _hm_done_(hm_buf_done) struct hm_buf there = HM_BUF_INIT(bytes.size);
    enum hm_rc rc;

    *ret_same = false;
    if (!hm_dir_has(public_dir, path))
        return HM_OK;
    rc = hm_dir_read(public_dir, path, err, &there);
    if (rc == HM_EFORMAT) /* longer than ours */
        return refuse_other_bytes(path, err);
    if (rc != HM_OK)
        return rc;
    if (!hm_bytes_is_equal(hm_buf_bytes(&there), bytes))
        return refuse_other_bytes(path, err);
    *ret_same = true;
    return HM_OK;
}

/* folder: "files", "replace", "late", "log". */
static enum hm_rc next_path(const char *folder, const char *path,
                            char ret_path[HM_JOURNAL_PATH_SIZE], struct hm_err *err)
{
    int size = snprintf(ret_path, HM_JOURNAL_PATH_SIZE, "%s/%s", folder, path);

    if (size < 0 || size >= HM_JOURNAL_PATH_SIZE)
        return hm_fail(err, HM_EFORMAT, "'%s': longer than a path may be", path);
    return HM_OK;
}

static enum hm_rc add(struct hm_journal *journal, const char *folder,
                      const struct hm_dir *public_dir, const char *path, struct hm_bytes bytes,
                      struct hm_err *err)
{
    char name[HM_JOURNAL_PATH_SIZE];
    bool same;

    HM_TRY(next_path(folder, path, name, err));
    HM_TRY(has_same(public_dir, path, bytes, err, &same));
    if (same)
        return HM_OK;
    return hm_file_replace(&journal->next, name, 0644, bytes, err);
}

enum hm_rc hm_journal_add(struct hm_journal *journal, const struct hm_dir *public_dir,
                          const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    return add(journal, "files", public_dir, path, bytes, err);
}

enum hm_rc hm_journal_add_late(struct hm_journal *journal, const struct hm_dir *public_dir,
                               const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    return add(journal, "late", public_dir, path, bytes, err);
}

enum hm_rc hm_journal_replace(struct hm_journal *journal, const char *path, struct hm_bytes bytes,
                              struct hm_err *err)
{
    char name[HM_JOURNAL_PATH_SIZE];

    HM_TRY(next_path("replace", path, name, err));
    return hm_file_replace(&journal->next, name, 0644, bytes, err);
}

enum hm_rc hm_journal_add_log(struct hm_journal *journal, const char *name, struct hm_bytes bytes,
                              struct hm_err *err)
{
    char path[HM_JOURNAL_PATH_SIZE];

    HM_TRY(next_path("log", name, path, err));
    return hm_file_replace(&journal->next, path, 0600, bytes, err);
}

static enum hm_rc copy_image(const struct hm_dir *dst_dir, const char *name, int src_fd,
                             struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    const size_t block_size = 1 << 20;
    _hm_free_(free) char *block = malloc(block_size);

    if (block == NULL)
        return hm_error_nomem(err);
    if (lseek(src_fd, 0, SEEK_SET) != 0)
        return hm_error_errno(err, errno, "'%s': cannot be read again", name);
    HM_TRY(hm_file_writer_open(dst_dir, name, 0644, false, err, &writer));
    for (;;) {
        ssize_t got = read(src_fd, block, block_size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "'%s': cannot be read", name);
        if (got == 0)
            return hm_file_writer_commit(&writer, err);
        HM_TRY(hm_file_writer_write(&writer, hm_bytes_make(block, (size_t)got), err));
    }
}

/* Links the very file that was hashed, not whatever has its name by now. HM_EAGAIN: not possible
 * here, copy instead. */
static enum hm_rc link_image(const struct hm_dir *dst_dir, const char *name, int src_fd,
                             struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    char folder[HM_JOURNAL_PATH_SIZE], proc[64];
    const char *slash = strrchr(name, '/');

    HM_ASSERT(slash != NULL && (size_t)(slash - name) < sizeof(folder));
    memcpy(folder, name, (size_t)(slash - name));
    folder[slash - name] = '\0';
    HM_TRY(hm_dir_open_at(dst_dir, folder, true, err, &parent));
    (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", src_fd);
    if (linkat(AT_FDCWD, proc, parent.fd, slash + 1, AT_SYMLINK_FOLLOW) != 0)
        return HM_EAGAIN;
    if (fsync(parent.fd) != 0)
        return hm_error_errno(err, errno, "'%s': cannot be flushed", folder);
    return HM_OK;
}

enum hm_rc hm_journal_add_image(struct hm_journal *journal, const struct hm_dir *src_dir,
                                const char *src_path, const char *path, uint64_t length,
                                const struct hm_sha256 *sha256, struct hm_err *err)
{
    char name[HM_JOURNAL_PATH_SIZE];
    struct hm_sha256 found;
    uint64_t size, hashed;
    enum hm_rc rc;
    int fd;

    HM_TRY(next_path("files", path, name, err));
    HM_TRY(hm_dir_open_file(src_dir, src_path, err, &fd, &size));
    rc = hm_digest_fd(fd, NULL, NULL, err, &found, &hashed);
    if (rc == HM_OK && (hashed != length || !hm_digest_is_equal(&found, sha256)))
        rc = hm_fail(err, HM_EMISMATCH,
                     "'%s/%s': its bytes are not those that were signed for; the file was changed "
                     "after it was taken in",
                     src_dir->path, src_path);
    if (rc == HM_OK)
        rc = link_image(&journal->next, name, fd, err);
    if (rc == HM_EAGAIN)
        rc = copy_image(&journal->next, name, fd, err);
    (void)close(fd); /* only read from */
    return rc;
}

enum hm_rc hm_journal_add_timestamp(struct hm_journal *journal, struct hm_bytes bytes,
                                    struct hm_err *err)
{
    return hm_file_replace(&journal->next, "timestamp.json", 0644, bytes, err);
}

enum hm_rc hm_journal_remember(struct hm_journal *journal, const char *name, struct hm_bytes bytes,
                               struct hm_err *err)
{
    char path[HM_JOURNAL_PATH_SIZE];

    (void)snprintf(path, sizeof(path), HM_JOURNAL_MEMORY "/%s.json", name); /* a role of root's */
    return hm_file_replace(&journal->next, path, 0600, bytes, err);
}

enum hm_rc hm_journal_drop(struct hm_journal *journal, const char *path, struct hm_err *err)
{
    HM_TRY(hm_buf_append_str(&journal->done, path, err));
    return hm_buf_append_byte(&journal->done, '\n', err);
}

enum hm_rc hm_journal_commit(struct hm_journal *journal, struct hm_err *err)
{
    HM_TRY(hm_file_replace(&journal->next, "done", 0600, hm_buf_bytes(&journal->done), err));
    if (fsync(journal->next.fd) != 0)
        return hm_error_errno(err, errno, "'private/" HM_JOURNAL_TMP "': cannot be flushed");
    return hm_dir_rename(journal->private_dir, HM_JOURNAL_TMP, journal->private_dir,
                         HM_JOURNAL_NEXT, err);
}

void hm_journal_done(struct hm_journal *journal)
{
    hm_dir_done(&journal->next);
    hm_buf_done(&journal->done);
}

/* Rolling forward */

struct recovery {
    const struct hm_dir *private_dir, *public_dir;
    struct hm_dir next;
    size_t left; /* steps that may still be taken */
    size_t taken;
    const struct hm_cosign_options *ask; /* NULL: no witness is asked */
    struct hm_buf *report;
    bool waits; /* for witnesses: nothing more is done */
};

/* Which files of a folder of next a pass takes, and how. */
struct recovery_pass {
    const char *folder;
    bool not_roots; /* roots come after all other metadata */
    bool replaces;  /* what is there already goes */
};

static const struct recovery_pass pass_all = {.folder = "files"};
static const struct recovery_pass pass_not_roots = {.folder = "files", .not_roots = true};
static const struct recovery_pass pass_replace = {.folder = "replace", .replaces = true};
static const struct recovery_pass pass_late = {.folder = "late"};

static bool ends_in(const char *name, const char *suffix)
{
    size_t size = strlen(name);

    return size > strlen(suffix) && strcmp(name + size - strlen(suffix), suffix) == 0;
}

/* A server that sends compressed copies does so without looking for the file itself. */
static bool is_root_file(const char *name)
{
    return ends_in(name, ".root.json") || ends_in(name, ".root.json.gz");
}

/* HM_EREFUSED unless the file in public is the same; then the journal's copy is not needed. */
static enum hm_rc check_placed(struct recovery *recovery, const char *name, const char *path,
                               struct hm_err *err)
{
    struct hm_sha256 ours, theirs;
    uint64_t size, ours_size, theirs_size;
    enum hm_rc rc;
    int fd;

    HM_TRY(hm_dir_open_file(&recovery->next, name, err, &fd, &size));
    rc = hm_digest_fd(fd, NULL, NULL, err, &ours, &ours_size);
    (void)close(fd); /* only read from */
    HM_TRY(rc);
    HM_TRY(hm_dir_open_file(recovery->public_dir, path, err, &fd, &size));
    rc = hm_digest_fd(fd, NULL, NULL, err, &theirs, &theirs_size);
    (void)close(fd); /* only read from */
    HM_TRY(rc);
    if (!hm_digest_is_equal(&ours, &theirs))
        return refuse_other_bytes(path, err);
    return hm_dir_remove(&recovery->next, name, err);
}

static enum hm_rc place(struct recovery *recovery, const struct recovery_pass *pass,
                        const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    char name[HM_JOURNAL_PATH_SIZE], folder[HM_JOURNAL_PATH_SIZE];
    const char *slash = strrchr(path, '/');

    if (recovery->left == 0)
        return HM_OK;
    recovery->left--;
    recovery->taken++;
    HM_TRY(next_path(pass->folder, path, name, err));
    if (!pass->replaces && hm_dir_has(recovery->public_dir, path))
        return check_placed(recovery, name, path, err);
    if (slash != NULL) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        HM_TRY(hm_dir_open_at(recovery->public_dir, folder, true, err, &parent));
    }
    return hm_dir_rename(&recovery->next, name, recovery->public_dir, path, err);
}

static enum hm_rc is_folder(const struct hm_dir *dir, const char *name, struct hm_err *err,
                            bool *ret_folder)
{
    struct stat info;

    if (fstatat(dir->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return hm_error_errno(err, errno, "'%s/%s': cannot be looked at", dir->path, name);
    *ret_folder = S_ISDIR(info.st_mode);
    return HM_OK;
}

/* Places every file below FOLDER/PATH. */
static enum hm_rc place_below(struct recovery *recovery, const struct recovery_pass *pass,
                              const char *path, uint32_t depth, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    char folder[HM_JOURNAL_PATH_SIZE], child[HM_JOURNAL_PATH_SIZE], name[HM_JOURNAL_PATH_SIZE];
    const char **names;
    size_t count;
    enum hm_rc rc;

    if (depth > HM_JOURNAL_DEPTH_MAX)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/%s/%s': too deep", pass->folder,
                       path);
    HM_TRY(next_path(pass->folder, path, folder, err));
    rc = hm_dir_list(&recovery->next, folder, HM_JOURNAL_FILE_COUNT_MAX, &arena, err, &names,
                     &count);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc != HM_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        bool folder_below = false;

        if (pass->not_roots && is_root_file(names[i]))
            continue;
        if (snprintf(child, sizeof(child), "%s/%s", path, names[i]) >= (int)sizeof(child))
            return hm_fail(err, HM_EFORMAT, "'%s': longer than a path may be", path);
        HM_TRY(next_path(pass->folder, child, name, err));
        HM_TRY(is_folder(&recovery->next, name, err, &folder_below));
        if (folder_below)
            HM_TRY(place_below(recovery, pass, child, depth + 1, err));
        else
            HM_TRY(place(recovery, pass, child, err));
    }
    return HM_OK;
}

/* Before anything is public: whoever finds the memory behind what is public would take a finished
 * publish for an intruder's. */
static enum hm_rc place_memory(struct recovery *recovery, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_dir_done) struct hm_dir memory = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir from = HM_DIR_INIT;
    const char **names;
    size_t count;

    if (!hm_dir_has(&recovery->next, HM_JOURNAL_MEMORY))
        return HM_OK;
    HM_TRY(hm_dir_open_at(&recovery->next, HM_JOURNAL_MEMORY, false, err, &from));
    HM_TRY(hm_dir_open_at(recovery->private_dir, HM_JOURNAL_MEMORY, true, err, &memory));
    HM_TRY(hm_dir_list(&from, ".", HM_JOURNAL_FILE_COUNT_MAX, &arena, err, &names, &count));
    for (size_t i = 0; i < count && recovery->left > 0; i++) {
        recovery->left--;
        recovery->taken++;
        HM_TRY(hm_dir_rename(&from, names[i], &memory, names[i], err));
    }
    return HM_OK;
}

/* What nothing refers to before the new timestamp does. */
static enum hm_rc place_unreferred(struct recovery *recovery, struct hm_err *err)
{
    HM_TRY(place_below(recovery, &pass_all, "targets", 0, err));
    HM_TRY(place_below(recovery, &pass_all, "makers", 0, err));
    HM_TRY(place_below(recovery, &pass_not_roots, "metadata", 0, err));
    HM_TRY(place_below(recovery, &pass_all, "log", 0, err)); /* a root to come, for auditors */
    /* An auditor begins with it; a customer finds no timestamp yet. */
    if (hm_dir_has(&recovery->next, "files/hallmark.trust"))
        HM_TRY(place(recovery, &pass_all, "hallmark.trust", err));
    /* Whoever audits what it cosigns must be able to verify the new snapshot. */
    if (hm_dir_has(&recovery->next, "log/" HM_LOG_STEP_ROOTS_FIRST))
        HM_TRY(place_below(recovery, &pass_all, "metadata", 0, err));
    return HM_OK;
}

static enum hm_rc place_rest(struct recovery *recovery, struct hm_err *err)
{
    HM_TRY(place_below(recovery, &pass_all, "metadata", 0, err));
    HM_TRY(place_below(recovery, &pass_replace, "log", 0, err));
    HM_TRY(place_below(recovery, &pass_all, "proofs", 0, err));
    return place_below(recovery, &pass_replace, "proofs", 0, err);
}

static enum hm_rc place_timestamp(struct recovery *recovery, struct hm_err *err)
{
    if (recovery->left == 0 || !hm_dir_has(&recovery->next, "timestamp.json"))
        return HM_OK;
    recovery->left--;
    recovery->taken++;
    return hm_dir_rename(&recovery->next, "timestamp.json", recovery->public_dir,
                         "metadata/timestamp.json", err);
}

static enum hm_rc drop_one(struct recovery *recovery, struct hm_bytes line, struct hm_err *err)
{
    char path[HM_JOURNAL_PATH_SIZE];
    bool folder = line.size > 0 && line.data[line.size - 1] == '/';
    size_t size = folder ? line.size - 1 : line.size;

    if (recovery->left == 0 || size == 0)
        return HM_OK;
    if (size >= sizeof(path))
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/done': a line is too long");
    memcpy(path, line.data, size);
    path[size] = '\0';
    if (!hm_dir_is_safe_path(path))
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/done': '%s' is no path below it",
                       path);
    if (hm_dir_has(recovery->private_dir, path)) { /* one that is gone is flushed, and no step */
        recovery->left--;
        recovery->taken++;
    }
    if (folder)
        return hm_dir_remove_tree(recovery->private_dir, path, err);
    return hm_dir_remove(recovery->private_dir, path, err);
}

static enum hm_rc drop_all(struct recovery *recovery, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf done = HM_BUF_INIT(HM_JOURNAL_DONE_SIZE_MAX);
    struct hm_bytes rest;
    enum hm_rc rc = hm_dir_read(&recovery->next, "done", err, &done);

    if (rc == HM_ENOTFOUND) /* the last step, removing the journal, had begun */
        return HM_OK;
    if (rc != HM_OK)
        return rc;
    rest = hm_buf_bytes(&done);
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);

        HM_TRY(drop_one(recovery, hm_bytes_make(rest.data, size), err));
        size += end == NULL ? 0 : 1;
        rest = hm_bytes_make(rest.data + size, rest.size - size);
    }
    return HM_OK;
}

/* The log: entries appended and flushed, cosignatures obtained; only then may what names them
 * appear (DESIGN 5.3). While that waits for witnesses the site is used: so the drafts that are in
 * this journal go before, and with them the list, which would take newer ones of the same name. */
static enum hm_rc run_log(struct recovery *recovery, struct hm_err *err)
{
    bool is_done;

    if (!hm_dir_has(&recovery->next, "log"))
        return HM_OK;
    HM_TRY(drop_all(recovery, err));
    if (recovery->left > 0 && hm_dir_has(&recovery->next, "done")) {
        HM_TRY(hm_dir_remove(&recovery->next, "done", err));
        recovery->left--;
        recovery->taken++;
    }
    if (recovery->left == 0 || hm_log_step_is_done(&recovery->next))
        return HM_OK;
    HM_TRY(hm_log_step_run(recovery->private_dir, recovery->public_dir, &recovery->next,
                           recovery->ask, err, recovery->report, &is_done));
    recovery->waits = !is_done;
    recovery->left--;
    recovery->taken++;
    return HM_OK;
}

static enum hm_rc recover(struct recovery *recovery, struct hm_err *err)
{
    HM_TRY(place_memory(recovery, err));
    HM_TRY(place_unreferred(recovery, err));
    HM_TRY(run_log(recovery, err));
    if (recovery->waits)
        return HM_OK;
    /* Another log: root says that the one before is closed, before anything is proven by the new
     * one; a client that comes in between knows from it that it must try again. */
    if (hm_dir_has(&recovery->next, "log/" HM_LOG_STEP_ARCHIVE))
        HM_TRY(place_below(recovery, &pass_late, "metadata", 0, err));
    HM_TRY(place_rest(recovery, err));
    HM_TRY(place_timestamp(recovery, err));
    HM_TRY(place_below(recovery, &pass_late, "metadata", 0, err));
    HM_TRY(drop_all(recovery, err));
    if (recovery->left == 0)
        return HM_OK;
    recovery->left--;
    recovery->taken++;
    /* At once: half of a journal would be taken for one that is not done. */
    HM_TRY(hm_dir_rename(recovery->private_dir, HM_JOURNAL_NEXT, recovery->private_dir,
                         HM_JOURNAL_TMP, err));
    return hm_dir_remove_tree(recovery->private_dir, HM_JOURNAL_TMP, err);
}

static enum hm_rc run_recovery(struct recovery *recovery, struct hm_err *err)
{
    enum hm_rc rc;

    if (!hm_dir_has(recovery->private_dir, HM_JOURNAL_NEXT))
        return HM_OK;
    HM_TRY(hm_dir_open_at(recovery->private_dir, HM_JOURNAL_NEXT, false, err, &recovery->next));
    rc = recover(recovery, err);
    hm_dir_done(&recovery->next);
    return rc;
}

enum hm_rc hm_journal_recover_steps(const struct hm_dir *private_dir,
                                    const struct hm_dir *public_dir, size_t step_count,
                                    struct hm_err *err, size_t *ret_taken)
{
    struct recovery recovery = {.private_dir = private_dir,
                                .public_dir = public_dir,
                                .next = HM_DIR_INIT,
                                .left = step_count};

    HM_TRY(run_recovery(&recovery, err));
    *ret_taken = recovery.taken;
    return HM_OK;
}

bool hm_journal_is_waiting(const struct hm_dir *private_dir)
{
    return hm_dir_has(private_dir, HM_JOURNAL_NEXT);
}

enum hm_rc hm_journal_finish(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                             const struct hm_cosign_options *options, struct hm_err *err,
                             struct hm_buf *report)
{
    struct recovery recovery = {.private_dir = private_dir,
                                .public_dir = public_dir,
                                .next = HM_DIR_INIT,
                                .left = SIZE_MAX,
                                .ask = options,
                                .report = report};

    return run_recovery(&recovery, err);
}

enum hm_rc hm_journal_recover(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                              struct hm_err *err, bool *ret_found)
{
    size_t taken;

    HM_TRY(hm_journal_recover_steps(private_dir, public_dir, SIZE_MAX, err, &taken));
    if (ret_found != NULL)
        *ret_found = taken > 0;
    return HM_OK;
}
