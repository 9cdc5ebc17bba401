/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a site's deliveries (delivery_keys.h). */
#include "site/delivery_keys.h"

#include "site/log_key.h"
#include "site/rotate.h"
#include "site/witnesses.h"
#include "trust/root_word.h"

#define STATEMENTS "delivery"
#define LOG        "deliveries-log"

/* "firmware.example/log" and "firmware.example/log-2" give "firmware.example/deliveries". */
static enum hm_rc make_name(const char *origin, const char *last, struct hm_err *err,
                            struct hm_buf *ret_name)
{
    const char *slash = strrchr(origin, '/');
    size_t size = slash == NULL ? strlen(origin) : (size_t)(slash - origin);

    HM_TRY(hm_buf_append(ret_name, hm_bytes_make(origin, size), err));
    return hm_buf_append_fmt(ret_name, err, "/%s", last);
}

static enum hm_rc make_key(const struct hm_dir *private_dir, const char *stem, const char *origin,
                           const char *last, struct hm_err *err, struct hm_note_key **ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 32);

    HM_TRY(make_name(origin, last, err, &name));
    return hm_log_key_create(private_dir, stem, hm_buf_str(&name), err, ret_key);
}

static enum hm_rc write_word(const struct hm_note_key *key, const struct hm_log_policy *policy,
                             struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    struct hm_json_writer writer;

    HM_TRY(hm_note_key_write(key, err, &vkey));
    HM_TRY(hm_log_policy_write(policy, err, &text));
    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "key", hm_buf_str(&vkey));
    hm_json_writer_key(&writer, "policy");
    hm_json_writer_string(&writer, hm_buf_bytes(&text));
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

/* log_key NULL: made too. */
static enum hm_rc put_word(const struct hm_site *site, const struct hm_log_policy *log,
                           const struct hm_note_key *log_key, struct hm_bytes x_hallmark,
                           struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *made = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf value = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    const struct hm_dir *private_dir = &site->private_dir;
    const char *origin = log->logs[0].key->name;

    /* Everybody reads it; a server may be confined to writing there, and not to making it. */
    HM_TRY(hm_site_make_folder(&site->public_dir, HM_DELIVERY_KEYS_FOLDER, 0755, err));
    if (log_key == NULL) {
        HM_TRY(make_key(private_dir, LOG, origin, "deliveries", err, &made));
        log_key = made;
    }
    HM_TRY(make_key(private_dir, STATEMENTS, origin, "delivery", err, &key));
    HM_TRY(hm_witnesses_with_log(log, log_key, err, &policy));
    HM_TRY(write_word(key, policy, err, &value));
    return hm_root_word_put(x_hallmark, "deliveries", hm_buf_bytes(&value), err, ret_json);
}

enum hm_rc hm_delivery_keys_begin(const struct hm_site *site, const struct hm_log_policy *log,
                                  struct hm_bytes x_hallmark, struct hm_err *err,
                                  struct hm_buf *ret_json)
{
    return put_word(site, log, NULL, x_hallmark, err, ret_json);
}

/* The next root */

struct rotation {
    const struct hm_site *site;
    struct hm_buf *report;
};

static enum hm_rc report_word(const struct hm_root *root, bool begins, struct hm_err *err,
                              struct hm_buf *report)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;

    HM_TRY(hm_site_deliveries_parse(root, err, &deliveries));
    HM_TRY(hm_buf_append_str(report, "statements of deliveries are signed by ", err));
    HM_TRY(hm_note_key_write(deliveries->key, err, report));
    HM_TRY(hm_buf_append_str(report, "\n", err));
    if (!begins)
        return HM_OK;
    HM_TRY(hm_buf_append_str(report, "the deliveries log begins; its witnesses must know it by ",
                             err));
    HM_TRY(hm_note_key_write(deliveries->policy->logs[0].key, err, report));
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc edit(void *ctx, struct hm_root *root, struct hm_err *err)
{
    const struct rotation *rotation = ctx;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *before = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    const struct hm_note_key *log_key = NULL;

    HM_TRY(hm_site_log_parse(root, err, &log));
    HM_TRY(hm_site_deliveries_parse(root, err, &before));
    if (log->policy == NULL)
        return hm_fail(err, HM_EUSAGE,
                       "deliveries stand on the release log, and this site keeps none: begin one "
                       "with 'hallmark site witness'");
    if (before->policy != NULL)
        log_key = before->policy->logs[0].key;
    HM_TRY(put_word(rotation->site, log->policy, log_key, root->document.x_hallmark, err, &json));
    HM_TRY(hm_arena_copy(&root->arena, hm_buf_bytes(&json), err, &root->document.x_hallmark));
    return report_word(root, log_key == NULL, err, rotation->report);
}

enum hm_rc hm_delivery_keys_rotate(const struct hm_site *site, struct hm_err *err,
                                   struct hm_buf *report)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    struct rotation rotation = {.site = site, .report = report};

    HM_TRY(hm_roles_load(site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing is published yet: publish the first root");
    return hm_rotate_edit_root(roles, edit, &rotation, err, report);
}

/* What root names */

static enum hm_rc load(const struct hm_dir *private_dir, const struct hm_note_key *key,
                       const char *file, struct hm_err *err, struct hm_signer **ret_signer)
{
    HM_TRY(hm_log_key_find(private_dir, HM_APPROVERS_DELIVERY, key, err, ret_signer));
    if (*ret_signer != NULL)
        return HM_OK;
    return hm_fail(err, HM_EINPUT,
                   "the key '%s' that root names for deliveries is not in private/keys (%s.pem): "
                   "put it back%s",
                   key->name, file,
                   strcmp(file, STATEMENTS) == 0
                       ? ", or name another with 'hallmark site rotate deliveries'"
                       : " from the newest backup; the deliveries log has no successor");
}

enum hm_rc hm_delivery_keys_load(const struct hm_dir *private_dir,
                                 const struct hm_site_deliveries *deliveries, struct hm_err *err,
                                 struct hm_delivery_signers *ret_keys)
{
    struct hm_delivery_signers keys = {.statements = NULL};
    enum hm_rc rc = load(private_dir, deliveries->key, STATEMENTS, err, &keys.statements);

    if (rc == HM_OK)
        rc = load(private_dir, deliveries->policy->logs[0].key, LOG, err, &keys.log);
    if (rc != HM_OK) {
        hm_delivery_keys_done(&keys);
        return rc;
    }
    *ret_keys = keys;
    return HM_OK;
}

void hm_delivery_keys_done(struct hm_delivery_signers *keys)
{
    hm_signer_free(keys->statements);
    hm_signer_free(keys->log);
    *keys = (struct hm_delivery_signers){.statements = NULL};
}
