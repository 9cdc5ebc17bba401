/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root.json says of a site's deliveries (docs/formats.md 22).
 *
 * "deliveries": {"key": VKEY, "policy": TEXT}
 */
#include "trust/site_deliveries.h"

#include "trust/root_word.h"
#include "trust/site_log.h"

void hm_site_deliveries_free(struct hm_site_deliveries *deliveries)
{
    if (deliveries == NULL)
        return;
    hm_note_key_free(deliveries->key);
    hm_log_policy_free(deliveries->policy);
    free(deliveries);
}

/* ---- whoever holds one of these keys speaks for one thing alone ------------------------------ */

static bool is_of_role(const struct hm_root *root, const struct hm_note_key *key)
{
    for (int role = 0; role < HM_ROOT_ROLE_COUNT_ && key->key != NULL; role++) {
        const struct hm_role_keys *keys = &root->roles[role];

        for (size_t i = 0; i < keys->id_count; i++) {
            const struct hm_keyring_key *other =
                hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

            if (other != NULL && other->key != NULL &&
                hm_digest_is_equal(hm_key_material(other->key), hm_key_material(key->key)))
                return true;
        }
    }
    return false;
}

static bool is_witness(const struct hm_log_policy *policy, const struct hm_note_key *key)
{
    for (size_t i = 0; policy != NULL && i < policy->witness_count; i++)
        if (hm_note_key_is_same_key(policy->witnesses[i].key, key))
            return true;
    return false;
}

static bool is_of_log(const struct hm_site_log *log, const struct hm_note_key *key)
{
    if (log->policy != NULL && hm_note_key_is_same_key(log->policy->logs[0].key, key))
        return true;
    for (size_t i = 0; i < log->closed_count; i++)
        if (hm_note_key_is_same_key(log->closed[i].key, key))
            return true;
    return is_witness(log->policy, key);
}

static enum hm_rc check_keys(const struct hm_root *root,
                             const struct hm_site_deliveries *deliveries, struct hm_err *err)
{
    const struct hm_note_key *const keys[] = {deliveries->key, deliveries->policy->logs[0].key};
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;

    if (hm_note_key_is_same_key(keys[0], keys[1]))
        return hm_fail(err, HM_EFORMAT, "one key cannot sign both statements and the log");
    HM_TRY(hm_site_log_parse(root, err, &log));
    for (size_t i = 0; i < HM_ARRAY_COUNT(keys); i++) {
        if (is_of_role(root, keys[i]))
            return hm_fail(err, HM_EFORMAT, "'%s' signs a role of root too", keys[i]->name);
        if (is_of_log(log, keys[i]))
            return hm_fail(err, HM_EFORMAT, "'%s' is a key of the release log or its witnesses",
                           keys[i]->name);
        if (is_witness(deliveries->policy, keys[i]))
            return hm_fail(err, HM_EFORMAT, "'%s' is its own witness", keys[i]->name);
    }
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

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
    return HM_OK;
}

static enum hm_rc parse(const struct hm_root *root, struct hm_err *err,
                        struct hm_site_deliveries *deliveries)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes value;
    struct hm_json json;

    HM_TRY(hm_root_word_find(root->document.x_hallmark, "deliveries", err, &value));
    if (value.size == 0)
        return HM_OK;
    hm_json_init(&json, value, &arena);
    HM_TRY(parse_deliveries(&json, err, deliveries));
    return check_keys(root, deliveries, err);
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
