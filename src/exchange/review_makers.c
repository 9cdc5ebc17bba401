/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two "x-hallmark" objects in words: site, makers, delegations to makers. */
#include "exchange/review_internal.h"

#include "base/text.h"

/* One maker as targets names it; all views or in the arena. */
struct maker {
    struct hm_bytes id, grade, name;
    int64_t version; /* of the identity; 0: none */
    struct hm_bytes sha256, first;
};

/* What stands in an "x-hallmark"; raw members are views. */
struct extra {
    const char *site;
    const char *maker;
    const char *product;
    const char *trial;
    struct hm_bytes identity, delegations;
    struct maker *makers; /* sorted by id */
    size_t maker_count;
    struct hm_arena arena;
};

static enum hm_rc read_str(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                           const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

static enum hm_rc read_maker_identity(struct hm_json *json, struct hm_err *err, struct maker *maker)
{
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "version"))
            HM_TRY(hm_json_int(json, err, &maker->version));
        else if (hm_bytes_is_str(key, "sha256"))
            HM_TRY(hm_json_string(json, err, &maker->sha256));
        else if (hm_bytes_is_str(key, "first"))
            HM_TRY(hm_json_string(json, err, &maker->first));
        else
            HM_TRY(hm_json_skip(json, err, NULL));
    }
}

static enum hm_rc read_maker(struct hm_json *json, struct hm_err *err, struct maker *maker)
{
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "grade"))
            HM_TRY(hm_json_string(json, err, &maker->grade));
        else if (hm_bytes_is_str(key, "name"))
            HM_TRY(hm_json_string(json, err, &maker->name));
        else if (hm_bytes_is_str(key, "identity"))
            HM_TRY(read_maker_identity(json, err, maker));
        else
            HM_TRY(hm_json_skip(json, err, NULL));
    }
}

static int compare_makers(const void *a, const void *b)
{
    return hm_bytes_compare(((const struct maker *)a)->id, ((const struct maker *)b)->id);
}

static enum hm_rc grow(struct extra *extra, struct hm_err *err)
{
    size_t count = extra->maker_count;
    struct maker *grown;

    if ((count & (count - 1)) != 0)
        return HM_OK;
    grown = hm_arena_alloc(&extra->arena, count == 0 ? 1 : 2 * count, sizeof(grown[0]));
    if (grown == NULL)
        return hm_error_nomem(err);
    if (count > 0)
        memcpy(grown, extra->makers, count * sizeof(grown[0]));
    extra->makers = grown;
    return HM_OK;
}

static enum hm_rc read_makers(struct hm_json *json, struct hm_err *err, struct extra *extra)
{
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(grow(extra, err));
        extra->makers[extra->maker_count].id = key;
        HM_TRY(read_maker(json, err, &extra->makers[extra->maker_count]));
        extra->maker_count++;
    }
    if (extra->maker_count > 1)
        qsort(extra->makers, extra->maker_count, sizeof(extra->makers[0]), compare_makers);
    return HM_OK;
}

static enum hm_rc read_member(struct hm_review_out *out, struct hm_json *json, struct hm_bytes key,
                              bool is_after, struct extra *extra)
{
    struct hm_bytes value;
    bool trial;

    if (hm_bytes_is_str(key, "site"))
        return read_str(json, &extra->arena, out->err, &extra->site);
    if (hm_bytes_is_str(key, "maker"))
        return read_str(json, &extra->arena, out->err, &extra->maker);
    if (hm_bytes_is_str(key, "product"))
        return read_str(json, &extra->arena, out->err, &extra->product);
    if (hm_bytes_is_str(key, "makers"))
        return read_makers(json, out->err, extra);
    if (hm_bytes_is_str(key, "identity"))
        return hm_json_skip(json, out->err, &extra->identity);
    if (hm_bytes_is_str(key, "delegations"))
        return hm_json_skip(json, out->err, &extra->delegations);
    if (hm_bytes_is_str(key, "trial")) {
        HM_TRY(hm_json_bool(json, out->err, &trial));
        extra->trial = trial ? "yes: all its keys lie on one machine" : "no";
        return HM_OK;
    }
    HM_TRY(hm_json_skip(json, out->err, &value));
    if (strcmp(out->role, "root") == 0 &&
        (hm_bytes_is_str(key, "log") || hm_bytes_is_str(key, "deliveries")))
        return HM_OK; /* hm_review_log_diff shows it */
    if (is_after) {
        hm_review_text_put(out, "\"x-hallmark\" has a member that is not known here: ");
        hm_review_text_put_bytes(out, key);
        hm_review_text_put(out, ": ");
        hm_review_text_put_bytes(out, value);
        hm_review_text_end_warning(out);
    }
    return HM_OK;
}

static enum hm_rc read_extra(struct hm_review_out *out, struct hm_bytes json_text, bool is_after,
                             struct extra *extra)
{
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    if (json_text.size == 0)
        return HM_OK;
    hm_json_init(&json, json_text, &extra->arena);
    HM_TRY(hm_json_object_begin(&json, out->err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, out->err, &more, &key));
        if (!more)
            return hm_json_end(&json, out->err);
        HM_TRY(read_member(out, &json, key, is_after, extra));
    }
}

/* ---- makers --------------------------------------------------------------------------------- */

static void put_maker(struct hm_review_out *out, char sign, const struct maker *maker)
{
    hm_review_text_put(out, "    %c maker ", sign);
    hm_review_text_put_bytes(out, maker->id);
    hm_review_text_put(out, "  \"");
    hm_review_text_put_bytes(out, maker->name);
    hm_review_text_put(out, "\", grade ");
    hm_review_text_put_bytes(out, maker->grade);
    hm_review_text_end(out);
    if (maker->version == 0)
        return;
    hm_review_text_put(out, "        identity version %lld, sha256 ", (long long)maker->version);
    hm_review_text_put_bytes(out, maker->sha256);
    hm_review_text_end(out);
    hm_review_text_put(out, "        first identity, sha256 ");
    hm_review_text_put_bytes(out, maker->first);
    hm_review_text_end(out);
}

static void warn_maker(struct hm_review_out *out, const char *what, const struct maker *maker)
{
    hm_review_text_put(out, "maker '");
    hm_review_text_put_bytes(out, maker->id);
    hm_review_text_put(out, "': %s", what);
    hm_review_text_end_warning(out);
}

static void put_maker_change(struct hm_review_out *out, const struct maker *before,
                             const struct maker *after)
{
    if (hm_bytes_is_equal(before->grade, after->grade) &&
        hm_bytes_is_equal(before->name, after->name) && before->version == after->version &&
        hm_bytes_is_equal(before->sha256, after->sha256) &&
        hm_bytes_is_equal(before->first, after->first))
        return;
    put_maker(out, '-', before);
    put_maker(out, '+', after);
    if (!hm_bytes_is_equal(before->grade, after->grade))
        warn_maker(out, "its grade changes", after);
    if (before->version > 0 && !hm_bytes_is_equal(before->first, after->first))
        warn_maker(out, "its first identity changes: this is another maker", after);
    if (after->version < before->version)
        warn_maker(out, "its identity goes back to an older version", after);
}

static void put_makers(struct hm_review_out *out, const struct extra *before,
                       const struct extra *after)
{
    size_t b = 0;
    size_t a = 0;

    while (b < before->maker_count || a < after->maker_count) {
        int order = b == before->maker_count ? 1
                    : a == after->maker_count
                        ? -1
                        : compare_makers(&before->makers[b], &after->makers[a]);

        if (order < 0) {
            warn_maker(out, "it is removed", &before->makers[b]);
            put_maker(out, '-', &before->makers[b++]);
        } else if (order > 0) {
            put_maker(out, '+', &after->makers[a++]);
        } else {
            put_maker_change(out, &before->makers[b++], &after->makers[a++]);
        }
    }
}

/* ---- delegations to makers ------------------------------------------------------------------ */

static enum hm_rc put_delegations(struct hm_review_out *out, const struct extra *before,
                                  const struct extra *after)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_targets_delegations_done) struct hm_delegations old = {0};
    _hm_done_(hm_targets_delegations_done) struct hm_delegations new = {0};
    struct hm_json json;

    if (before->delegations.size > 0) {
        hm_json_init(&json, before->delegations, &arena);
        HM_TRY(hm_targets_parse_delegations(&json, &arena, out->err, &old));
    }
    if (after->delegations.size > 0) {
        hm_json_init(&json, after->delegations, &arena);
        HM_TRY(hm_targets_parse_delegations(&json, &arena, out->err, &new));
    }
    hm_review_targets_delegations(out, &old, &new);
    return HM_OK;
}

static void put_identity(struct hm_review_out *out, const struct extra *before,
                         const struct extra *after)
{
    if (hm_bytes_is_equal(before->identity, after->identity))
        return;
    hm_review_text_put(out, "    signed under identity ");
    hm_review_text_put_bytes(out, after->identity);
    if (before->identity.size > 0) {
        hm_review_text_put(out, " (was ");
        hm_review_text_put_bytes(out, before->identity);
        hm_review_text_put(out, ")");
    }
    hm_review_text_end(out);
}

static enum hm_rc diff(struct hm_review_out *out, struct hm_bytes before_json,
                       struct hm_bytes after_json, struct extra *before, struct extra *after)
{
    HM_TRY(read_extra(out, before_json, false, before));
    HM_TRY(read_extra(out, after_json, true, after));
    hm_review_text_member(out, "site", before->site, after->site, true);
    hm_review_text_member(out, "maker", before->maker, after->maker, true);
    hm_review_text_member(out, "product", before->product, after->product, true);
    hm_review_text_member(out, "trial site", before->trial, after->trial, true);
    put_identity(out, before, after);
    put_makers(out, before, after);
    return put_delegations(out, before, after);
}

void hm_review_makers_diff(struct hm_review_out *out, struct hm_bytes before, struct hm_bytes after)
{
    struct extra old = {0};
    struct extra new = {0};
    enum hm_rc rc = diff(out, before, after, &old, &new);

    if (out->rc == HM_OK)
        out->rc = rc;
    hm_arena_done(&old.arena);
    hm_arena_done(&new.arena);
}
