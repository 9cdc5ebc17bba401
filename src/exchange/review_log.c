/* SPDX-License-Identifier: Apache-2.0 */
/* What root says of the release log, in words: its key, its witnesses, and what changes in them. */
#include "exchange/review_internal.h"

#include "base/text.h"
#include "trust/site_deliveries.h"
#include "trust/site_log.h"

static void put_vkey(struct hm_review_out *out, const struct hm_note_key *key)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    if (out->rc == HM_OK)
        out->rc = hm_note_key_write(key, out->err, &text);
    hm_review_text_put_bytes(out, hm_buf_bytes(&text));
}

/* ---- witnesses ------------------------------------------------------------------------------ */

static bool has_witness(const struct hm_log_policy *policy,
                        const struct hm_log_policy_witness *witness)
{
    for (size_t i = 0; policy != NULL && i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *other = &policy->witnesses[i];

        if (strcmp(other->name, witness->name) == 0 &&
            hm_note_key_is_same(other->key, witness->key) &&
            (other->url == NULL) == (witness->url == NULL) &&
            (other->url == NULL || strcmp(other->url, witness->url) == 0))
            return true;
    }
    return false;
}

static bool has_key(const struct hm_log_policy *policy, const struct hm_note_key *key)
{
    for (size_t i = 0; i < policy->witness_count; i++)
        if (hm_note_key_is_same(policy->witnesses[i].key, key))
            return true;
    return false;
}

static void put_witnesses(struct hm_review_out *out, char sign, const struct hm_log_policy *policy,
                          const struct hm_log_policy *other)
{
    for (size_t i = 0; policy != NULL && i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *witness = &policy->witnesses[i];

        if (has_witness(other, witness))
            continue;
        hm_review_text_put(out, "        %c witness %s: ", sign, witness->name);
        put_vkey(out, witness->key);
        hm_review_text_put(out, witness->url == NULL ? ", without an address" : ", %s",
                           witness->url);
        hm_review_text_end(out);
    }
}

static void warn_removed(struct hm_review_out *out, const char *what,
                         const struct hm_log_policy *before, const struct hm_log_policy *after)
{
    for (size_t i = 0; i < before->witness_count; i++) {
        if (has_key(after, before->witnesses[i].key))
            continue;
        hm_review_text_put(out, "a witness of the %s log is removed: %s, ", what,
                           before->witnesses[i].name);
        put_vkey(out, before->witnesses[i].key);
        hm_review_text_end_warning(out);
    }
}

static void quorum_text(struct hm_review_out *out, const struct hm_log_policy *policy,
                        struct hm_buf *ret_text)
{
    if (out->rc == HM_OK)
        out->rc = hm_log_policy_describe(policy, out->err, ret_text);
    if (out->rc == HM_OK && policy->quorum == HM_LOG_POLICY_NONE)
        out->rc = hm_buf_append_str(ret_text, ": no witness is needed", out->err);
}

static void put_quorum(struct hm_review_out *out, const char *what,
                       const struct hm_log_policy *before, const struct hm_log_policy *after)
{
    _hm_done_(hm_buf_done) struct hm_buf old = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf new = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    quorum_text(out, after, &new);
    if (before != NULL)
        quorum_text(out, before, &old);
    if (before != NULL && hm_bytes_is_equal(hm_buf_bytes(&old), hm_buf_bytes(&new)))
        return;
    hm_review_text_put(out, "        quorum: %s", hm_buf_str(&new));
    if (before != NULL)
        hm_review_text_put(out, " (was %s)", hm_buf_str(&old));
    hm_review_text_end(out);
    if (after->quorum == HM_LOG_POLICY_NONE)
        hm_review_text_warn(out, "no witness has to see the %s log%s", what,
                            before == NULL || before->quorum == HM_LOG_POLICY_NONE ? ""
                                                                                   : " any more");
    else if (before != NULL && before->quorum != HM_LOG_POLICY_NONE)
        hm_review_text_warn(out, "the quorum of witnesses changes from %s to %s", hm_buf_str(&old),
                            hm_buf_str(&new));
}

/* ---- the log -------------------------------------------------------------------------------- */

static void put_closed(struct hm_review_out *out, const struct hm_site_log *before,
                       const struct hm_site_log *after)
{
    for (size_t i = before->closed_count; i < after->closed_count; i++) {
        const struct hm_site_log_closed *closed = &after->closed[i];
        char hex[HM_SHA256_HEX_SIZE];

        hm_text_hex(hm_bytes_make(closed->root.bytes, HM_SHA256_SIZE), hex);
        hm_review_text_put(out, "        closes the log ");
        put_vkey(out, closed->key);
        hm_review_text_put(out, " at %llu entries, root %s", (unsigned long long)closed->size, hex);
        hm_review_text_end(out);
        hm_review_text_warn(out,
                            "the release log '%s' is closed: what it holds beyond %llu "
                            "entries counts no more",
                            closed->key->name, (unsigned long long)closed->size);
    }
}

static void put_log(struct hm_review_out *out, const struct hm_log_policy *before,
                    const struct hm_log_policy *after)
{
    const struct hm_log_policy_log *log = &after->logs[0];

    hm_review_text_put(out, "    release log: ");
    put_vkey(out, log->key);
    if (log->url != NULL)
        hm_review_text_put(out, ", %s", log->url);
    if (before != NULL && !hm_note_key_is_same(before->logs[0].key, log->key)) {
        hm_review_text_put(out, " (was ");
        put_vkey(out, before->logs[0].key);
        hm_review_text_put(out, ")");
    }
    hm_review_text_end(out);
}

/* True if both say the same, to the byte. */
static enum hm_rc is_same_log(const struct hm_site_log *before, const struct hm_site_log *after,
                              struct hm_err *err, bool *ret_same)
{
    _hm_done_(hm_buf_done) struct hm_buf old = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX * 2);
    _hm_done_(hm_buf_done) struct hm_buf new = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX * 2);

    HM_TRY(hm_site_log_write(before, err, &old));
    HM_TRY(hm_site_log_write(after, err, &new));
    *ret_same = hm_bytes_is_equal(hm_buf_bytes(&old), hm_buf_bytes(&new));
    return HM_OK;
}

static enum hm_rc diff(struct hm_review_out *out, const struct hm_site_log *before,
                       const struct hm_site_log *after)
{
    struct hm_err why = HM_ERR_INIT;
    bool same;

    HM_TRY(is_same_log(before, after, out->err, &same));
    if (same)
        return HM_OK;
    if (hm_site_log_check_successor(before, after, &why) != HM_OK)
        hm_review_text_warn(out, "clients will refuse it: %s", why.text);
    if (after->policy == NULL) {
        hm_review_text_line(out, "    release log: none any more");
        return HM_OK;
    }
    put_log(out, before->policy, after->policy);
    put_witnesses(out, '+', after->policy, before->policy);
    put_witnesses(out, '-', before->policy, after->policy);
    put_quorum(out, "release", before->policy, after->policy);
    put_closed(out, before, after);
    if (before->policy != NULL)
        warn_removed(out, "release", before->policy, after->policy);
    return HM_OK;
}

enum hm_rc hm_review_log_diff(struct hm_review_out *out, const struct hm_root *before,
                              const struct hm_root *after)
{
    _hm_free_(hm_root_free) struct hm_root *nothing = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *old = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *new = NULL;

    HM_TRY(hm_root_new(out->err, &nothing));
    HM_TRY(hm_site_log_parse(before == NULL ? nothing : before, out->err, &old));
    HM_TRY(hm_site_log_parse(after, out->err, &new));
    return diff(out, old, new);
}

/* ---- deliveries ----------------------------------------------------------------------------- */

static void put_key(struct hm_review_out *out, const char *what, const struct hm_note_key *before,
                    const struct hm_note_key *after)
{
    if (before != NULL && hm_note_key_is_same(before, after))
        return;
    hm_review_text_put(out, "    %s ", what);
    put_vkey(out, after);
    if (before != NULL) {
        hm_review_text_put(out, " (was ");
        put_vkey(out, before);
        hm_review_text_put(out, ")");
    }
    hm_review_text_end(out);
}

static void diff_deliveries(struct hm_review_out *out, const struct hm_site_deliveries *before,
                            const struct hm_site_deliveries *after)
{
    const struct hm_log_policy *old = before->policy;
    const struct hm_log_policy *new = after->policy;

    if (new == NULL) {
        if (old == NULL)
            return;
        hm_review_text_line(out, "    deliveries: none are stated any more");
        hm_review_text_warn(out, "what was delivered to whom can be proved by nobody any more");
        return;
    }
    put_key(out, "deliveries: statements signed by", before->key, after->key);
    put_key(out, "deliveries log:", old == NULL ? NULL : old->logs[0].key, new->logs[0].key);
    put_witnesses(out, '+', new, old);
    put_witnesses(out, '-', old, new);
    put_quorum(out, "deliveries", old, new);
    if (old == NULL)
        return;
    if (!hm_note_key_is_same(old->logs[0].key, new->logs[0].key))
        hm_review_text_warn(out, "the deliveries log begins anew: customers must take that for a "
                                 "log that was shortened");
    warn_removed(out, "deliveries", old, new);
}

enum hm_rc hm_review_log_deliveries_diff(struct hm_review_out *out, const struct hm_root *before,
                                         const struct hm_root *after)
{
    _hm_free_(hm_root_free) struct hm_root *nothing = NULL;
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *old = NULL;
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *new = NULL;

    HM_TRY(hm_root_new(out->err, &nothing));
    HM_TRY(hm_site_deliveries_parse(before == NULL ? nothing : before, out->err, &old));
    HM_TRY(hm_site_deliveries_parse(after, out->err, &new));
    diff_deliveries(out, old, new);
    return HM_OK;
}
