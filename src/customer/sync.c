/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a folder: what is wanted, what is there, what goes. */
#include "customer/sync.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "customer/deliver.h"
#include "customer/products.h"
#include "customer/release_proof.h"

#define SUMS_NAME     "SHA256SUMS"
#define SUMS_SIZE_MAX 268435456
#define TARGET_SIZE   HM_TARGETS_PATH_SIZE_MAX
/* Of a target, ".proof" and NUL. */
#define PROOF_PATH_SIZE (TARGET_SIZE + sizeof(HM_RELEASE_PROOF_SUFFIX))

struct run {
    const struct hm_home *home;
    const struct hm_catalogue *catalogue;
    struct hm_subscription *subscription;
    struct hm_sync_options options;
    const struct hm_sync_events *events;
    struct hm_sync_counts *counts;
    struct hm_dir dir;
    bool has_dir;             /* false in a dry run into a folder that is not there yet */
    char *base;               /* absolute, owned */
    struct hm_sha256 demands; /* of the release log: hm_release_proof_demands */
    struct hm_placed then;    /* as an earlier run left it */
    struct hm_placed now;     /* what this run placed or found in place */
    struct hm_placed gone;    /* what it removed, or found missing */
};

static void run_done(struct run *run)
{
    hm_dir_done(&run->dir);
    free(run->base);
    hm_placed_done(&run->then);
    hm_placed_done(&run->now);
    hm_placed_done(&run->gone);
}

enum hm_rc hm_sync_worse(enum hm_rc a, enum hm_rc b)
{
    static const int weight[] = {0, 3, 2, 1, 4}; /* by exit status */

    return weight[hm_error_exit_status(b)] > weight[hm_error_exit_status(a)] ? b : a;
}

static enum hm_rc open_folder(struct run *run, const char *folder, struct hm_err *err)
{
    if (run->options.dry_run && access(folder, F_OK) != 0)
        return HM_OK;
    HM_TRY(hm_dir_make(folder, 0755, err, &run->dir));
    run->has_dir = true;
    run->base = realpath(folder, NULL);
    if (run->base == NULL)
        return hm_error_errno(err, errno, "cannot find the folder '%s'", folder);
    if (!hm_text_is_utf8(hm_bytes_str(run->base)))
        return hm_fail(err, HM_EUSAGE, "the folder '%s' has a name that is no UTF-8", folder);
    return HM_OK;
}

/* BASE/TARGET; NULL when out of memory. */
static char *join(const struct run *run, const char *target)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", strcmp(run->base, "/") == 0 ? "" : run->base, target) < 0)
        return NULL;
    return path;
}

static enum hm_rc stamp_proof(const struct run *run, const char *path, struct hm_err *err,
                              struct hm_placed_file *file)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;

    HM_TRY(hm_placed_stat(&run->dir, path, err, &file->proof));
    HM_TRY(hm_dir_open_file(&run->dir, path, err, &fd, &size));
    return hm_digest_fd(fd, NULL, NULL, err, &file->proof.sha256, &size);
}

/* The proof beside the file target: as an earlier run found it, or put there now. */
static enum hm_rc keep_proof(struct run *run, const struct hm_catalogue_item *item,
                             const char *target, struct hm_err *err, struct hm_placed_file *file)
{
    const struct hm_placed_file *then = hm_placed_find(&run->then, file->path);
    char path[PROOF_PATH_SIZE];
    char *notice = NULL;

    if (run->subscription->log->proof == NULL)
        return HM_OK;
    (void)snprintf(path, sizeof(path), "%s" HM_RELEASE_PROOF_SUFFIX, target); /* fits */
    file->proof_demands = run->demands;
    if (then != NULL && then->has_proof &&
        hm_digest_is_equal(&then->stamp.sha256, &file->stamp.sha256) &&
        hm_digest_is_equal(&then->proof_demands, &run->demands) &&
        hm_placed_is_untouched(&then->proof, &run->dir, path)) {
        file->has_proof = true;
        file->proof = then->proof;
        return HM_OK;
    }
    HM_TRY(hm_release_proof_place(item, &run->dir, target, err, &notice));
    if (notice != NULL) {
        if (run->events->get.notice != NULL)
            run->events->get.notice(run->events->get.ctx, notice);
        free(notice);
        return HM_OK;
    }
    HM_TRY(stamp_proof(run, path, err, file));
    file->has_proof = true;
    return HM_OK;
}

static enum hm_rc remember(struct run *run, const struct hm_catalogue_item *item,
                           const char *target, struct hm_err *err)
{
    _hm_free_(free) char *path = join(run, target);
    struct hm_placed_file file = {.path = path,
                                  .site = run->subscription->name,
                                  .target = target,
                                  .stamp = {.sha256 = item->file.sha256}};
    enum hm_rc rc;

    if (path == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_placed_stat(&run->dir, target, err, &file.stamp));
    rc = keep_proof(run, item, target, err, &file);
    /* The image is there and ours, whatever became of its proof. */
    HM_TRY(hm_placed_put(&run->now, &file, rc == HM_OK ? err : NULL));
    return rc;
}

static enum hm_rc look(struct run *run, const struct hm_catalogue_item *item, const char *target,
                       struct hm_err *err, enum hm_get_result *ret_result)
{
    _hm_free_(free) char *path = NULL;
    const struct hm_placed_file *file;

    *ret_result = HM_GET_NEW;
    if (!run->has_dir)
        return HM_OK;
    path = join(run, target);
    if (path == NULL)
        return hm_error_nomem(err);
    file = hm_placed_find(&run->then, path);
    if (file != NULL && hm_digest_is_equal(&file->stamp.sha256, &item->file.sha256) &&
        hm_placed_is_untouched(&file->stamp, &run->dir, target)) {
        *ret_result = HM_GET_UNCHANGED;
        return HM_OK;
    }
    return hm_get_look(item, &run->dir, target, err, ret_result);
}

/* What would fail for every other file as well. */
static bool is_everybodys(enum hm_rc rc)
{
    return rc == HM_ENETWORK || hm_error_exit_status(rc) == 4;
}

/* A recalled file is not placed. One that is there is a failure, unless it is about to go. */
static enum hm_rc skip_recalled(struct run *run, const struct hm_catalogue_item *item,
                                struct hm_err *err)
{
    enum hm_get_result result = HM_GET_NEW;
    _hm_free_(free) char *path = NULL;
    char target[TARGET_SIZE + 1];

    (void)snprintf(target, sizeof(target), "%.*s", HM_BYTES_FMT(item->path)); /* names are short */
    HM_TRY(look(run, item, target, err, &result));
    if (run->events->file != NULL)
        run->events->file(run->events->ctx, item, result, item->rc, item->text);
    run->counts->recalled++;
    if (result != HM_GET_UNCHANGED)
        return HM_OK;
    path = join(run, target);
    if (path == NULL)
        return hm_error_nomem(err);
    if (run->options.remove && hm_placed_find(&run->then, path) != NULL)
        return HM_OK;
    run->counts->failed++;
    run->counts->worst = hm_sync_worse(run->counts->worst, item->rc);
    return HM_OK;
}

/* One wanted file. Its own failure is told and counted; what it returns ends the run. */
static enum hm_rc place(struct run *run, const struct hm_catalogue_item *item, struct hm_err *err)
{
    enum hm_get_result result = HM_GET_NEW;
    char target[TARGET_SIZE + 1];
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = item->rc;
    const char *text = item->text;

    if (rc == HM_ERECALLED)
        return skip_recalled(run, item, err);
    if (rc == HM_OK) {
        struct hm_bytes path = item->file.path.whole;

        (void)snprintf(target, sizeof(target), "%.*s", HM_BYTES_FMT(path)); /* names are short */
        rc = look(run, item, target, &why, &result);
        if (rc == HM_OK && result != HM_GET_UNCHANGED && !run->options.dry_run)
            rc = hm_get_file(item, &run->dir, target, &run->events->get, &why);
        else if (rc == HM_OK && !run->options.dry_run)
            rc = hm_deliver_held(item, &run->events->get, &why);
        if (rc == HM_OK && !run->options.dry_run)
            rc = remember(run, item, target, &why);
        text = why.text;
    }
    if (run->events->file != NULL)
        run->events->file(run->events->ctx, item, result, rc, rc == HM_OK ? NULL : text);
    if (rc != HM_OK) {
        run->counts->failed++;
        run->counts->worst = hm_sync_worse(run->counts->worst, rc);
        return is_everybodys(rc) ? hm_fail(err, rc, "%s", text) : HM_OK;
    }
    if (result == HM_GET_UNCHANGED) {
        run->counts->unchanged++;
    } else {
        run->counts->placed++;
        run->counts->bytes += item->file.length;
    }
    return HM_OK;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Wanted, or at least still spoken of: what is refused now stays until somebody decides. What is
 * recalled is wanted no more. */
static bool is_listed(const struct run *run, const char *target)
{
    const struct hm_catalogue *catalogue = run->catalogue;

    /* Sorted, but by versions in their own order: a removal is rare enough for a walk. */
    for (size_t i = 0; i < catalogue->item_count; i++) {
        if (hm_bytes_is_str(catalogue->items[i].path, target))
            return catalogue->items[i].rc != HM_ERECALLED;
    }
    return false;
}

/* Folders that are empty now; never BASE itself. */
static void remove_empty_folders(const struct run *run, const char *target)
{
    char path[TARGET_SIZE + 1];

    (void)snprintf(path, sizeof(path), "%s", target); /* was made by place */
    for (char *slash = strrchr(path, '/'); slash != NULL; slash = strrchr(path, '/')) {
        _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
        char *name;

        *slash = '\0';
        name = strrchr(path, '/');
        if (name == NULL) {
            (void)unlinkat(run->dir.fd, path, AT_REMOVEDIR); /* not empty: it stays */
            return;
        }
        *name = '\0';
        if (hm_dir_open_at(&run->dir, path, false, NULL, &parent) != HM_OK ||
            unlinkat(parent.fd, name + 1, AT_REMOVEDIR) != 0)
            return;
        *name = '/';
    }
}

/* *ret_kept: why the file stays; NULL: it is the one that was placed. */
static enum hm_rc check_unmodified(const struct run *run, const struct hm_placed_stamp *stamp,
                                   const char *path, struct hm_err *err, const char **ret_kept)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_sha256 sha256;
    uint64_t size;

    *ret_kept = NULL;
    if (hm_placed_is_untouched(stamp, &run->dir, path))
        return HM_OK;
    if (hm_dir_open_file(&run->dir, path, NULL, &fd, &size) != HM_OK) {
        *ret_kept = "it cannot be read";
        return HM_OK;
    }
    HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &sha256, &size));
    if (!hm_digest_is_equal(&sha256, &stamp->sha256))
        *ret_kept = "it was changed since it was placed";
    return HM_OK;
}

/* The proof goes with its image. */
static enum hm_rc remove_proof(const struct run *run, const struct hm_placed_file *file,
                               struct hm_err *err)
{
    char path[PROOF_PATH_SIZE];
    const char *kept = NULL;

    (void)snprintf(path, sizeof(path), "%s" HM_RELEASE_PROOF_SUFFIX, file->target); /* fits */
    if (!file->has_proof || !hm_dir_has(&run->dir, path))
        return HM_OK;
    HM_TRY(check_unmodified(run, &file->proof, path, err, &kept));
    return kept == NULL ? hm_dir_remove(&run->dir, path, err) : HM_OK;
}

static enum hm_rc remove_one(struct run *run, const struct hm_placed_file *file, struct hm_err *err)
{
    const struct hm_standing *standing;
    const struct hm_product *product;
    const char *kept = NULL;
    struct hm_path path;

    if (hm_layout_parse_path(hm_bytes_str(file->target), NULL, &path) != HM_OK)
        return HM_OK; /* no target of a site: nothing of ours */
    standing = hm_subscription_standing(run->subscription, path.id);
    product = standing == NULL ? NULL : hm_products_find(standing, path.product);
    if (standing == NULL)
        kept = "the site no longer has this maker";
    else if (standing->is_judged && standing->rc != HM_OK)
        kept = "what its maker released cannot be told";
    else if (product != NULL && product->rc != HM_OK)
        kept = "what its maker released of this product cannot be told";
    else
        HM_TRY(check_unmodified(run, &file->stamp, file->target, err, &kept));
    if (kept == NULL && !run->options.dry_run) {
        HM_TRY(hm_dir_remove(&run->dir, file->target, err));
        HM_TRY(remove_proof(run, file, err));
        remove_empty_folders(run, file->target);
        HM_TRY(hm_placed_put(&run->gone, file, err));
    }
    if (kept == NULL)
        run->counts->removed++;
    else
        run->counts->kept++;
    if (run->events->removal != NULL)
        run->events->removal(run->events->ctx, file->target, kept);
    return HM_OK;
}

static enum hm_rc remove_old(struct run *run, struct hm_err *err)
{
    for (size_t i = 0; i < run->then.count && run->has_dir; i++) {
        const struct hm_placed_file *file = &run->then.files[i];
        _hm_free_(free) char *path = join(run, file->target);

        if (path == NULL)
            return hm_error_nomem(err);
        if (strcmp(path, file->path) != 0 || strcmp(file->site, run->subscription->name) != 0)
            continue; /* of another folder or site */
        if (!hm_dir_has(&run->dir, file->target)) {
            if (run->options.remove && !run->options.dry_run && !is_listed(run, file->target))
                HM_TRY(remove_proof(run, file, err));
            HM_TRY(hm_placed_put(&run->gone, file, err));
            continue;
        }
        if (run->options.remove && !is_listed(run, file->target))
            HM_TRY(remove_one(run, file, err));
    }
    return HM_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* All that any sync placed in this folder and that is still there. */
static enum hm_rc write_sums(const struct run *run, const struct hm_placed *placed,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf sums = HM_BUF_INIT(SUMS_SIZE_MAX);

    for (size_t i = 0; i < placed->count; i++) {
        const struct hm_placed_file *file = &placed->files[i];
        _hm_free_(free) char *path = join(run, file->target);
        char hex[HM_SHA256_HEX_SIZE];

        if (path == NULL)
            return hm_error_nomem(err);
        if (strcmp(path, file->path) != 0 || !hm_dir_has(&run->dir, file->target))
            continue;
        hm_text_hex(hm_bytes_make(file->stamp.sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(&sums, err, "%s  %s\n", hex, file->target));
    }
    return hm_file_replace(&run->dir, SUMS_NAME, 0644, hm_buf_bytes(&sums), err);
}

static enum hm_rc write_records(const struct run *run, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_done_(hm_placed_done) struct hm_placed placed = {0};

    /* Read again: another sync may have written since. */
    HM_TRY(hm_home_lock(run->home, err, &lock));
    HM_TRY(hm_placed_read(run->home, err, &placed));
    for (size_t i = 0; i < run->gone.count; i++)
        hm_placed_drop(&placed, run->gone.files[i].path);
    for (size_t i = 0; i < run->now.count; i++)
        HM_TRY(hm_placed_put(&placed, &run->now.files[i], err));
    HM_TRY(hm_placed_write(&placed, run->home, err));
    return write_sums(run, &placed, err);
}

static enum hm_rc place_all(struct run *run, struct hm_err *err)
{
    for (size_t i = 0; i < run->catalogue->item_count; i++)
        HM_TRY(place(run, &run->catalogue->items[i], err));
    return remove_old(run, err);
}

enum hm_rc hm_sync_run(const struct hm_home *home, const struct hm_catalogue *catalogue,
                       struct hm_subscription *subscription, const char *folder,
                       struct hm_sync_options options, const struct hm_sync_events *events,
                       struct hm_err *err, struct hm_sync_counts *ret_counts)
{
    _hm_done_(run_done) struct run run = {
        .home = home,
        .catalogue = catalogue,
        .subscription = subscription,
        .options = options,
        .events = events,
        .counts = ret_counts,
        .dir = HM_DIR_INIT,
    };
    enum hm_rc rc;

    *ret_counts = (struct hm_sync_counts){0};
    HM_TRY(open_folder(&run, folder, err));
    HM_TRY(hm_placed_read(home, err, &run.then));
    HM_TRY(hm_release_proof_demands(subscription, err, &run.demands));
    rc = place_all(&run, err);
    if (options.dry_run)
        return rc;
    /* What was placed is recorded even where the run broke off. */
    if (rc != HM_OK) {
        HM_UNUSED enum hm_rc recorded = write_records(&run, NULL);

        return rc;
    }
    return write_records(&run, err);
}
