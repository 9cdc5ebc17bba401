/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark identify: what are these bytes? First by their digest in what the trusted sites signed,
 * then by what is in them, compared with the images that sync placed and those of --in.
 */
#include "identify.h"

#include "base/file.h"
#include "base/mapping.h"
#include "base/time.h"
#include "customer/sync.h"
#include "image/walk.h"
#include "libexec.h"

#define PATH_SIZE_MAX 8192

static const char help[] =
    "usage: hallmark identify FILE... [OPTION...]\n"
    "\n"
    "Says which published release a file or flash dump is, which parts of it are one's, and which\n"
    "bytes belong to nothing known: by its bytes, whatever it is called. It is compared with "
    "every\n"
    "file that sync placed here, and with those of --in. Exit status: 0 known; 1 unknown, or\n"
    "partly so; 3 cannot tell. FILE '-' is standard input.\n"
    "\n"
    "  --in DIR        compare with the files below DIR too, which nobody signed for (repeatable)\n"
    "  --raw           compare the bytes as they are: nothing is unpacked or looked into\n"
    "  --trace         ask the site's log where the release stands in it, and who vouches for it\n"
    "  --site NAME     ask this site only\n"
    "  --max-age D     cannot tell if the last refresh is older (30d, 12h, ...)\n"
    "  --json          one JSON object, schema hallmark/identify/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";

/* The index alone is mapped. */
static const char unreadable[] =
    "hallmark: the index of known images cannot be read: a file of it was cut short, or the disk "
    "fails; remove 'index' in the state folder, it is made anew\n";

enum {
    OPT_IN = HM_CUSTOMER_OWN_,
    OPT_RAW,
    OPT_TRACE,
    OPT_MAX_AGE,
};

static void identify_done(struct hm_identify *identify)
{
    hm_progress_clear(&identify->progress);
    for (size_t i = 0; i < identify->name_count; i++) {
        hm_verify_answer_done(&identify->names[i]->answer);
        free(identify->names[i]);
    }
    free(identify->names);
    hm_buf_done(&identify->json);
    hm_buf_done(&identify->worker);
    hm_known_done(&identify->known);
    hm_verify_done(&identify->verify);
    hm_customer_done(&identify->customer);
    hm_arena_done(&identify->arena);
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct hm_identify_name *find_name(const struct hm_identify *identify,
                                          const struct hm_sha256 *sha256)
{
    for (size_t i = 0; i < identify->name_count; i++) {
        if (hm_digest_is_equal(&identify->names[i]->sha256, sha256))
            return identify->names[i];
    }
    return NULL;
}

static enum hm_rc add_name(struct hm_identify *identify, struct hm_err *err,
                           struct hm_identify_name **ret_name)
{
    if (identify->name_count == identify->name_capacity) {
        size_t grown = identify->name_capacity == 0 ? 16 : 2 * identify->name_capacity;
        void *moved = reallocarray(identify->names, grown, sizeof(struct hm_identify_name *));

        if (moved == NULL)
            return hm_error_nomem(err);
        identify->names = moved;
        identify->name_capacity = grown;
    }
    *ret_name = calloc(1, sizeof(**ret_name));
    if (*ret_name == NULL)
        return hm_error_nomem(err);
    (*ret_name)->answer.rc = HM_EUNKNOWN;
    identify->names[identify->name_count++] = *ret_name;
    return HM_OK;
}

enum hm_rc hm_identify_ask(struct hm_identify *identify, const struct hm_sha256 *sha256,
                           uint64_t size, struct hm_err *err, const struct hm_identify_name **ret)
{
    struct hm_identify_name *name = find_name(identify, sha256);

    *ret = name;
    if (name != NULL || !identify->has_sites)
        return HM_OK;
    HM_TRY(add_name(identify, err, &name));
    HM_TRY(hm_verify_digest(&identify->verify, sha256, size, NULL, err, &name->answer));
    name->sha256 = *sha256;
    *ret = name;
    return HM_OK;
}

const struct hm_catalogue_item *hm_identify_released(const struct hm_identify_name *name)
{
    /* The vendor's recall takes bytes back wherever they stand. */
    if (name == NULL || name->answer.rc != HM_OK)
        return NULL;
    for (size_t i = 0; i < name->answer.matches.item_count; i++) {
        if (name->answer.matches.items[i].rc == HM_OK)
            return &name->answer.matches.items[i];
    }
    return NULL;
}

bool hm_identify_is_refused(const struct hm_identify_name *name)
{
    /* What is recalled may stand nowhere any more. */
    return name != NULL && hm_identify_released(name) == NULL &&
           (name->answer.matches.item_count > 0 || name->answer.rc == HM_ERECALLED);
}

/* ---- one file -------------------------------------------------------------------------------- */

static enum hm_rc say(struct hm_identify *identify, struct hm_identify_file *file, enum hm_rc rc,
                      const char *reason, struct hm_err *err)
{
    file->rc = rc;
    file->reason = hm_arena_strdup(&identify->arena, hm_bytes_str(reason));
    return file->reason == NULL ? hm_error_nomem(err) : HM_OK;
}

/* May a known image be called known? *ret_is_good false: ret_why says why not. */
static enum hm_rc judge(struct hm_identify *identify, size_t source,
                        const struct hm_index_image *image, struct hm_err *err, bool *ret_is_good,
                        struct hm_err *ret_why)
{
    const struct hm_identify_name *name = NULL;
    bool is_taken_back;

    HM_TRY(hm_identify_ask(identify, &image->sha256, image->size, err, &name));
    is_taken_back = hm_identify_is_refused(name);
    /* A folder's word needs nobody's signature; but not against the word of a site. */
    *ret_is_good = hm_identify_released(name) != NULL ||
                   (identify->known.folders[source] != NULL && !is_taken_back);
    if (!*ret_is_good)
        (void)hm_fail(ret_why, name == NULL ? HM_EUNKNOWN : name->answer.rc, "%s",
                      name == NULL ? "no site is trusted that vouches for it" : name->answer.text);
    return HM_OK;
}

/* Images behind a verdict that the metadata refuses are no good news: all whole ones must be good,
 * of places with these very bytes one. */
HM_NOINLINE static enum hm_rc judge_all(struct hm_identify *identify, const struct hm_match *match,
                                        struct hm_err *err, bool *ret_is_good,
                                        struct hm_err *ret_why)
{
    bool is_exact = match->verdict == HM_MATCH_EXACT;
    bool is_good = !is_exact;

    for (size_t i = 0; is_exact && !is_good && i < match->exact_count; i++)
        HM_TRY(judge(identify, match->exact[i].source, &match->exact[i].image, err, &is_good,
                     ret_why));
    for (size_t i = 0; !is_exact && is_good && i < match->release_count; i++) {
        if (match->releases[i].is_whole)
            HM_TRY(judge(identify, match->releases[i].source, &match->releases[i].image, err,
                         &is_good, ret_why));
    }
    *ret_is_good = is_good;
    return HM_OK;
}

/* What the exit status says. */
HM_NOINLINE static enum hm_rc conclude(struct hm_identify *identify, struct hm_identify_file *file,
                                       struct hm_err *err)
{
    const struct hm_match *match = file->match;
    const struct hm_identify_name *name = file->signed_as;
    struct hm_err why = HM_ERR_INIT;
    bool is_good;

    file->rc = HM_EUNKNOWN;
    if (hm_match_is_known(match)) {
        HM_TRY(judge_all(identify, match, err, &is_good, &why));
        if (!is_good)
            return say(identify, file, why.rc, why.text, err);
        if (match->is_partial && match->verdict != HM_MATCH_EXACT)
            return say(identify, file, HM_EAGAIN,
                       "looking into it came to no end: there may be more in it", err);
        file->rc = HM_OK;
        return HM_OK;
    }
    /* Not known, but somebody who might know it could not be asked. */
    if (match->verdict == HM_MATCH_UNKNOWN && name != NULL &&
        hm_error_exit_status(name->answer.rc) == 3)
        return say(identify, file, name->answer.rc, name->answer.text, err);
    return HM_OK;
}

/* By its contents. */
HM_NOINLINE static enum hm_rc compare(struct hm_identify *identify, struct hm_bytes bytes,
                                      struct hm_identify_file *file, struct hm_err *err)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;
    _hm_free_(hm_contents_free) struct hm_contents *deeper = NULL;
    const char *worker = hm_buf_str(&identify->worker);

    if (!identify->is_raw)
        HM_TRY(hm_contents_inspect(worker, bytes, false, err, &contents));
    HM_TRY(hm_match_run(identify->known.sources, identify->known.count, bytes, &file->sha256,
                        contents, err, &file->match));
    /* Neither bytes nor modules are known: what was decompressed may tell the line it is of. */
    if (contents != NULL && file->match->verdict == HM_MATCH_UNKNOWN &&
        hm_contents_is_packed(contents)) {
        HM_TRY(hm_contents_inspect(worker, bytes, true, err, &deeper));
        hm_match_free(file->match);
        file->match = NULL;
        HM_TRY(hm_match_run(identify->known.sources, identify->known.count, bytes, &file->sha256,
                            deeper, err, &file->match));
    }
    HM_TRY(conclude(identify, file, err));
    if (identify->customer.json)
        HM_TRY(hm_identify_write(identify, file, err));
    else
        HM_TRY(hm_identify_print(identify, file, err));
    hm_match_free(file->match);
    file->match = NULL;
    return HM_OK;
}

static enum hm_rc report(struct hm_identify *identify, const struct hm_identify_file *file,
                         struct hm_err *err)
{
    return identify->customer.json ? hm_identify_write(identify, file, err)
                                   : hm_identify_print(identify, file, err);
}

static enum hm_rc identify_bytes(struct hm_identify *identify, struct hm_bytes bytes,
                                 struct hm_identify_file *file, struct hm_err *err)
{
    file->size = bytes.size;
    HM_TRY(hm_digest_sha256(bytes, err, &file->sha256));
    HM_TRY(hm_identify_ask(identify, &file->sha256, file->size, err, &file->signed_as));
    if (hm_identify_released(file->signed_as) != NULL) {
        file->rc = HM_OK;
        return report(identify, file, err);
    }
    /* Known to somebody, and refused: what it resembles is no longer the question. */
    if (hm_identify_is_refused(file->signed_as)) {
        HM_TRY(say(identify, file, file->signed_as->answer.rc, file->signed_as->answer.text, err));
        return report(identify, file, err);
    }
    return compare(identify, bytes, file, err);
}

HM_NOINLINE static enum hm_rc identify_one(struct hm_identify *identify, const char *path,
                                           struct hm_err *err)
{
    /* A copy: a file that is cut short or written to while it is looked into stays what it was. */
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_WALK_FILE_SIZE_MAX);
    struct hm_identify_file file = {.path = path, .rc = HM_EUNKNOWN};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_file_read_path(path, &why, &bytes);

    /* What is larger than any flash chip is no question for this command. */
    if (rc == HM_EFORMAT)
        rc = why.rc = HM_EINPUT;
    if (rc != HM_OK && hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    if (rc == HM_OK) {
        HM_TRY(identify_bytes(identify, hm_buf_bytes(&bytes), &file, err));
    } else {
        HM_TRY(say(identify, &file, rc, why.text, err));
        HM_TRY(report(identify, &file, err));
    }
    identify->worst = hm_sync_worse(identify->worst, file.rc);
    return HM_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void on_progress(void *ctx, const char *path, size_t done, size_t count)
{
    struct hm_identify *identify = ctx;

    if (done == 0)
        hm_progress_start(&identify->progress, HM_BYTES_LITERAL("indexing"), count);
    hm_progress_update(&identify->progress, done);
    (void)path;
}

static void on_notice(void *ctx, const char *sentence)
{
    struct hm_identify *identify = ctx;

    hm_progress_clear(&identify->progress);
    hm_cmd_warn("%s", sentence);
}

static enum hm_rc open_sites(struct hm_identify *identify, struct hm_err *err)
{
    struct hm_customer *customer = &identify->customer;
    const char **names = NULL;
    size_t count = 0;

    HM_TRY(hm_home_sites(&customer->home, &customer->arena, err, &names, &count));
    /* Without a site there is what --in names, and nothing that anybody signed. */
    if (count == 0 && customer->site == NULL && identify->folder_count > 0)
        return HM_OK;
    HM_TRY(hm_verify_open(&customer->home, customer->site, customer->now_unix_s,
                          identify->max_age_s, err, &identify->verify));
    identify->has_sites = true;
    for (size_t i = 0; i < identify->verify.site_count; i++) {
        if (identify->verify.sites[i].subscription != NULL)
            hm_customer_warn_trial(customer, identify->verify.sites[i].subscription);
    }
    return HM_OK;
}

HM_NOINLINE static enum hm_rc run(struct hm_identify *identify, char **paths, size_t count,
                                  struct hm_err *err)
{
    struct hm_index_events events = {.progress = on_progress, .notice = on_notice, .ctx = identify};

    hm_mapping_set_fault(unreadable, 4);
    HM_TRY(hm_customer_open_home(&identify->customer, identify->folder_count > 0, err));
    HM_TRY(open_sites(identify, err));
    HM_TRY(hm_libexec_find(HM_INSPECT_PROGRAM, err, &identify->worker));
    HM_TRY(hm_known_open(&identify->customer.home, identify->folders, identify->folder_count,
                         hm_buf_str(&identify->worker), &events, err, &identify->known));
    hm_progress_clear(&identify->progress);
    for (size_t i = 0; i < count; i++)
        HM_TRY(identify_one(identify, paths[i], err));
    return HM_OK;
}

static int print_json(struct hm_identify *identify)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;

    hm_json_writer_array_end(&identify->writer);
    if (hm_json_writer_end(&identify->writer, &err) != HM_OK)
        return hm_cmd_fail(&err);
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/identify/1");
    hm_json_writer_key(&writer, "files");
    hm_json_writer_raw(&writer, hm_buf_bytes(&identify->json));
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, identify->worst);
}

/* An exit status, or -1 to go on. */
static int take_option(struct hm_identify *identify, int option, char **argv)
{
    struct hm_err err = HM_ERR_INIT;

    switch (option) {
    case OPT_IN:
        if (identify->folder_count == HM_KNOWN_FOLDER_COUNT_MAX)
            return hm_cmd_usage(HM_IDENTIFY_GROUP, "at most %d folders", HM_KNOWN_FOLDER_COUNT_MAX);
        identify->folders[identify->folder_count++] = optarg;
        return -1;
    case OPT_RAW:
        identify->is_raw = true;
        return -1;
    case OPT_TRACE:
        identify->is_trace = true;
        return -1;
    case OPT_MAX_AGE:
        if (hm_time_parse_duration(optarg, &err, &identify->max_age_s) != HM_OK)
            return hm_cmd_usage(HM_IDENTIFY_GROUP, "%s", err.text);
        return -1;
    default:
        if (hm_customer_take_option(&identify->customer, option))
            return -1;
        return hm_customer_bad_option(&identify->customer, option, argv);
    }
}

static int run_command(struct hm_identify *identify, int argc, char **argv)
{
    static const struct option options[] = {
        HM_CUSTOMER_OPTIONS,
        {"in", required_argument, NULL, OPT_IN},
        {"raw", no_argument, NULL, OPT_RAW},
        {"trace", no_argument, NULL, OPT_TRACE},
        {"max-age", required_argument, NULL, OPT_MAX_AGE},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int status = take_option(identify, option, argv);

        if (status >= 0)
            return status;
    }
    if (identify->customer.wants_help)
        return hm_customer_print_help(&identify->customer);
    if (argc == optind)
        return hm_cmd_usage(HM_IDENTIFY_GROUP, "say which files to identify");
    hm_json_writer_init(&identify->writer, &identify->json, false);
    hm_json_writer_array_begin(&identify->writer);
    hm_progress_init(&identify->progress,
                     !identify->customer.no_progress && !identify->customer.quiet);
    if (run(identify, argv + optind, (size_t)(argc - optind), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return identify->customer.json ? print_json(identify) : hm_error_exit_status(identify->worst);
}

int hm_cmd_identify(int argc, char **argv)
{
    struct hm_identify *identify = calloc(1, sizeof(*identify));
    struct hm_err err = HM_ERR_INIT;
    int status;

    if (identify == NULL) {
        (void)hm_error_nomem(&err);
        return hm_cmd_fail(&err);
    }
    identify->max_age_s = -1;
    identify->worker = (struct hm_buf)HM_BUF_INIT(PATH_SIZE_MAX);
    identify->json = (struct hm_buf)HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    hm_customer_init(&identify->customer, HM_IDENTIFY_GROUP, help);
    status = run_command(identify, argc, argv);
    identify_done(identify);
    free(identify);
    return status;
}
