/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about deliveries: options, files, and the answer. See claim.h. */
#include "claim.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/delivery_sites.h"

#define FOLDER_COUNT_MAX HM_JUDGE_FILE_COUNT_MAX
#define FOLDER_DEPTH_MAX 2 /* a client sorts its deliveries into folders */

void hm_claim_done(struct hm_claim *claim)
{
    hm_dossier_free(claim->dossier);
    hm_judge_free(claim->judge);
    hm_cmd_basis_done(&claim->basis);
    hm_customer_done(&claim->customer);
}

/* ---- options ---- */

static enum hm_rc take_kind(struct hm_claim *claim, enum hm_judge_claim_kind kind,
                            struct hm_err *err)
{
    if (claim->has_kind && claim->claim.kind != kind)
        return hm_fail(err, HM_EUSAGE,
                       "of --received, --never-received, --rejected and --withheld give one");
    claim->has_kind = true;
    claim->claim.kind = kind;
    return HM_OK;
}

static enum hm_rc take_value(struct hm_claim *claim, int option, const char *value,
                             struct hm_err *err)
{
    switch (option) {
    case HM_CLAIM_IMAGE:
        claim->claim.has_image = true;
        if (hm_text_unhex(hm_bytes_str(value), claim->claim.image.bytes, HM_SHA256_SIZE) != HM_OK)
            return hm_fail(err, HM_EUSAGE, "--image: '%s' is no SHA-256 of 64 digits", value);
        return HM_OK;
    case HM_CLAIM_AT:
        claim->claim.has_at = true;
        if (hm_time_parse(hm_bytes_str(value), &claim->claim.at_unix_s) != HM_OK)
            return hm_fail(err, HM_EUSAGE, "--at: '%s' is no time such as 2026-11-24T12:00:00Z",
                           value);
        return HM_OK;
    case HM_CLAIM_REVOKED:
        if (claim->revoked_count == HM_CLAIM_REVOKED_MAX)
            return hm_fail(err, HM_EUSAGE, "--revoked: more than %d keys", HM_CLAIM_REVOKED_MAX);
        claim->revoked[claim->revoked_count++] = value;
        return HM_OK;
    default:
        return hm_fail(err, HM_ENOTFOUND, "no such option");
    }
}

enum hm_rc hm_claim_take_option(struct hm_claim *claim, int option, const char *value,
                                struct hm_err *err)
{
    switch (option) {
    case HM_CLAIM_TRUST:
        claim->trust_path = value;
        return HM_OK;
    case HM_CLAIM_CUSTOMER:
        claim->claim.customer = value;
        return HM_OK;
    case HM_CLAIM_RELEASE:
        claim->claim.release = value;
        return HM_OK;
    case 'o':
        claim->output_path = value;
        return HM_OK;
    case HM_CLAIM_RECEIVED:
        return take_kind(claim, HM_JUDGE_RECEIVED, err);
    case HM_CLAIM_NEVER_RECEIVED:
        return take_kind(claim, HM_JUDGE_NEVER_RECEIVED, err);
    case HM_CLAIM_REJECTED:
        return take_kind(claim, HM_JUDGE_REJECTED, err);
    case HM_CLAIM_WITHHELD:
        return take_kind(claim, HM_JUDGE_WITHHELD, err);
    default:
        return hm_customer_take_option(&claim->customer, option)
                   ? HM_OK
                   : take_value(claim, option, value, err);
    }
}

/* KEYNAME=TIME. */
static enum hm_rc add_revoked(struct hm_claim *claim, const char *text, struct hm_err *err)
{
    const char *sign = strrchr(text, '=');
    _hm_free_(free) char *name = sign == NULL ? NULL : strndup(text, (size_t)(sign - text));
    int64_t since_s;

    if (sign == NULL || hm_time_parse(hm_bytes_str(sign + 1), &since_s) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "--revoked: '%s' is not KEYNAME=TIME", text);
    return name == NULL ? hm_error_nomem(err) : hm_judge_revoke(claim->judge, name, since_s, err);
}

/* Of a site that is trusted here, those that its earlier roots named as well. */
static enum hm_rc trust_earlier(struct hm_claim *claim, struct hm_err *err)
{
    _hm_done_(hm_delivery_sites_done) struct hm_delivery_sites sites = HM_DELIVERY_SITES_INIT;

    HM_TRY(hm_delivery_sites_read(claim->basis.subscription, err, &sites));
    for (size_t i = 0; i < sites.count; i++)
        HM_TRY(hm_judge_trust(claim->judge, sites.keys[i], sites.sites[i]->policy, err));
    return HM_OK;
}

enum hm_rc hm_claim_open(struct hm_claim *claim, struct hm_err *err)
{
    const char *site = claim->customer.site;

    if (claim->claim.customer == NULL)
        return hm_fail(err, HM_EUSAGE, "say which customer the claim is about: --customer");
    if ((claim->claim.release == NULL) == !claim->claim.has_image)
        return hm_fail(err, HM_EUSAGE,
                       "say what the claim is about: --release MAKER/PRODUCT/VERSION or --image");
    if ((claim->trust_path == NULL) == (site == NULL))
        return hm_fail(err, HM_EUSAGE, "say what to judge by: --trust FILE or --site NAME");
    HM_TRY(hm_cmd_basis_open(&claim->customer, claim->trust_path, site, "the claim", err,
                             &claim->basis));
    HM_TRY(hm_judge_new(claim->basis.basis, claim->customer.now_unix_s, err, &claim->judge));
    if (claim->basis.subscription != NULL)
        HM_TRY(trust_earlier(claim, err));
    for (size_t i = 0; i < claim->revoked_count; i++)
        HM_TRY(add_revoked(claim, claim->revoked[i], err));
    return HM_OK;
}

/* ---- files ---- */

/* In two rounds: what deliveries are judged by, then deliveries. */
static enum hm_rc take_bytes(struct hm_claim *claim, const char *name, struct hm_bytes raw,
                             bool is_first, struct hm_err *err)
{
    if (hm_judge_is_evidence(raw) != is_first)
        return HM_OK;
    if (claim->dossier != NULL) {
        enum hm_rc rc = hm_dossier_add(claim->dossier, raw, err);

        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s'", name);
    }
    return hm_judge_take(claim->judge, name, raw, err);
}

static enum hm_rc take_dossier(struct hm_claim *claim, const char *path, struct hm_bytes raw,
                               bool is_first, struct hm_err *err)
{
    _hm_free_(hm_dossier_free) struct hm_dossier *dossier = NULL;
    enum hm_rc rc;

    if (!is_first)
        return HM_OK;
    rc = hm_dossier_parse(raw, err, &dossier);
    if (rc == HM_OK)
        rc = hm_dossier_feed(dossier, claim->basis.basis, claim->judge, err);
    for (size_t i = 0; rc == HM_OK && claim->dossier != NULL && i < dossier->count; i++) {
        if (dossier->members[i].kind >= HM_DOSSIER_EVIDENCE)
            rc = hm_dossier_add(claim->dossier, dossier->members[i].raw, err);
    }
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

static bool is_for_judge(const char *name)
{
    static const char *const suffixes[] = {".delivery", ".evidence", ".note", ".proof"};
    size_t size = strlen(name);

    for (size_t i = 0; i < HM_ARRAY_COUNT(suffixes); i++) {
        size_t suffix = strlen(suffixes[i]);

        if (size > suffix && strcmp(name + size - suffix, suffixes[i]) == 0)
            return true;
    }
    return false;
}

static enum hm_rc take_names(struct hm_claim *claim, const struct hm_dir *dir, bool is_first,
                             int depth, struct hm_err *err);

/* A folder in it, such as those that a client sorts its deliveries into; anything else is passed
 * by. */
static enum hm_rc take_below(struct hm_claim *claim, const struct hm_dir *dir, const char *name,
                             bool is_first, int depth, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir below = HM_DIR_INIT;

    if (depth == FOLDER_DEPTH_MAX || hm_dir_open_at(dir, name, false, NULL, &below) != HM_OK)
        return HM_OK;
    return take_names(claim, &below, is_first, depth + 1, err);
}

/* What a folder has by the names that such files have; others are not looked at. */
static enum hm_rc take_names(struct hm_claim *claim, const struct hm_dir *dir, bool is_first,
                             int depth, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    const char **names;
    size_t count;

    HM_TRY(hm_dir_list(dir, "", FOLDER_COUNT_MAX, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        enum hm_rc rc;

        if (!is_for_judge(names[i])) {
            HM_TRY(take_below(claim, dir, names[i], is_first, depth, err));
            continue;
        }
        hm_buf_clear(&raw);
        rc = hm_dir_read(dir, names[i], err, &raw);
        if (rc == HM_OK)
            rc = take_bytes(claim, names[i], hm_buf_bytes(&raw), is_first, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s'", dir->path);
    }
    return HM_OK;
}

static enum hm_rc take_folder(struct hm_claim *claim, const char *path, bool is_first,
                              struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_dir_open(path, err, &dir));
    return take_names(claim, &dir, is_first, 0, err);
}

static enum hm_rc take_path(struct hm_claim *claim, const char *path, bool is_first,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw =
        HM_BUF_INIT(HM_DOSSIER_SIZE_MAX + HM_USTAR_TRAILER_SIZE_MAX);
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return take_folder(claim, path, is_first, err);
    HM_TRY(hm_file_read_path(path, err, &raw));
    if (hm_dossier_is_one(hm_buf_bytes(&raw)))
        return take_dossier(claim, path, hm_buf_bytes(&raw), is_first, err);
    return take_bytes(claim, path, hm_buf_bytes(&raw), is_first, err);
}

enum hm_rc hm_claim_take(struct hm_claim *claim, char *const *paths, size_t count,
                         struct hm_err *err)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++)
            HM_TRY(take_path(claim, paths[i], round == 0, err));
    }
    return HM_OK;
}

/* ---- the answer ---- */

static enum hm_rc print_text(const struct hm_claim *claim, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_judge_answer *answer = &claim->answer;
    const struct hm_report *report = hm_judge_report(claim->judge);

    HM_TRY(hm_buf_append_fmt(&out, err, "claim: %s\n", answer->claim));
    for (size_t i = 0; i < report->count; i++)
        HM_TRY(hm_buf_append_fmt(&out, err, "  %-2s  %s\n",
                                 hm_report_mark_text(report->steps[i].mark),
                                 report->steps[i].text));
    HM_TRY(hm_buf_append_fmt(&out, err, "finding: %s\n", answer->text));
    if (answer->needed != NULL)
        HM_TRY(hm_buf_append_fmt(&out, err, "missing: %s\n", answer->needed));
    HM_TRY(hm_buf_append_fmt(&out, err, "the claim is %s\n",
                             answer->verdict == HM_JUDGE_UNTOLD
                                 ? "neither proved nor refuted"
                                 : hm_judge_verdict_name(answer->verdict)));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static void write_counts(struct hm_json_writer *writer, const struct hm_judge_answer *answer)
{
    const struct {
        const char *name;
        size_t count;
    } counts[] = {{"deliveries", answer->delivery_count},
                  {"matching", answer->matching_count},
                  {"bad_files", answer->bad_count},
                  {"gaps", answer->gap_count},
                  {"forks", answer->fork_count}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(counts); i++) {
        hm_json_writer_key(writer, counts[i].name);
        hm_json_writer_u64(writer, counts[i].count);
    }
}

static int print_json(const struct hm_claim *claim, const char *schema)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_judge_answer *answer = &claim->answer;
    const struct hm_report *report = hm_judge_report(claim->judge);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", schema);
    hm_json_writer_key_str(&writer, "site", claim->basis.basis->site);
    hm_json_writer_key_str(&writer, "claim", answer->claim);
    hm_json_writer_key_str(&writer, "finding", hm_judge_finding_name(answer->finding));
    hm_json_writer_key_str(&writer, "text", answer->text);
    hm_json_writer_key_str(&writer, "verdict", hm_judge_verdict_name(answer->verdict));
    if (answer->needed != NULL)
        hm_json_writer_key_str(&writer, "needed", answer->needed);
    write_counts(&writer, answer);
    hm_json_writer_key(&writer, "steps");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < report->count; i++) {
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "mark", hm_report_mark_text(report->steps[i].mark));
        hm_json_writer_key_str(&writer, "text", report->steps[i].text);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, HM_OK);
}

int hm_claim_print(const struct hm_claim *claim, const char *schema)
{
    struct hm_err err = HM_ERR_INIT;
    int status = 0;

    if (claim->customer.json)
        status = print_json(claim, schema);
    else if (!claim->customer.quiet && print_text(claim, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return status != 0 ? status : hm_judge_exit_status(claim->answer.verdict);
}
