/* SPDX-License-Identifier: Apache-2.0 */
/* Checking misbehaviour: two statements of one log, or of one witness, that cannot both be honest.
 * See check.h. */
#include "evidence/check_internal.h"

#include "base/time.h"

/* Both checkpoints, of one log. The log's own signature accuses it: no quorum is needed. */
static enum hm_rc open_both(struct hm_check *check)
{
    const struct hm_evidence_part *parts = check->evidence->parts;

    for (size_t i = 0; i < HM_EVIDENCE_PART_COUNT_MAX; i++)
        HM_TRY(hm_check_head(check, i, parts[i].checkpoint, false));
    check->doing = "the two states of the log";
    if (!hm_bytes_is_equal(parts[0].origin, parts[1].origin))
        return hm_fail(&check->why, HM_EREFUSED, "they are of two logs, '%.*s' and '%.*s'",
                       HM_BYTES_FMT(parts[0].origin), HM_BYTES_FMT(parts[1].origin));
    return HM_OK;
}

/* ---- the map says otherwise ---- */

static bool is_same_release(const struct hm_release_row *row, uint64_t index,
                            const struct hm_entry *release)
{
    if (row == NULL || row->entry != index || row->image_count != release->image_count)
        return false;
    for (size_t i = 0; i < row->image_count; i++) {
        if (strcmp(row->images[i].file, release->images[i].file) != 0 ||
            row->images[i].length != release->images[i].length ||
            !hm_digest_is_equal(&row->images[i].sha256, &release->images[i].sha256))
            return false;
    }
    return true;
}

/* Entries that a thief of the log's key put in may be named void later, and then leave the map. */
static enum hm_rc check_not_void(struct hm_check *check, const struct hm_entry *release,
                                 const struct hm_entry *snapshot, const struct hm_entry *newest)
{
    const struct hm_evidence_entry *entries = check->evidence->parts[0].entries;
    const struct hm_log_release both = {.release_index = entries[0].index,
                                        .snapshot_index = entries[1].index,
                                        .release = release,
                                        .snapshot = snapshot};
    enum hm_rc rc = hm_log_verdict_counts(&both, newest, check->evidence->site, &check->why);

    return rc == HM_OK
               ? HM_OK
               : hm_error_prefix(&check->why, rc, "the second state takes the release back");
}

static enum hm_rc tell_contradiction(struct hm_check *check, const struct hm_release_row *row)
{
    if (row == NULL)
        HM_TRY(HM_CHECK_GOOD(
            check, "the second state goes beyond the release, and its map does not have it"));
    else
        HM_TRY(HM_CHECK_GOOD(
            check,
            "the second state goes beyond the release, and its map has another release of "
            "this version, of entry %llu or with other files",
            HM_CHECK_NUMBER(row->entry)));
    return HM_CHECK_NOTE(
        check, "either the log's two states have different entries, or the site names a false map, "
               "or it named the release void in between: the log's entries tell which");
}

enum hm_rc hm_check_contradiction(struct hm_check *check)
{
    const struct hm_evidence *evidence = check->evidence;
    const struct hm_evidence_entry *entries = evidence->parts[0].entries;
    _hm_free_(hm_entry_free) struct hm_entry *release = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *newest = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    const struct hm_release_row *row = NULL;

    HM_TRY(open_both(check));
    HM_TRY(hm_check_release(check, 0, &release, &snapshot));
    HM_TRY(hm_check_list(check, 1, &newest, &list));
    check->doing = "the contradiction";
    if (evidence->parts[1].size <= entries[1].index)
        return hm_fail(&check->why, HM_EREFUSED,
                       "the second state, of %llu entries, is earlier than the release, which "
                       "entry %llu completes: there is none",
                       HM_CHECK_NUMBER(evidence->parts[1].size), HM_CHECK_NUMBER(entries[1].index));
    HM_TRY(check_not_void(check, release, snapshot, newest));
    if (list != NULL)
        row = hm_release_list_find(list, hm_bytes_str(evidence->text));
    if (is_same_release(row, entries[0].index, release))
        return hm_fail(&check->why, HM_EREFUSED,
                       "the map has '%s' as the release entry has it: there is none",
                       evidence->path);
    return tell_contradiction(check, row);
}

/* ---- two histories ---- */

static enum hm_rc tell_accomplices(struct hm_check *check)
{
    const struct hm_basis_head *first = check->heads[0];
    const struct hm_basis_head *second = check->heads[1];

    for (size_t i = 0; i < first->witness_count; i++) {
        for (size_t j = 0; j < second->witness_count; j++) {
            if (hm_note_key_is_same_key(first->witnesses[i].key, second->witnesses[j].key))
                HM_TRY(HM_CHECK_NOTE(check,
                                     "the witness '%s' cosigned both: it vouched for two histories",
                                     first->witnesses[i].name));
        }
    }
    return HM_OK;
}

enum hm_rc hm_check_fork(struct hm_check *check)
{
    const struct hm_evidence *evidence = check->evidence;
    const struct hm_checkpoint *first;
    const struct hm_checkpoint *second;

    HM_TRY(open_both(check));
    first = &check->heads[0]->checkpoint->body;
    second = &check->heads[1]->checkpoint->body;
    if (first->size > second->size)
        return hm_fail(&check->why, HM_EFORMAT, "the larger one stands first");
    if (first->size < second->size) {
        HM_TRY(hm_merkle_verify_consistency(check->digest, first->size, &evidence->earlier,
                                            second->size, &second->root, evidence->hashes,
                                            evidence->hash_count, &check->why));
        HM_TRY(HM_CHECK_GOOD(check,
                             "the hashes show what the second state's first %llu entries add up to",
                             HM_CHECK_NUMBER(first->size)));
    }
    if (hm_digest_is_equal(&first->root,
                           first->size < second->size ? &evidence->earlier : &second->root))
        return hm_fail(&check->why, HM_EREFUSED,
                       "both have the same first %llu entries: they do not contradict each other",
                       HM_CHECK_NUMBER(first->size));
    HM_TRY(HM_CHECK_GOOD(
        check,
        "that is not what the first state says of the same %llu entries: the log's key signed "
        "two histories",
        HM_CHECK_NUMBER(first->size)));
    return tell_accomplices(check);
}

enum hm_rc hm_check_rollback(struct hm_check *check)
{
    const struct hm_basis_head *small;
    const struct hm_basis_head *large;
    size_t found = 0;

    HM_TRY(open_both(check));
    small = check->heads[0];
    large = check->heads[1];
    for (size_t i = 0; i < small->witness_count; i++) {
        for (size_t j = 0; j < large->witness_count; j++) {
            char before[HM_TIME_TEXT_SIZE];
            char after[HM_TIME_TEXT_SIZE];

            if (!hm_note_key_is_same_key(small->witnesses[i].key, large->witnesses[j].key) ||
                small->checkpoint->body.size >= large->checkpoint->body.size ||
                small->witnesses[i].time_s <= large->witnesses[j].time_s)
                continue;
            hm_time_format((int64_t)large->witnesses[j].time_s, before);
            hm_time_format((int64_t)small->witnesses[i].time_s, after);
            HM_TRY(HM_CHECK_GOOD(
                check,
                "the witness '%s' cosigned %llu entries at %s and %llu at %s: a witness never "
                "goes back",
                small->witnesses[i].name, HM_CHECK_NUMBER(large->checkpoint->body.size), before,
                HM_CHECK_NUMBER(small->checkpoint->body.size), after));
            found++;
        }
    }
    if (found == 0)
        return hm_fail(&check->why, HM_EREFUSED,
                       "no witness that is known here cosigned the smaller one after the larger");
    return HM_OK;
}
