/* SPDX-License-Identifier: Apache-2.0 */
/* Checking what the map of releases says: absence and history. See check.h. */
#include "evidence/check_internal.h"

#include "evidence/near.h"
#include "tlog/release_map.h"

/* The newest entry, which names the map. */
static enum hm_rc check_newest(struct hm_check *check, size_t part, struct hm_entry **ret_snapshot)
{
    const struct hm_evidence_entry *given = &check->evidence->parts[part].entries[0];
    uint64_t size = check->heads[part]->checkpoint->body.size;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;

    HM_TRY(hm_check_entry(check, part, given, &snapshot));
    if (given->index + 1 != size)
        return hm_fail(&check->why, HM_EREFUSED,
                       "entry %llu is not the newest of a log of %llu: it may not know of all "
                       "releases",
                       HM_CHECK_NUMBER(given->index), HM_CHECK_NUMBER(size));
    if (snapshot->kind != HM_ENTRY_SNAPSHOT)
        return hm_fail(&check->why, HM_EREFUSED,
                       "entry %llu is a '%s': it names no map of releases",
                       HM_CHECK_NUMBER(given->index), hm_entry_kind_name(snapshot->kind));
    if (strcmp(snapshot->site, check->evidence->site) != 0)
        return hm_fail(&check->why, HM_EREFUSED, "entry %llu is of site '%s'",
                       HM_CHECK_NUMBER(given->index), snapshot->site);
    HM_TRY(HM_CHECK_GOOD(
        check,
        "entry %llu, the newest of this state, names the map of all releases so far, of "
        "%llu products and makers",
        HM_CHECK_NUMBER(given->index), HM_CHECK_NUMBER(snapshot->map_count)));
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

static enum hm_rc check_in_map(struct hm_check *check, const struct hm_evidence_part *given,
                               const struct hm_entry *snapshot, const struct hm_sha256 *key,
                               struct hm_release_list **ret_list)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    struct hm_sha256 expected;
    struct hm_sha256 value;

    HM_TRY(hm_map_verify_present(&snapshot->map_root, key, given->map, &check->why, &expected));
    HM_TRY(hm_release_list_parse(given->list, &check->why, &list));
    HM_TRY(hm_release_list_value(list, &check->why, &value));
    if (!hm_digest_is_equal(&value, &expected))
        return hm_fail(&check->why, HM_EMISMATCH,
                       "the list of versions of '%s' is not the one that the map has",
                       check->evidence->product);
    HM_TRY(HM_CHECK_GOOD(
        check, "the map has '%s' with %zu %s, and the list in this file is that list",
        check->evidence->product, list->count, list->count == 1 ? "version" : "versions"));
    *ret_list = hm_steal(&list);
    return HM_OK;
}

static enum hm_rc check_list(struct hm_check *check, size_t part, const struct hm_entry *snapshot,
                             struct hm_release_list **ret_list)
{
    const struct hm_evidence_part *given = &check->evidence->parts[part];
    struct hm_sha256 key;

    check->doing = "the map of releases";
    HM_TRY(hm_release_map_product_key(hm_bytes_str(check->evidence->product), &check->why, &key));
    if (given->has_list)
        return check_in_map(check, given, snapshot, &key, ret_list);
    HM_TRY(hm_map_verify_absent(&snapshot->map_root, &key, given->map, &check->why));
    HM_TRY(HM_CHECK_GOOD(check,
                         "the map does not have '%s': nothing was ever released under this name",
                         check->evidence->product));
    HM_TRY(HM_CHECK_NOTE(check, "whether a product has a name that is spelled nearly so, the map "
                                "does not say: 'hallmark list' shows those that there are"));
    *ret_list = NULL;
    return HM_OK;
}

enum hm_rc hm_check_list(struct hm_check *check, size_t part, struct hm_entry **ret_snapshot,
                         struct hm_release_list **ret_list)
{
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;

    HM_TRY(check_newest(check, part, &snapshot));
    HM_TRY(check_list(check, part, snapshot, ret_list));
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

/* Logs of the site that ended: before this one, or this one. */
static enum hm_rc tell_ends(struct hm_check *check)
{
    const struct hm_site_log *log = hm_basis_log(check->basis);
    const struct hm_bytes origin = check->heads[0]->checkpoint->body.origin;
    size_t earlier = 0;

    if (log == NULL)
        return HM_OK;
    while (earlier < log->closed_count &&
           !hm_bytes_is_equal(log->closed[earlier].key->name_bytes, origin))
        earlier++;
    if (earlier > 0)
        HM_TRY(HM_CHECK_NOTE(
            check, "%zu earlier %s of the site ended; this statement is about this one alone",
            earlier, earlier == 1 ? "log" : "logs"));
    if (earlier == log->closed_count)
        return HM_OK;
    HM_TRY(HM_CHECK_NOTE(check,
                         "root closed this log with %llu entries: what the site published since is "
                         "in the log '%s', which this statement does not cover",
                         HM_CHECK_NUMBER(log->closed[earlier].size),
                         log->policy->logs[0].key->name));
    return HM_OK;
}

/* Since when there is a log, in roots: before that nothing is covered. */
static enum hm_rc tell_since(struct hm_check *check)
{
    uint64_t since = hm_basis_since(check->basis);
    uint64_t first = check->basis->first_version;

    if (since == 1)
        HM_TRY(HM_CHECK_NOTE(
            check,
            "the site's roots have named a release log from version 1 on: the log covers all "
            "that it published"));
    else if (since == first)
        HM_TRY(HM_CHECK_NOTE(
            check,
            "root version %llu, the first that is known here, names the log; what was "
            "published before there was one is not covered",
            HM_CHECK_NUMBER(since)));
    else
        HM_TRY(HM_CHECK_NOTE(
            check,
            "of the roots that are known here, version %llu is the first that names a log; what "
            "the site published before is not covered",
            HM_CHECK_NUMBER(since)));
    return tell_ends(check);
}

/* ---- absence ---- */

/* The row that has the text as version or label. */
static const struct hm_release_row *find_text(const struct hm_release_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->rows[i].version, text) == 0 ||
            (list->rows[i].label != NULL && strcmp(list->rows[i].label, text) == 0))
            return &list->rows[i];
    }
    return NULL;
}

static enum hm_rc tell_neighbours(struct hm_check *check, const struct hm_release_list *list,
                                  const char *text)
{
    size_t at = hm_release_list_position(list, hm_bytes_str(text));

    if (at == list->count)
        HM_TRY(HM_CHECK_NOTE(check, "as a version it would be newer than '%s', the newest in order",
                             list->rows[at - 1].version));
    else if (at == 0)
        HM_TRY(HM_CHECK_NOTE(
            check,
            "as a version it would be older than '%s', the oldest in order; the newest is "
            "'%s'",
            list->rows[0].version, list->rows[list->count - 1].version));
    else
        HM_TRY(
            HM_CHECK_NOTE(check,
                          "as a version it would stand between '%s' and '%s', and there is nothing "
                          "between these; the newest in order is '%s'",
                          list->rows[at - 1].version, list->rows[at].version,
                          list->rows[list->count - 1].version));
    return HM_OK;
}

static enum hm_rc tell_near(struct hm_check *check, const struct hm_release_list *list,
                            const char *text)
{
    struct hm_near near[HM_NEAR_MAX];
    size_t count = hm_near_find(list, hm_bytes_str(text), near);

    for (size_t i = 0; i < count; i++) {
        const struct hm_release_row *row = near[i].row;
        const char *how = near[i].is_variant
                              ? "the same but for case, separators or a word in front"
                              : "spelled nearly so";

        if (row->label != NULL)
            HM_TRY(HM_CHECK_NOTE(check, "there is version '%s', printed as '%s': %s", row->version,
                                 row->label, how));
        else
            HM_TRY(HM_CHECK_NOTE(check, "there is version '%s': %s", row->version, how));
    }
    return HM_OK;
}

enum hm_rc hm_check_absent(struct hm_check *check)
{
    const struct hm_evidence *evidence = check->evidence;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    const struct hm_release_row *row;

    HM_TRY(hm_check_head(check, 0, evidence->parts[0].checkpoint, true));
    HM_TRY(hm_check_list(check, 0, &snapshot, &list));
    check->doing = "the claim";
    if (list != NULL) {
        row = find_text(list, evidence->text);
        if (row != NULL)
            return hm_fail(&check->why, HM_EREFUSED,
                           "'%s' was published: version '%s' of '%s' is entry %llu of the log",
                           evidence->text, row->version, evidence->product,
                           HM_CHECK_NUMBER(row->entry));
        HM_TRY(HM_CHECK_GOOD(check, "no version in it is '%s', and none is printed so",
                             evidence->text));
        HM_TRY(tell_neighbours(check, list, evidence->text));
        HM_TRY(tell_near(check, list, evidence->text));
    }
    return tell_since(check);
}

/* ---- history ---- */

static enum hm_rc tell_row(struct hm_check *check, const struct hm_release_row *row)
{
    if (row->label != NULL)
        HM_TRY(HM_CHECK_NOTE(check, "version '%s', printed as '%s': entry %llu, %zu %s%s",
                             row->version, row->label, HM_CHECK_NUMBER(row->entry),
                             row->image_count, row->image_count == 1 ? "file" : "files",
                             row->recall_count == 0 ? "" : ", RECALLED"));
    else
        HM_TRY(HM_CHECK_NOTE(check, "version '%s': entry %llu, %zu %s%s", row->version,
                             HM_CHECK_NUMBER(row->entry), row->image_count,
                             row->image_count == 1 ? "file" : "files",
                             row->recall_count == 0 ? "" : ", RECALLED"));
    for (size_t i = 0; i < row->recall_count; i++)
        HM_TRY(HM_CHECK_NOTE(check, "version '%s' was recalled by '%s', entry %llu", row->version,
                             row->recalls[i].name, HM_CHECK_NUMBER(row->recalls[i].entry)));
    return HM_OK;
}

enum hm_rc hm_check_history(struct hm_check *check)
{
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;

    HM_TRY(hm_check_head(check, 0, check->evidence->parts[0].checkpoint, true));
    HM_TRY(hm_check_list(check, 0, &snapshot, &list));
    for (size_t i = 0; list != NULL && i < list->count; i++)
        HM_TRY(tell_row(check, &list->rows[i]));
    return tell_since(check);
}
