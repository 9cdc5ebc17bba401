/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root.json says of a site's deliveries (docs/formats.md 22).
 *
 * "deliveries": {"key": VKEY, "policy": TEXT}
 */
#include "trust/site_deliveries.h"

void hm_site_deliveries_free(struct hm_site_deliveries *deliveries)
{
    if (deliveries == NULL)
        return;
    hm_note_key_free(deliveries->key);
    hm_log_policy_free(deliveries->policy);
    free(deliveries);
}

static enum hm_rc parse_key(struct hm_json *json, struct hm_err *err,
                            struct hm_site_deliveries *deliveries)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    HM_TRY(hm_note_key_parse(text, err, &deliveries->key));
    if (deliveries->key->kind != HM_NOTE_ED25519)
        return hm_fail(err, HM_EFORMAT, "'%s': statements are signed by a key of type 0x01",
                       deliveries->key->name);
    return HM_OK;
}

static enum hm_rc parse_policy(struct hm_json *json, struct hm_err *err,
                               struct hm_site_deliveries *deliveries)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    HM_TRY(hm_log_policy_parse(text, err, &deliveries->policy));
    if (deliveries->policy->log_count != 1)
        return hm_fail(err, HM_EFORMAT, "its policy has %zu log lines, must have one",
                       deliveries->policy->log_count);
    return HM_OK;
}

static enum hm_rc parse_deliveries(struct hm_json *json, struct hm_err *err,
                                   struct hm_site_deliveries *deliveries)
{
    struct hm_bytes key, span;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "key"))
            HM_TRY(parse_key(json, err, deliveries));
        else if (hm_bytes_is_str(key, "policy"))
            HM_TRY(parse_policy(json, err, deliveries));
        else
            HM_TRY(hm_json_skip(json, err, &span));
    }
    if (deliveries->key == NULL || deliveries->policy == NULL)
        return hm_fail(err, HM_EFORMAT, "they lack key or policy");
    if (hm_note_key_is_same_key(deliveries->key, deliveries->policy->logs[0].key))
        return hm_fail(err, HM_EFORMAT, "one key cannot sign both statements and the log");
    return HM_OK;
}

static enum hm_rc parse(const struct hm_root *root, struct hm_err *err,
                        struct hm_site_deliveries *deliveries)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    if (root->document.x_hallmark.size == 0)
        return HM_OK;
    hm_json_init(&json, root->document.x_hallmark, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return hm_json_end(&json, err);
        if (hm_bytes_is_str(key, "deliveries"))
            HM_TRY(parse_deliveries(&json, err, deliveries));
        else
            HM_TRY(hm_json_skip(&json, err, &span));
    }
}

enum hm_rc hm_site_deliveries_parse(const struct hm_root *root, struct hm_err *err,
                                    struct hm_site_deliveries **ret_deliveries)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries =
        calloc(1, sizeof(*deliveries));
    enum hm_rc rc;

    if (deliveries == NULL)
        return hm_error_nomem(err);
    rc = parse(root, err, deliveries);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'root', the deliveries");
    *ret_deliveries = hm_steal(&deliveries);
    return HM_OK;
}
