/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is about to sign, in words (review.h). */
#include "exchange/review.h"

#include "base/text.h"
#include "base/time.h"
#include "exchange/review_internal.h"
#include "exchange/role.h"
#include "trust/identity.h"
#include "tuf/root.h"

#define YEAR_S ((int64_t)365 * HM_TIME_DAY_S)

/* How long a document of role lasts unless its maker says otherwise */
int64_t hm_review_default_expiry_s(const char *role)
{
    if (strcmp(role, "root") == 0)
        return 2 * YEAR_S;
    if (hm_role_is_of(role, "maker", NULL) || hm_role_is_of(role, "recalls", NULL))
        return 3 * YEAR_S;
    return YEAR_S;
}

/* ---- the headline --------------------------------------------------------------------------- */

/* "release~acme  version 4 -> 5, expires 2027-11-24 (was 2027-05-01)"; expiry 0: it has none. */
static void put_headline(struct hm_review_out *out, struct hm_buf *headline, int64_t before_version,
                         int64_t after_version, int64_t before_expiry, int64_t after_expiry)
{
    char was[HM_TIME_TEXT_SIZE];
    char now[HM_TIME_TEXT_SIZE];

    hm_time_format(before_expiry, was);
    hm_time_format(after_expiry, now);
    was[10] = '\0'; /* the day is enough */
    now[10] = '\0';
    hm_review_text_put(out, "%s  version ", out->role);
    if (before_version == 0)
        hm_review_text_put(out, "%lld (new)", (long long)after_version);
    else
        hm_review_text_put(out, "%lld -> %lld", (long long)before_version,
                           (long long)after_version);
    if (after_expiry != 0)
        hm_review_text_put(out, ", expires %s", now);
    if (after_expiry != 0 && before_expiry != 0)
        hm_review_text_put(out, before_expiry == after_expiry ? " (as before)" : " (was %s)", was);
    if (out->rc == HM_OK)
        out->rc = hm_text_escape(headline, hm_buf_bytes(&out->line), out->err);
    if (out->rc == HM_OK)
        out->rc = hm_buf_append_byte(headline, '\n', out->err);
    hm_buf_clear(&out->line);
    if (before_version > after_version)
        hm_review_text_warn(out, "the version goes back from %lld to %lld",
                            (long long)before_version, (long long)after_version);
    if (before_expiry != 0 &&
        after_expiry - before_expiry > 2 * hm_review_default_expiry_s(out->role))
        hm_review_text_warn(out, "the expiry is put off from %s to %s", was, now);
}

/* Members that this version does not know are signed all the same: they must be seen. */
static enum hm_rc warn_unknown(struct hm_review_out *out, struct hm_bytes json_text,
                               const char *const *known)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes value;
    bool more;

    hm_json_init(&json, json_text, &arena);
    HM_TRY(hm_json_object_begin(&json, out->err));
    for (;;) {
        size_t i = 0;

        HM_TRY(hm_json_object_next(&json, out->err, &more, &key));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_skip(&json, out->err, &value));
        while (known[i] != NULL && !hm_bytes_is_str(key, known[i]))
            i++;
        if (known[i] != NULL)
            continue;
        hm_review_text_put(out, "it has a member that is not known here: ");
        hm_review_text_put_bytes(out, key);
        hm_review_text_put(out, ": ");
        hm_review_text_put_bytes(out, value);
        hm_review_text_end_warning(out);
    }
}

/* ---- the kinds of document ------------------------------------------------------------------ */

static enum hm_rc review_root(struct hm_review_out *out, const struct hm_envelope *before,
                              const struct hm_envelope *after, struct hm_buf *headline)
{
    static const char *const known[] = {"_type",   "spec_version", "version",
                                        "expires", "x-hallmark",   "consistent_snapshot",
                                        "keys",    "roles",        NULL};
    struct hm_root_unsigned old = {NULL};
    struct hm_root_unsigned new = {NULL};
    enum hm_rc rc = HM_OK;

    if (before != NULL)
        rc = hm_root_read_unsigned(hm_envelope_unsigned(before), out->err, &old);
    if (rc == HM_OK)
        rc = hm_root_read_unsigned(hm_envelope_unsigned(after), out->err, &new);
    if (rc == HM_OK) {
        const struct hm_root *a = old.content;
        const struct hm_root *b = new.content;

        put_headline(out, headline, a == NULL ? 0 : a->document.version, b->document.version,
                     a == NULL ? 0 : a->document.expires_unix_s, b->document.expires_unix_s);
        if (!b->consistent_snapshot)
            hm_review_text_warn(out, "consistent snapshots are off: mirrors cannot work");
        for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
            char what[64];

            (void)snprintf(what, sizeof(what), "keys of '%s'",
                           hm_root_role_name((enum hm_root_role)i));
            hm_review_text_keys(out, what, a == NULL ? NULL : &a->roles[i], &b->roles[i]);
        }
        hm_review_makers_diff(out, a == NULL ? HM_BYTES_EMPTY : a->document.x_hallmark,
                              b->document.x_hallmark);
        rc = hm_review_log_diff(out, a, b);
        if (rc == HM_OK)
            rc = hm_review_log_deliveries_diff(out, a, b);
        if (rc == HM_OK)
            rc = warn_unknown(out, after->json, known);
    }
    hm_root_free(old.content);
    hm_root_free(new.content);
    return rc;
}

static enum hm_rc review_targets(struct hm_review_out *out, const struct hm_envelope *before,
                                 const struct hm_envelope *after, struct hm_buf *headline)
{
    static const char *const known[] = {"_type",      "spec_version", "version",     "expires",
                                        "x-hallmark", "targets",      "delegations", NULL};
    struct hm_targets_unsigned old = {NULL};
    struct hm_targets_unsigned new = {NULL};
    enum hm_rc rc = HM_OK;

    if (before != NULL)
        rc = hm_targets_read_unsigned(hm_envelope_unsigned(before), out->err, &old);
    if (rc == HM_OK)
        rc = hm_targets_read_unsigned(hm_envelope_unsigned(after), out->err, &new);
    if (rc == HM_OK) {
        const struct hm_targets *a = old.content;
        const struct hm_targets *b = new.content;

        put_headline(out, headline, a == NULL ? 0 : a->document.version, b->document.version,
                     a == NULL ? 0 : a->document.expires_unix_s, b->document.expires_unix_s);
        hm_review_targets_diff(out, a, b);
        rc = warn_unknown(out, after->json, known);
    }
    hm_targets_free(old.content);
    hm_targets_free(new.content);
    return rc;
}

static enum hm_rc review_identity(struct hm_review_out *out, const struct hm_envelope *before,
                                  const struct hm_envelope *after, struct hm_buf *headline)
{
    static const char *const known[] = {"_type", "spec_version", "version",   "maker", "name",
                                        "keys",  "keyids",       "threshold", NULL};
    struct hm_identity_unsigned old = {NULL};
    struct hm_identity_unsigned new = {NULL};
    enum hm_rc rc = HM_OK;

    if (before != NULL)
        rc = hm_identity_read_unsigned(hm_envelope_unsigned(before), out->err, &old);
    if (rc == HM_OK)
        rc = hm_identity_read_unsigned(hm_envelope_unsigned(after), out->err, &new);
    if (rc == HM_OK) {
        const struct hm_identity *a = old.content;
        const struct hm_identity *b = new.content;

        put_headline(out, headline, a == NULL ? 0 : a->version, b->version, 0, 0);
        hm_review_text_member(out, "maker", a == NULL ? NULL : a->maker, b->maker, true);
        hm_review_text_member(out, "name", a == NULL ? NULL : a->name, b->name, true);
        hm_review_text_keys(out, "keys", a == NULL ? NULL : &a->keys, &b->keys);
        rc = warn_unknown(out, after->json, known);
    }
    hm_identity_free(old.content);
    hm_identity_free(new.content);
    return rc;
}

static enum hm_rc review_kind(struct hm_review_out *out, const struct hm_envelope *before,
                              const struct hm_envelope *after, struct hm_buf *headline)
{
    enum hm_role_kind kind;

    HM_TRY(hm_role_parse(hm_bytes_str(out->role), out->err, &kind));
    switch (kind) {
    case HM_ROLE_ROOT:
        return review_root(out, before, after, headline);
    case HM_ROLE_TARGETS:
        return review_targets(out, before, after, headline);
    case HM_ROLE_IDENTITY:
        return review_identity(out, before, after, headline);
    }
    return hm_fail(out->err, HM_EINTERNAL, "role '%s': no kind of document", out->role);
}

/* Warnings, headline, body. */
static enum hm_rc gather(struct hm_review_out *out, struct hm_bytes headline,
                         struct hm_buf *ret_text)
{
    HM_TRY(out->rc);
    HM_TRY(hm_buf_append(ret_text, hm_buf_bytes(&out->warnings), out->err));
    HM_TRY(hm_buf_append(ret_text, headline, out->err));
    if (!out->changed)
        return hm_buf_append_str(ret_text, "    nothing else changes\n", out->err);
    return hm_buf_append(ret_text, hm_buf_bytes(&out->body), out->err);
}

enum hm_rc hm_review_document(const char *role, struct hm_bytes before, struct hm_bytes after,
                              struct hm_err *err, struct hm_buf *ret_text)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *old = NULL;
    _hm_free_(hm_envelope_free) struct hm_envelope *new = NULL;
    _hm_done_(hm_buf_done) struct hm_buf headline = HM_BUF_INIT(4096);
    _hm_done_(hm_review_text_done) struct hm_review_out out;
    enum hm_rc rc;

    hm_review_text_init(&out, role, err);
    if (before.size > 0) {
        rc = hm_envelope_parse(before, err, &old);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s' as it was", role);
    }
    rc = hm_envelope_parse(after, err, &new);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", role);
    HM_TRY(review_kind(&out, old, new, &headline));
    return gather(&out, hm_buf_bytes(&headline), ret_text);
}
