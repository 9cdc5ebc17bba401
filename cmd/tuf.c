/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark tuf: a plain TUF client on two folders, driven as the public conformance suite drives
 * clients. Exit status is 0 or 1 and nothing else.
 */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "net/fetch.h"
#include "tuf/client.h"

#define NAME_SIZE_MAX  200 /* a longer file name is replaced by a hash; file systems take 255 */
#define URL_SIZE_MAX   16384
#define READ_SIZE      65536
#define ARTIFACT_MODE  0644
#define METADATA_MODE  0755
#define TARGET_NAME_OP 'n'

struct options {
    const char *metadata_dir;
    const char *metadata_url;
    const char *target_dir;
    const char *target_base_url;
    const char **target_names; /* owned */
    size_t target_count;
    const char *command;
    const char *argument; /* the root file of init */
};

static const char usage[] =
    "usage: hallmark tuf --metadata-dir DIR init ROOT\n"
    "       hallmark tuf --metadata-dir DIR --metadata-url URL refresh\n"
    "       hallmark tuf --metadata-dir DIR --metadata-url URL --target-dir DIR\n"
    "                    --target-base-url URL --target-name PATH... download\n"
    "\n"
    "A plain client of any TUF repository: init stores a trusted root, refresh updates the\n"
    "metadata, download refreshes and then gets each file in turn. Exit status is 0 or 1.\n";

/* ---- digests of a file, whichever the metadata names ---- */

struct hasher {
    struct hm_digest *sha256; /* NULL: not needed */
    struct hm_digest *sha512;
    uint64_t size;
};

static void hasher_done(struct hasher *hasher)
{
    hm_digest_free(hasher->sha256);
    hm_digest_free(hasher->sha512);
}

static enum hm_rc hasher_start(const struct hm_file_facts *facts, struct hm_err *err,
                               struct hasher *hasher)
{
    if (facts->has_sha256)
        HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &hasher->sha256));
    if (facts->sha512 != NULL)
        HM_TRY(hm_digest_new(HM_DIGEST_SHA512, err, &hasher->sha512));
    return HM_OK;
}

static enum hm_rc hasher_update(struct hasher *hasher, struct hm_bytes bytes, struct hm_err *err)
{
    hasher->size += bytes.size;
    if (hasher->sha256 != NULL)
        HM_TRY(hm_digest_update(hasher->sha256, bytes, err));
    if (hasher->sha512 != NULL)
        HM_TRY(hm_digest_update(hasher->sha512, bytes, err));
    return HM_OK;
}

/* HM_EMISMATCH unless size and every hash are as stated. */
static enum hm_rc hasher_check(struct hasher *hasher, const struct hm_target *target,
                               struct hm_err *err)
{
    struct hm_sha256 sha256;
    struct hm_sha512 sha512;

    if (hasher->size != target->facts.length)
        return hm_fail(err, HM_EMISMATCH, "'%.*s': not as long as its metadata says",
                       HM_BYTES_FMT(target->path));
    if (hasher->sha256 != NULL) {
        HM_TRY(hm_digest_final(hasher->sha256, err, sha256.bytes));
        if (!hm_digest_is_equal(&sha256, &target->facts.sha256))
            return hm_fail(err, HM_EMISMATCH, "'%.*s': its SHA-256 is not the one signed for",
                           HM_BYTES_FMT(target->path));
    }
    if (hasher->sha512 != NULL) {
        HM_TRY(hm_digest_final(hasher->sha512, err, sha512.bytes));
        if (memcmp(sha512.bytes, target->facts.sha512->bytes, HM_SHA512_SIZE) != 0)
            return hm_fail(err, HM_EMISMATCH, "'%.*s': its SHA-512 is not the one signed for",
                           HM_BYTES_FMT(target->path));
    }
    return HM_OK;
}

/* ---- requests ---- */

struct remote {
    struct hm_fetch *fetch;
    const char *url;
};

/* base + "/" + path, which is percent-encoded. A role name may have an encoded '/', which is one
 * part of a URL but cannot be one of a file's path: there the general join refuses it. */
static enum hm_rc join(const char *base, const char *path, struct hm_err *err, struct hm_buf *url)
{
    size_t length = strlen(base);

    if (strstr(base, "://") == NULL)
        return hm_fetch_url_join(base, path, err, url);
    return hm_buf_append_fmt(url, err, "%s%s%s", base,
                             length > 0 && base[length - 1] == '/' ? "" : "/", path);
}

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    const struct remote *remote = ctx;

    HM_TRY(join(remote->url, name, err, &url));
    return hm_fetch_get(remote->fetch, hm_buf_str(&url), err, ret_buf);
}

/* ---- download ---- */

struct sink {
    struct hm_file_writer writer;
    struct hasher hasher;
    const struct hm_target *target;
};

static void sink_done(struct sink *sink)
{
    hm_file_writer_done(&sink->writer);
    hasher_done(&sink->hasher);
}

static enum hm_rc sink_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    struct sink *sink = ctx;

    HM_TRY(hasher_update(&sink->hasher, bytes, err));
    return hm_file_writer_write(&sink->writer, bytes, err);
}

static enum hm_rc sink_restart(void *ctx, struct hm_err *err)
{
    struct sink *sink = ctx;

    hasher_done(&sink->hasher);
    sink->hasher = (struct hasher){0};
    HM_TRY(hasher_start(&sink->target->facts, err, &sink->hasher));
    return hm_file_writer_reset(&sink->writer, err);
}

/* The one name a target has in the folder, whatever its path holds. */
static enum hm_rc make_artifact_name(struct hm_bytes path, struct hm_err *err, struct hm_buf *name)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 digest;

    HM_TRY(hm_text_percent(name, path, err));
    if (name->size <= NAME_SIZE_MAX)
        return HM_OK;
    HM_TRY(hm_digest_sha256(path, err, &digest));
    hm_text_hex(hm_bytes_make(digest.bytes, sizeof(digest.bytes)), hex);
    hm_buf_clear(name);
    return hm_buf_append_fmt(name, err, "%%long-%s", hex);
}

/* HM_OK if the folder has the file already, with the right hashes. */
static enum hm_rc check_cached(const struct hm_dir *dir, const char *name,
                               const struct hm_target *target, struct hm_err *err)
{
    _hm_done_(hasher_done) struct hasher hasher = {0};
    _hm_free_(free) char *block = NULL;
    enum hm_rc rc = HM_OK;
    uint64_t size;
    int fd;

    HM_TRY(hm_dir_open_file(dir, name, err, &fd, &size));
    block = malloc(READ_SIZE);
    if (block == NULL)
        rc = hm_error_nomem(err);
    if (rc == HM_OK)
        rc = hasher_start(&target->facts, err, &hasher);
    while (rc == HM_OK) {
        ssize_t count = read(fd, block, READ_SIZE);

        if (count == 0)
            break;
        if (count > 0)
            rc = hasher_update(&hasher, hm_bytes_make(block, (size_t)count), err);
        else if (errno != EINTR)
            rc = hm_error_errno(err, errno, "'%s'", name);
    }
    (void)close(fd); /* only read */
    return rc == HM_OK ? hasher_check(&hasher, target, err) : rc;
}

static enum hm_rc download_one(struct hm_client *client, struct hm_fetch *fetch,
                               const struct options *options, const struct hm_dir *dir,
                               const char *path, struct hm_err *err)
{
    _hm_done_(sink_done) struct sink sink = {.writer = HM_FILE_WRITER_INIT};
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf relative = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    struct hm_fetch_sink callbacks = {sink_write, sink_restart, &sink};
    struct hm_client_found found;

    HM_TRY(hm_client_find(client, hm_bytes_str(path), err, &found));
    sink.target = found.target;
    HM_TRY(make_artifact_name(found.target->path, err, &name));
    if (check_cached(dir, hm_buf_str(&name), found.target, NULL) == HM_OK)
        return HM_OK;
    HM_TRY(hm_client_target_url(client, found.target, err, &relative));
    HM_TRY(join(options->target_base_url, hm_buf_str(&relative), err, &url));
    HM_TRY(hasher_start(&found.target->facts, err, &sink.hasher));
    HM_TRY(hm_file_writer_open(dir, hm_buf_str(&name), ARTIFACT_MODE, false, err, &sink.writer));
    HM_TRY(
        hm_fetch_stream(fetch, hm_buf_str(&url), 0, found.target->facts.length, &callbacks, err));
    HM_TRY(hasher_check(&sink.hasher, found.target, err));
    return hm_file_writer_commit(&sink.writer, err);
}

/* ---- commands ---- */

static enum hm_rc run_init(const struct options *options, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_file_read_path(options->argument, err, &raw));
    HM_TRY(hm_dir_make(options->metadata_dir, METADATA_MODE, err, &dir));
    return hm_client_init(&dir, hm_buf_bytes(&raw), err);
}

static enum hm_rc run_refresh(const struct options *options, bool download, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir target_dir = HM_DIR_INIT;
    _hm_free_(hm_fetch_free) struct hm_fetch *fetch = NULL;
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    /* Signatures protect what is fetched: a plain client takes any repository's scheme. */
    struct hm_fetch_options fetch_options = {.allow_plain_http = true};
    struct remote remote = {.url = options->metadata_url};
    struct hm_client_source source = {.get = get_metadata, .ctx = &remote};
    struct hm_client_config config = {
        .dir = &dir, .source = &source, .now_unix_s = hm_time_now_unix_s()};

    HM_TRY(hm_dir_open(options->metadata_dir, err, &dir));
    HM_TRY(hm_fetch_new(&fetch_options, err, &fetch));
    remote.fetch = fetch;
    HM_TRY(hm_client_open(&config, err, &client));
    HM_TRY(hm_client_refresh(client, err));
    if (!download)
        return HM_OK;
    HM_TRY(hm_dir_make(options->target_dir, METADATA_MODE, err, &target_dir));
    for (size_t i = 0; i < options->target_count; i++)
        HM_TRY(download_one(client, fetch, options, &target_dir, options->target_names[i], err));
    return HM_OK;
}

static enum hm_rc need(const char *value, const char *option, struct hm_err *err)
{
    if (value != NULL && value[0] != '\0')
        return HM_OK;
    return hm_fail(err, HM_EUSAGE, "%s is missing; see 'hallmark tuf --help'", option);
}

static enum hm_rc run(const struct options *options, struct hm_err *err)
{
    HM_TRY(need(options->command, "a command (init, refresh or download)", err));
    HM_TRY(need(options->metadata_dir, "--metadata-dir", err));
    if (strcmp(options->command, "init") == 0) {
        HM_TRY(need(options->argument, "the file of the trusted root", err));
        return run_init(options, err);
    }
    HM_TRY(need(options->metadata_url, "--metadata-url", err));
    if (strcmp(options->command, "refresh") == 0)
        return run_refresh(options, false, err);
    if (strcmp(options->command, "download") != 0)
        return hm_fail(err, HM_EUSAGE, "'%s' is no command of 'hallmark tuf'", options->command);
    HM_TRY(need(options->target_dir, "--target-dir", err));
    HM_TRY(need(options->target_base_url, "--target-base-url", err));
    if (options->target_count == 0)
        return need(NULL, "--target-name", err);
    return run_refresh(options, true, err);
}

static enum hm_rc parse_options(int argc, char **argv, struct options *options, bool *ret_help,
                                struct hm_err *err)
{
    static const struct option table[] = {
        {"metadata-dir", required_argument, NULL, 'd'},
        {"metadata-url", required_argument, NULL, 'u'},
        {"target-name", required_argument, NULL, TARGET_NAME_OP},
        {"target-dir", required_argument, NULL, 't'},
        {"target-base-url", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (option) {
        case 'd':
            options->metadata_dir = optarg;
            break;
        case 'u':
            options->metadata_url = optarg;
            break;
        case TARGET_NAME_OP:
            options->target_names[options->target_count++] = optarg;
            break;
        case 't':
            options->target_dir = optarg;
            break;
        case 'b':
            options->target_base_url = optarg;
            break;
        case 'h':
            *ret_help = true;
            return HM_OK;
        default:
            return hm_fail(err, HM_EUSAGE, "wrong options; see 'hallmark tuf --help'");
        }
    }
    options->command = optind < argc ? argv[optind] : NULL;
    options->argument = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (argc - optind > 2 || (options->argument != NULL && strcmp(options->command, "init") != 0))
        return hm_fail(err, HM_EUSAGE, "too many arguments; see 'hallmark tuf --help'");
    return HM_OK;
}

int hm_cmd_tuf(int argc, char **argv)
{
    struct options options = {0};
    struct hm_err err = HM_ERR_INIT;
    bool help = false;
    enum hm_rc rc;

    options.target_names = calloc((size_t)argc + 1, sizeof(*options.target_names));
    if (options.target_names == NULL)
        rc = hm_error_nomem(&err);
    else
        rc = parse_options(argc, argv, &options, &help, &err);
    if (rc == HM_OK && help)
        rc = hm_cmd_print(hm_bytes_str(usage), &err);
    else if (rc == HM_OK)
        rc = run(&options, &err);
    free(options.target_names);
    if (rc == HM_OK)
        return 0;
    (void)hm_cmd_fail(&err); /* its exit status is finer than this command's */
    return 1;
}
