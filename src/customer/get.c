/* SPDX-License-Identifier: Apache-2.0 */
/* Getting one file: where from, resuming, hashing on the way, putting it in place. */
#include "customer/get.h"

#include <errno.h>

#include "base/file.h"
#include "customer/deliver.h"

#define READ_SIZE    ((size_t)256 * 1024)
#define URL_SIZE_MAX 16384

/* A file on its way in. */
struct arrival {
    const struct hm_catalogue_item *item;
    const struct hm_get_events *events;
    struct hm_file_writer writer;
    struct hm_digest *digest;
    struct hm_deliver_grant grant;
    bool is_wrong; /* the last source's bytes were others */
    struct hm_sha256 wrong;
    uint64_t wrong_size;
};

static void arrival_done(struct arrival *arrival)
{
    hm_digest_free(arrival->digest);
    hm_file_writer_done(&arrival->writer);
}

static enum hm_rc take_bytes(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    struct arrival *arrival = ctx;

    HM_TRY(hm_digest_update(arrival->digest, bytes, err));
    HM_TRY(hm_file_writer_write(&arrival->writer, bytes, err));
    if (arrival->events->progress != NULL)
        arrival->events->progress(arrival->events->ctx, arrival->item, arrival->writer.size);
    return HM_OK;
}

static enum hm_rc restart(void *ctx, struct hm_err *err)
{
    struct arrival *arrival = ctx;
    struct hm_sha256 dropped;

    HM_TRY(hm_file_writer_reset(&arrival->writer, err));
    return hm_digest_final(arrival->digest, err, dropped.bytes);
}

/* ---- what is there already ------------------------------------------------------------------- */

/* Takes what an earlier run left into the digest; what cannot be part of the file is dropped. */
static enum hm_rc take_partial(struct arrival *arrival, struct hm_err *err)
{
    _hm_free_(free) char *chunk = NULL;
    uint64_t done = 0;

    if (arrival->writer.size > arrival->item->file.length)
        return restart(arrival, err);
    if (arrival->writer.size == 0)
        return HM_OK;
    chunk = malloc(READ_SIZE);
    if (chunk == NULL)
        return hm_error_nomem(err);
    while (done < arrival->writer.size) {
        ssize_t got = pread(arrival->writer.fd, chunk, READ_SIZE, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return restart(arrival, err);
        HM_TRY(hm_digest_update(arrival->digest, hm_bytes_make(chunk, (size_t)got), err));
        done += (uint64_t)got;
    }
    return HM_OK;
}

static enum hm_rc open_arrival(struct arrival *arrival, const struct hm_dir *dir, const char *path,
                               struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &arrival->digest));
    rc = hm_file_writer_open(dir, path, 0644, true, err, &arrival->writer);
    /* Another command is getting the same file: each gets its own, the last in place wins. Or the
     * partial file is another user's. */
    if (rc == HM_EBUSY)
        rc = hm_file_writer_open(dir, path, 0644, false, err, &arrival->writer);
    if (rc != HM_OK)
        return rc;
    return take_partial(arrival, err);
}

enum hm_rc hm_get_look(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                       const char *path, struct hm_err *err, enum hm_get_result *ret_result)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_sha256 sha256;
    uint64_t size;
    enum hm_rc rc = hm_dir_open_file(dir, path, err, &fd, &size);

    if (rc == HM_ENOTFOUND) {
        *ret_result = HM_GET_NEW;
        return HM_OK;
    }
    if (rc != HM_OK)
        return rc;
    /* The right bytes in a file that another user can change are not there to stay. */
    if (size == item->file.length && !hm_file_is_foreign(dir, path, fd)) {
        HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &sha256, &size));
        if (size == item->file.length && hm_digest_is_equal(&sha256, &item->file.sha256)) {
            *ret_result = HM_GET_UNCHANGED;
            return HM_OK;
        }
    }
    *ret_result = HM_GET_REPLACED;
    return HM_OK;
}

/* ---- one source ------------------------------------------------------------------------------ */

static enum hm_rc make_url(const struct hm_catalogue_item *item, const char *base,
                           struct hm_err *err, struct hm_buf *ret_url)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(URL_SIZE_MAX);
    struct hm_target target = {
        .path = item->file.path.whole,
        .facts = {.has_length = true, .length = item->file.length, .has_sha256 = true},
    };

    target.facts.sha256 = item->file.sha256;
    HM_TRY(hm_buf_append_str(&path, "targets/", err));
    HM_TRY(hm_client_target_url(item->subscription->client, &target, err, &path));
    return hm_fetch_url_join(base, hm_buf_str(&path), err, ret_url);
}

/* All bytes are there: are they the ones? The digest starts afresh. */
static enum hm_rc check_arrival(struct arrival *arrival, const char *base, struct hm_err *err)
{
    const struct hm_release_file *file = &arrival->item->file;
    struct hm_sha256 sha256;

    if (arrival->writer.size < file->length)
        return hm_fail(err, HM_ENETWORK, "'%.*s': '%s' sent %llu of %llu bytes",
                       HM_BYTES_FMT(file->path.whole), base,
                       (unsigned long long)arrival->writer.size, (unsigned long long)file->length);
    HM_TRY(hm_digest_final(arrival->digest, err, sha256.bytes));
    if (arrival->writer.size == file->length && hm_digest_is_equal(&sha256, &file->sha256))
        return HM_OK;
    arrival->is_wrong = true;
    arrival->wrong = sha256;
    arrival->wrong_size = arrival->writer.size;
    return hm_fail(err, HM_EMISMATCH,
                   "'%.*s': '%s' served other bytes than were signed for (sha256); tell the "
                   "site",
                   HM_BYTES_FMT(file->path.whole), base);
}

/* A failure that another source, or the same from the start, can mend. */
static bool is_source_failure(enum hm_rc rc)
{
    return rc == HM_EMISMATCH || rc == HM_EFORMAT || rc == HM_ENETWORK || rc == HM_ENOTFOUND ||
           rc == HM_EINPUT;
}

/* There is more than was signed for: what came of it is what was received. */
static enum hm_rc note_too_long(struct arrival *arrival, struct hm_err *err)
{
    HM_TRY(hm_digest_final(arrival->digest, err, arrival->wrong.bytes));
    arrival->wrong_size = arrival->writer.size;
    arrival->is_wrong = true;
    return HM_OK;
}

static enum hm_rc try_once(struct arrival *arrival, const char *base, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    const struct hm_subscription *subscription = arrival->item->subscription;
    const struct hm_release_file *file = &arrival->item->file;
    struct hm_fetch_sink sink = {.write = take_bytes, .restart = restart, .ctx = arrival};
    enum hm_rc rc = HM_OK;

    if (subscription->bundle == NULL)
        HM_TRY(make_url(arrival->item, base, err, &url));
    /* A server cannot be asked for nothing from the end of a file. */
    if (arrival->writer.size < file->length || file->length == 0)
        rc = subscription->bundle != NULL
                 ? hm_bundle_stream(subscription->bundle, &file->sha256, arrival->writer.size,
                                    file->length, &sink, err)
                 : hm_fetch_stream(subscription->fetch, hm_buf_str(&url), arrival->writer.size,
                                   file->length, &sink, err);
    if (rc == HM_EFORMAT)
        HM_TRY(note_too_long(arrival, NULL));
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(file->path.whole));
    return check_arrival(arrival, base, err);
}

/* What was resumed may have been wrong from the start, without the source's fault. */
static enum hm_rc try_source(struct arrival *arrival, const char *base, struct hm_err *err)
{
    bool was_resumed = arrival->writer.size > 0;
    enum hm_rc rc = try_once(arrival, base, err);

    if (rc != HM_EMISMATCH && rc != HM_EFORMAT)
        return rc;
    HM_TRY(restart(arrival, err));
    if (!was_resumed)
        return rc;
    rc = try_once(arrival, base, err);
    if (rc == HM_EMISMATCH || rc == HM_EFORMAT)
        HM_TRY(restart(arrival, err));
    return rc;
}

/* ---- all sources ----------------------------------------------------------------------------- */

static enum hm_rc try_sources(struct arrival *arrival, struct hm_err *err)
{
    const struct hm_policy *policy = &arrival->item->subscription->policy;
    enum hm_rc rc;

    if (arrival->item->subscription->bundle != NULL)
        return try_source(arrival, "the bundle", err);
    for (size_t i = 0; i < policy->mirror_count; i++) {
        struct hm_err why = HM_ERR_INIT;

        rc = try_source(arrival, policy->mirrors[i], &why);
        if (rc == HM_OK)
            return HM_OK;
        if (!is_source_failure(rc))
            return hm_fail(err, rc, "%s", why.text);
        rc = hm_error_prefix(&why, rc, "mirror '%s'", policy->mirrors[i]);
        if (arrival->events->notice != NULL)
            arrival->events->notice(arrival->events->ctx, why.text);
    }
    return try_source(arrival, policy->url, err);
}

/* The site's own bytes were others than its offer says: it is told so, signed. */
static enum hm_rc reject(struct arrival *arrival, enum hm_rc why, struct hm_err *err)
{
    struct hm_err trouble = HM_ERR_INIT;
    const char *words = "";
    enum hm_rc rc = hm_deliver_reject(arrival->item, &arrival->grant, &arrival->wrong,
                                      arrival->wrong_size, arrival->events, &trouble, &words);

    if (rc != HM_OK)
        return hm_error_prefix(err, why, "%s; besides", trouble.text);
    if (err != NULL && words[0] != '\0') {
        struct hm_err first = *err;

        (void)hm_fail(err, why, "%s%s", first.text, words);
    }
    return why;
}

static enum hm_rc receive(struct arrival *arrival, struct hm_err *err)
{
    struct hm_fetch *fetch = arrival->item->subscription->fetch;
    enum hm_rc rc;

    if (fetch != NULL)
        hm_fetch_set_delivery(fetch, arrival->grant.is_offered ? arrival->grant.offer : NULL);
    rc = try_sources(arrival, err);
    if (fetch != NULL)
        hm_fetch_set_delivery(fetch, NULL);
    if ((rc == HM_EMISMATCH || rc == HM_EFORMAT) && arrival->is_wrong)
        return reject(arrival, rc, err);
    return rc;
}

enum hm_rc hm_get_file(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                       const char *path, const struct hm_get_events *events, struct hm_err *err)
{
    _hm_done_(arrival_done) struct arrival arrival = {
        .item = item, .events = events, .writer = HM_FILE_WRITER_INIT};
    const struct hm_release_proof *proof = NULL;

    HM_ASSERT(item->rc == HM_OK && hm_subscription_is_online(item->subscription));
    /* What is not logged is not installed. */
    HM_TRY(hm_release_log_prove(item->subscription, &item->file, err, &proof));
    HM_TRY(hm_deliver_begin(item, proof, events, err, &arrival.grant));
    HM_TRY(open_arrival(&arrival, dir, path, err));
    HM_TRY(receive(&arrival, err));
    HM_TRY(hm_file_writer_commit(&arrival.writer, err));
    /* Whoever acknowledges has it, whatever happens to the machine now. */
    return hm_deliver_acknowledge(item, &arrival.grant, events, err);
}
