/* SPDX-License-Identifier: Apache-2.0 */
/* Dossiers: reading, writing, and what a judge is given of them. See dossier.h. */
#include "judge/dossier.h"

#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "base/ustar.h"
#include "delivery/delivery_file.h"
#include "tlog/lines.h"

#define NOUN       "the claim"
#define FIRST_LINE "hallmark/claim v1"

static const struct {
    const char *folder, *suffix; /* of a single member: the whole name, and NULL */
    size_t size_max;
} kinds[HM_DOSSIER_KIND_COUNT_] = {
    [HM_DOSSIER_README] = {"README.txt", NULL, HM_DOSSIER_TEXT_SIZE_MAX},
    [HM_DOSSIER_CLAIM] = {"claim.txt", NULL, HM_DOSSIER_TEXT_SIZE_MAX},
    [HM_DOSSIER_ROOT] = {"roots/", ".root.json", HM_DOSSIER_ROOT_SIZE_MAX},
    [HM_DOSSIER_EVIDENCE] = {"evidence/", ".evidence", HM_EVIDENCE_SIZE_MAX},
    [HM_DOSSIER_DELIVERY] = {"deliveries/", ".delivery", HM_DELIVERY_FILE_SIZE_MAX},
    [HM_DOSSIER_NOTE] = {"notes/", ".note", HM_DELIVERY_FILE_PART_SIZE_MAX},
};

enum hm_rc hm_dossier_new(struct hm_err *err, struct hm_dossier **ret_dossier)
{
    struct hm_dossier *dossier = calloc(1, sizeof(*dossier));

    if (dossier == NULL)
        return hm_error_nomem(err);
    *ret_dossier = dossier;
    return HM_OK;
}

void hm_dossier_free(struct hm_dossier *dossier)
{
    if (dossier == NULL)
        return;
    free(dossier->members);
    hm_arena_done(&dossier->arena);
    free(dossier);
}

bool hm_dossier_is_one(struct hm_bytes raw)
{
    static const char name[] = "README.txt";

    return raw.size >= HM_USTAR_BLOCK_SIZE && memcmp(raw.data, name, sizeof(name)) == 0;
}

/* ---- members ---- */

static enum hm_rc put(struct hm_dossier *dossier, enum hm_dossier_kind kind, uint64_t number,
                      struct hm_bytes raw, struct hm_err *err)
{
    struct hm_dossier_member member = {.kind = kind, .number = number};
    char name[HM_USTAR_NAME_SIZE_MAX];

    if (dossier->count == HM_DOSSIER_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "a dossier has %d files at most", HM_DOSSIER_COUNT_MAX);
    if (raw.size > kinds[kind].size_max || raw.size > HM_DOSSIER_SIZE_MAX - dossier->size)
        return hm_fail(err, HM_EREFUSED, "it is too large for a dossier");
    if (dossier->count == dossier->capacity) {
        size_t grown = dossier->capacity == 0 ? 16 : 2 * dossier->capacity;
        struct hm_dossier_member *members = reallocarray(dossier->members, grown, sizeof(*members));

        if (members == NULL)
            return hm_error_nomem(err);
        dossier->members = members;
        dossier->capacity = grown;
    }
    if (kinds[kind].suffix == NULL)
        (void)snprintf(name, sizeof(name), "%s", kinds[kind].folder); /* names are short */
    else
        (void)snprintf(name, sizeof(name), "%s%llu%s", kinds[kind].folder,
                       (unsigned long long)number, kinds[kind].suffix);
    member.name = hm_arena_strdup(&dossier->arena, hm_bytes_str(name));
    if (member.name == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&dossier->arena, raw, err, &member.raw));
    dossier->size += raw.size;
    dossier->members[dossier->count++] = member;
    return HM_OK;
}

static uint64_t count_of(const struct hm_dossier *dossier, enum hm_dossier_kind kind)
{
    uint64_t count = 0;

    for (size_t i = 0; i < dossier->count; i++)
        count += dossier->members[i].kind == kind;
    return count;
}

enum hm_rc hm_dossier_add(struct hm_dossier *dossier, struct hm_bytes raw, struct hm_err *err)
{
    enum hm_dossier_kind kind = HM_DOSSIER_NOTE;

    if (hm_judge_is_evidence(raw))
        kind = HM_DOSSIER_EVIDENCE;
    else if (hm_bytes_has_prefix(raw, HM_BYTES_LITERAL("hallmark/delivery-file ")))
        kind = HM_DOSSIER_DELIVERY;
    else if (!hm_bytes_has_prefix(raw, HM_BYTES_LITERAL("hallmark/delivery-")))
        return hm_fail(err, HM_EFORMAT, "it is no evidence, no delivery file, and no statement");
    return put(dossier, kind, count_of(dossier, kind) + 1, raw, err);
}

enum hm_rc hm_dossier_add_root(struct hm_dossier *dossier, uint64_t version, struct hm_bytes raw,
                               struct hm_err *err)
{
    return put(dossier, HM_DOSSIER_ROOT, version, raw, err);
}

struct hm_bytes hm_dossier_readme_of(const struct hm_dossier *dossier)
{
    return dossier->count > 0 && dossier->members[0].kind == HM_DOSSIER_README
               ? dossier->members[0].raw
               : HM_BYTES_EMPTY;
}

/* ---- the claim ---- */

static enum hm_rc copy_text(struct hm_dossier *dossier, const char *text, struct hm_err *err,
                            const char **ret_copy)
{
    *ret_copy = NULL;
    if (text == NULL)
        return HM_OK;
    *ret_copy = hm_arena_strdup(&dossier->arena, hm_bytes_str(text));
    return *ret_copy == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_dossier_set_claim(struct hm_dossier *dossier, const struct hm_judge_claim *claim,
                                struct hm_err *err)
{
    dossier->claim = *claim;
    HM_TRY(copy_text(dossier, claim->customer, err, &dossier->claim.customer));
    return copy_text(dossier, claim->release, err, &dossier->claim.release);
}

static enum hm_rc parse_says(struct hm_lines *lines, struct hm_judge_claim *claim)
{
    HM_TRY(hm_lines_take(lines, "says", 1, false, "'says' and what is claimed"));
    for (size_t i = 0; i < HM_JUDGE_CLAIM_COUNT_; i++) {
        if (hm_bytes_is_str(lines->words[0], hm_judge_claim_name((enum hm_judge_claim_kind)i))) {
            claim->kind = (enum hm_judge_claim_kind)i;
            hm_lines_next(lines);
            return HM_OK;
        }
    }
    return hm_lines_fail(lines, "'says' and what may be claimed");
}

static enum hm_rc parse_claim(struct hm_dossier *dossier, struct hm_bytes raw, struct hm_err *err)
{
    struct hm_judge_claim *claim = &dossier->claim;
    struct hm_lines lines;

    HM_TRY(hm_lines_check(raw, HM_DOSSIER_TEXT_SIZE_MAX, NOUN, err));
    hm_lines_init(&lines, raw, NOUN, err);
    if (!hm_bytes_is_str(lines.line, FIRST_LINE))
        return hm_lines_fail(&lines, "'" FIRST_LINE "'");
    hm_lines_next(&lines);
    HM_TRY(hm_lines_take(&lines, "customer", 1, false, "'customer' and its name"));
    HM_TRY(hm_lines_copy(&lines, 0, &dossier->arena, &claim->customer));
    hm_lines_next(&lines);
    if (hm_lines_has(&lines, "image")) {
        HM_TRY(hm_lines_take(&lines, "image", 1, false, "'image' and its SHA-256"));
        HM_TRY(hm_lines_digest(&lines, 0, "'image' and its SHA-256", &claim->image));
        claim->has_image = true;
    } else {
        HM_TRY(hm_lines_take(&lines, "release", 1, true, "'release' and its path"));
        HM_TRY(hm_lines_copy(&lines, 0, &dossier->arena, &claim->release));
    }
    hm_lines_next(&lines);
    HM_TRY(parse_says(&lines, claim));
    if (hm_lines_has(&lines, "at")) {
        HM_TRY(hm_lines_take(&lines, "at", 1, false, "'at' and a time"));
        if (hm_time_parse(lines.words[0], &claim->at_unix_s) != HM_OK)
            return hm_lines_fail(&lines, "'at' and a time");
        claim->has_at = true;
        hm_lines_next(&lines);
    }
    return lines.has_line ? hm_lines_fail(&lines, "the end") : HM_OK;
}

static enum hm_rc write_claim(const struct hm_judge_claim *claim, struct hm_err *err,
                              struct hm_buf *ret_text)
{
    char hex[HM_SHA256_HEX_SIZE], at[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_buf_append_fmt(ret_text, err, FIRST_LINE "\ncustomer %s\n", claim->customer));
    if (claim->has_image) {
        hm_text_hex(hm_bytes_make(claim->image.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(ret_text, err, "image %s\n", hex));
    } else {
        HM_TRY(hm_buf_append_fmt(ret_text, err, "release %s\n", claim->release));
    }
    HM_TRY(hm_buf_append_fmt(ret_text, err, "says %s\n", hm_judge_claim_name(claim->kind)));
    if (!claim->has_at)
        return HM_OK;
    hm_time_format(claim->at_unix_s, at);
    return hm_buf_append_fmt(ret_text, err, "at %s\n", at);
}

/* ---- reading ---- */

struct source {
    struct hm_bytes rest;
};

static enum hm_rc read_source(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                              bool *ret_end)
{
    struct source *source = ctx;

    *ret_end = source->rest.size == 0;
    if (*ret_end)
        return HM_OK;
    if (source->rest.size < size)
        return hm_fail(err, HM_EFORMAT, "the archive is cut short");
    memcpy(data, source->rest.data, size);
    source->rest = hm_bytes_make(source->rest.data + size, source->rest.size - size);
    return HM_OK;
}

/* A name has one spelling: its kind's folder, its number, its suffix. */
static enum hm_rc read_name(const char *name, struct hm_err *err, enum hm_dossier_kind *ret_kind,
                            uint64_t *ret_number)
{
    for (size_t i = 0; i < HM_DOSSIER_KIND_COUNT_; i++) {
        size_t front = strlen(kinds[i].folder), size = strlen(name);
        size_t back = kinds[i].suffix == NULL ? 0 : strlen(kinds[i].suffix);

        if (strncmp(name, kinds[i].folder, front) != 0)
            continue;
        *ret_kind = (enum hm_dossier_kind)i;
        *ret_number = 0;
        if (back == 0 && size == front)
            return HM_OK;
        if (back > 0 && size > front + back && strcmp(name + size - back, kinds[i].suffix) == 0 &&
            hm_num_parse_u64(name + front, size - front - back, ret_number) == HM_OK &&
            *ret_number > 0)
            return HM_OK;
    }
    return hm_fail(err, HM_EFORMAT, "'%s' has no place in a dossier", name);
}

/* README.txt and claim.txt, then the others by kind; roots ascending, the rest counted from 1. */
static enum hm_rc check_place(const struct hm_dossier *dossier, enum hm_dossier_kind kind,
                              uint64_t number, struct hm_err *err)
{
    const struct hm_dossier_member *last =
        dossier->count == 0 ? NULL : &dossier->members[dossier->count - 1];
    bool is_first_of_kind = last == NULL || last->kind != kind;
    uint64_t before = is_first_of_kind ? 0 : last->number;
    bool is_good = kind <= HM_DOSSIER_CLAIM
                       ? dossier->count == (size_t)kind
                       : dossier->count > HM_DOSSIER_CLAIM && last->kind <= kind;

    if (kind == HM_DOSSIER_ROOT)
        is_good = is_good && number > before;
    else if (kind > HM_DOSSIER_ROOT)
        is_good = is_good && number == before + 1;
    return is_good ? HM_OK
                   : hm_fail(err, HM_EFORMAT, "a file of the dossier is twice, or out of order");
}

static enum hm_rc read_member(struct hm_dossier *dossier, struct hm_ustar_reader *reader,
                              const char *name, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    enum hm_dossier_kind kind = HM_DOSSIER_README;
    uint64_t number = 0;

    HM_TRY(read_name(name, err, &kind, &number));
    HM_TRY(check_place(dossier, kind, number, err));
    raw.size_max = kinds[kind].size_max;
    HM_TRY(hm_ustar_reader_read_all(reader, err, &raw));
    if (kind == HM_DOSSIER_CLAIM)
        HM_TRY(parse_claim(dossier, hm_buf_bytes(&raw), err));
    return put(dossier, kind, number, hm_buf_bytes(&raw), err);
}

enum hm_rc hm_dossier_parse(struct hm_bytes raw, struct hm_err *err,
                            struct hm_dossier **ret_dossier)
{
    _hm_free_(hm_dossier_free) struct hm_dossier *dossier = NULL;
    struct source source = {raw};
    struct hm_ustar_reader reader;
    const char *name;
    uint64_t size;
    bool more;

    if (raw.size > HM_DOSSIER_SIZE_MAX + HM_USTAR_TRAILER_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "it is too large for a dossier");
    HM_TRY(hm_dossier_new(err, &dossier));
    hm_ustar_reader_init(&reader, read_source, &source);
    for (;;) {
        enum hm_rc rc;

        HM_TRY(hm_ustar_reader_next(&reader, err, &more, &name, &size));
        if (!more)
            break;
        rc = read_member(dossier, &reader, name, err);
        if (rc != HM_OK)
            return hm_error_exit_status(rc) == 4 ? rc : hm_error_prefix(err, HM_EFORMAT, "dossier");
    }
    if (dossier->count <= HM_DOSSIER_CLAIM)
        return hm_fail(err, HM_EFORMAT, "a dossier has README.txt and claim.txt");
    *ret_dossier = hm_steal(&dossier);
    return HM_OK;
}

/* ---- judging ---- */

static enum hm_rc feed_roots(const struct hm_dossier *dossier, struct hm_basis *basis,
                             struct hm_judge *judge, struct hm_err *err)
{
    for (size_t i = 0; i < dossier->count; i++) {
        const struct hm_dossier_member *member = &dossier->members[i];
        enum hm_rc rc;

        if (member->kind != HM_DOSSIER_ROOT ||
            member->number <= (uint64_t)basis->root->document.version)
            continue;
        rc = hm_basis_add(basis, member->raw, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s'", member->name);
        HM_TRY(hm_judge_trust_root(judge, basis->root, err));
    }
    return HM_OK;
}

enum hm_rc hm_dossier_feed(const struct hm_dossier *dossier, struct hm_basis *basis,
                           struct hm_judge *judge, struct hm_err *err)
{
    HM_TRY(feed_roots(dossier, basis, judge, err));
    for (size_t i = 0; i < dossier->count; i++) {
        const struct hm_dossier_member *member = &dossier->members[i];

        if (member->kind >= HM_DOSSIER_EVIDENCE)
            HM_TRY(hm_judge_take(judge, member->name, member->raw, err));
    }
    return HM_OK;
}

/* ---- writing ---- */

enum hm_rc hm_dossier_readme(const struct hm_dossier *dossier, const char *site,
                             const struct hm_judge_answer *answer, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    HM_TRY(hm_buf_append_fmt(ret_text, err,
                             "Dossier on deliveries of the site '%s'\n\n"
                             "Claim:    %s\n"
                             "Finding:  %s\n"
                             "Verdict:  the claim is %s\n",
                             site, answer->claim, answer->text,
                             answer->verdict == HM_JUDGE_UNTOLD
                                 ? "neither proved nor refuted"
                                 : hm_judge_verdict_name(answer->verdict)));
    if (answer->needed != NULL)
        HM_TRY(hm_buf_append_fmt(ret_text, err, "Missing:  %s\n", answer->needed));
    return hm_buf_append_fmt(
        ret_text, err,
        "\nIn this archive, as plain files:\n"
        "  claim.txt    the claim, for the program\n"
        "  roots/       %llu roots of the site, each signed as the one before it demands\n"
        "  evidence/    %llu statements about the site's release log, each with its proof\n"
        "  deliveries/  %llu deliveries: what both sides signed, and proofs of when\n"
        "  notes/       %llu single statements of the site\n"
        "\nTo check it, offline, with nothing but the site's trust file, which must come from\n"
        "elsewhere than from here:\n\n"
        "  hallmark check THIS-FILE --trust TRUSTFILE\n\n"
        "prints each step. This page is words; what counts is what the program finds in the other\n"
        "files, by the keys of the trust file. Signed statements are text: read them.\n",
        (unsigned long long)count_of(dossier, HM_DOSSIER_ROOT),
        (unsigned long long)count_of(dossier, HM_DOSSIER_EVIDENCE),
        (unsigned long long)count_of(dossier, HM_DOSSIER_DELIVERY),
        (unsigned long long)count_of(dossier, HM_DOSSIER_NOTE));
}

static enum hm_rc write_bytes(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

enum hm_rc hm_dossier_write(const struct hm_dossier *dossier, struct hm_bytes readme,
                            struct hm_err *err, struct hm_buf *ret_archive)
{
    _hm_done_(hm_buf_done) struct hm_buf claim = HM_BUF_INIT(HM_DOSSIER_TEXT_SIZE_MAX);
    _hm_free_(hm_dossier_free) struct hm_dossier *again = NULL;
    size_t begin = ret_archive->size;
    struct hm_ustar_writer writer;

    hm_ustar_writer_init(&writer, write_bytes, ret_archive);
    HM_TRY(write_claim(&dossier->claim, err, &claim));
    HM_TRY(hm_ustar_writer_add(&writer, kinds[HM_DOSSIER_README].folder, readme, err));
    HM_TRY(hm_ustar_writer_add(&writer, kinds[HM_DOSSIER_CLAIM].folder, hm_buf_bytes(&claim), err));
    for (size_t kind = HM_DOSSIER_ROOT; kind < HM_DOSSIER_KIND_COUNT_; kind++) {
        for (size_t i = 0; i < dossier->count; i++) {
            const struct hm_dossier_member *member = &dossier->members[i];

            if (member->kind == (enum hm_dossier_kind)kind)
                HM_TRY(hm_ustar_writer_add(&writer, member->name, member->raw, err));
        }
    }
    HM_TRY(hm_ustar_writer_end(&writer, err));
    /* What cannot be read again is no dossier: a claim with a newline in it. */
    return hm_dossier_parse(hm_bytes_make(ret_archive->data + begin, ret_archive->size - begin),
                            err, &again);
}
