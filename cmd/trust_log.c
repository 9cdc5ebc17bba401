/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark trust: what is demanded of a site's release log. */
#include "trust_log.h"

#include "base/file.h"
#include "base/num.h"
#include "base/time.h"

/* ---- options --------------------------------------------------------------------------------- */

enum hm_rc hm_trust_log_take(struct hm_trust_log *log, int option, struct hm_err *err)
{
    switch (option) {
    case HM_TRUST_LOG_POLICY:
        log->policy_path = optarg;
        return HM_OK;
    case HM_TRUST_LOG_NO_POLICY:
        log->drops_policy = true;
        return HM_OK;
    case HM_TRUST_LOG_WITNESS:
        if (log->witness_count == HM_ARRAY_COUNT(log->witnesses))
            return hm_fail(err, HM_EUSAGE, "more than %zu witnesses",
                           HM_ARRAY_COUNT(log->witnesses));
        log->witnesses[log->witness_count++] = optarg;
        return HM_OK;
    case HM_TRUST_LOG_QUORUM:
        log->quorum = optarg;
        return HM_OK;
    case HM_TRUST_LOG_MAX_AGE:
        log->max_age = optarg;
        return HM_OK;
    case HM_TRUST_LOG_NO_MAX_AGE:
        log->drops_max_age = true;
        return HM_OK;
    default:
        return HM_EUNKNOWN;
    }
}

static enum hm_rc check(const struct hm_trust_log *log, struct hm_err *err)
{
    if ((log->policy_path != NULL) + (log->witness_count > 0) + log->drops_policy > 1)
        return hm_fail(err, HM_EUSAGE,
                       "--log-policy, --witness and --no-log-policy exclude each other");
    if (log->quorum != NULL && log->witness_count == 0)
        return hm_fail(err, HM_EUSAGE, "--quorum is of witnesses: give --witness VKEY with it");
    if (log->max_age != NULL && log->drops_max_age)
        return hm_fail(err, HM_EUSAGE, "--log-max-age and --no-log-max-age exclude each other");
    return HM_OK;
}

static enum hm_rc set_witnesses(const struct hm_trust_log *log, struct hm_policy *policy,
                                struct hm_err *err)
{
    uint64_t quorum = log->witness_count / 2 + 1; /* a majority */
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (log->quorum != NULL &&
        (hm_num_parse_u64(log->quorum, strlen(log->quorum), &quorum) != HM_OK ||
         quorum > HM_LOG_POLICY_WITNESS_COUNT_MAX))
        return hm_fail(err, HM_EUSAGE,
                       "--quorum is how many of the witnesses must cosign, not '%s'", log->quorum);
    rc = hm_policy_set_witnesses(policy, log->witnesses, log->witness_count, (size_t)quorum, &why);
    if (rc == HM_EFORMAT || rc == HM_EUNKNOWN)
        rc = HM_EUSAGE;
    return rc == HM_OK ? HM_OK : hm_fail(err, rc, "--witness VKEY[,URL]: %s", why.text);
}

static enum hm_rc set_policy(const char *path, struct hm_policy *policy, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    enum hm_rc rc = hm_file_read_path(path, err, &text);

    if (rc != HM_OK)
        return rc;
    rc = hm_policy_set_log(policy, hm_buf_bytes(&text), err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

enum hm_rc hm_trust_log_apply(const struct hm_trust_log *log, struct hm_policy *policy,
                              struct hm_err *err, bool *ret_changed)
{
    HM_TRY(check(log, err));
    if (log->policy_path != NULL)
        HM_TRY(set_policy(log->policy_path, policy, err));
    else if (log->witness_count > 0)
        HM_TRY(set_witnesses(log, policy, err));
    else if (log->drops_policy)
        hm_policy_drop_log(policy);
    if (log->max_age != NULL)
        HM_TRY(hm_policy_set_log_max_age(policy, log->max_age, err));
    else if (log->drops_max_age)
        hm_policy_drop_log_max_age(policy);
    *ret_changed = log->policy_path != NULL || log->witness_count > 0 || log->drops_policy ||
                   log->max_age != NULL || log->drops_max_age;
    return HM_OK;
}

/* ---- telling --------------------------------------------------------------------------------- */

/* Who demands what: root, the trust file, the customer. */
struct demand {
    const char *whose;
    const struct hm_log_policy *policy; /* NULL: nothing */
};
#define DEMAND_COUNT 3

static void find_demands(const struct hm_subscription *site,
                         struct demand ret_demands[DEMAND_COUNT])
{
    ret_demands[0] =
        (struct demand){"root", site->log == NULL ? NULL : site->log->site_log->policy};
    ret_demands[1] = (struct demand){"trust file", site->trust->log_policy};
    ret_demands[2] = (struct demand){"own", site->policy.log_policy};
}

static enum hm_rc add_row(struct hm_table *table, const char *name, struct hm_buf *text,
                          struct hm_err *err)
{
    HM_TRY(hm_table_add(table, name, err));
    HM_TRY(hm_table_add(table, hm_buf_str(text), err));
    hm_buf_clear(text);
    return HM_OK;
}

static enum hm_rc add_state(struct hm_table *table, const struct hm_subscription *site,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX + 1024);
    const struct hm_release_log *log = site->log;

    if (log == NULL)
        return HM_OK; /* a warning has said why */
    if (log->proof != NULL) {
        HM_TRY(hm_note_key_write(log->site_log->policy->logs[0].key, err, &text));
        HM_TRY(hm_buf_append_fmt(&text, err, ", %llu entries",
                                 (unsigned long long)log->standing.size));
        HM_TRY(add_row(table, "release log", &text, err));
    }
    HM_TRY(hm_release_log_describe(&log->standing, err, &text));
    return add_row(table, "log state", &text, err);
}

static enum hm_rc add_witness(struct hm_table *table, const struct hm_log_policy_witness *witness,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX + 4096);

    HM_TRY(hm_buf_append_fmt(&text, err, "  %s  ", witness->name));
    HM_TRY(hm_note_key_write(witness->key, err, &text));
    if (witness->url != NULL)
        HM_TRY(hm_buf_append_fmt(&text, err, "  %s", witness->url));
    return add_row(table, "", &text, err);
}

enum hm_rc hm_trust_log_add_rows(struct hm_table *table, const struct hm_subscription *site,
                                 struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    struct demand demands[DEMAND_COUNT];
    char age[32];

    HM_TRY(add_state(table, site, err));
    find_demands(site, demands);
    for (size_t i = 0; i < DEMAND_COUNT; i++) {
        const struct hm_log_policy *policy = demands[i].policy;

        if (policy == NULL)
            continue;
        HM_TRY(hm_buf_append_fmt(&text, err, "%s: ", demands[i].whose));
        HM_TRY(hm_log_policy_describe(policy, err, &text));
        HM_TRY(add_row(table, "witnesses", &text, err));
        for (size_t j = 0; j < policy->witness_count; j++)
            HM_TRY(add_witness(table, &policy->witnesses[j], err));
    }
    hm_time_format_age(hm_subscription_log_max_age(site), age);
    HM_TRY(hm_buf_append_str(&text, age, err));
    return add_row(table, "log max age", &text, err);
}

static enum hm_rc write_vkey(struct hm_json_writer *writer, const struct hm_note_key *key,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    HM_TRY(hm_note_key_write(key, err, &text));
    hm_json_writer_key_str(writer, "vkey", hm_buf_str(&text));
    return HM_OK;
}

static enum hm_rc write_demand(struct hm_json_writer *writer, const struct demand *demand,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    const struct hm_log_policy *policy = demand->policy;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "whose", demand->whose);
    HM_TRY(hm_log_policy_describe(policy, err, &text));
    hm_json_writer_key_str(writer, "quorum", hm_buf_str(&text));
    hm_buf_clear(&text);
    HM_TRY(hm_log_policy_write(policy, err, &text));
    hm_json_writer_key_str(writer, "policy", hm_buf_str(&text));
    hm_json_writer_key(writer, "witnesses");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *witness = &policy->witnesses[i];

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "name", witness->name);
        HM_TRY(write_vkey(writer, witness->key, err));
        if (witness->url != NULL)
            hm_json_writer_key_str(writer, "url", witness->url);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

enum hm_rc hm_trust_log_write(struct hm_json_writer *writer, const struct hm_subscription *site,
                              struct hm_err *err)
{
    struct demand demands[DEMAND_COUNT];

    hm_customer_write_log(writer, site);
    find_demands(site, demands);
    hm_json_writer_key(writer, "log-demands");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "policies");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < DEMAND_COUNT; i++) {
        if (demands[i].policy != NULL)
            HM_TRY(write_demand(writer, &demands[i], err));
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key_int(writer, "max-age", hm_subscription_log_max_age(site));
    hm_json_writer_object_end(writer);
    return HM_OK;
}
