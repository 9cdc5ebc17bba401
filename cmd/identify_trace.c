/* SPDX-License-Identifier: Apache-2.0 */
/* identify --trace: from the bytes to who signed for them, and to the log entry that everybody can
 * see. The log is asked over the network; the rest is what was verified at the last refresh. */
#include "identify.h"

#include "base/time.h"

static enum hm_rc fail_trace(struct hm_identify *identify, const struct hm_err *why,
                             struct hm_err *err, struct hm_trace *trace)
{
    if (hm_error_exit_status(why->rc) == 4)
        return hm_fail(err, why->rc, "%s", why->text);
    trace->rc = why->rc;
    trace->reason = hm_arena_strdup(&identify->arena, hm_bytes_str(why->text));
    return trace->reason == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc prove(struct hm_identify *identify, const struct hm_catalogue_item *item,
                        struct hm_err *err, struct hm_trace *trace)
{
    struct hm_pattern pattern;
    char *path = hm_arena_strdup(&identify->arena, item->path);

    if (path == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_catalogue_pattern(path, &identify->arena, err, &pattern));
    HM_TRY(hm_customer_open_site(&identify->customer, item->subscription->name, false, &pattern, 1,
                                 err, &trace->subscription));
    HM_TRY(hm_customer_check_online(trace->subscription, err));
    return hm_release_log_prove(trace->subscription, &item->file, err, &trace->proof);
}

enum hm_rc hm_identify_trace(struct hm_identify *identify, const struct hm_catalogue_item *item,
                             struct hm_err *err, struct hm_trace *ret_trace)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_trace trace = {.site = item->subscription->name,
                             .grade = hm_layout_grade_text(item->file.grade)};

    trace.maker = hm_arena_strdup(&identify->arena, item->file.path.id);
    if (trace.maker == NULL)
        return hm_error_nomem(err);
    if (prove(identify, item, &why, &trace) != HM_OK)
        HM_TRY(fail_trace(identify, &why, err, &trace));
    *ret_trace = trace;
    return HM_OK;
}

enum hm_rc hm_identify_trace_print(const struct hm_trace *trace, struct hm_err *err,
                                   struct hm_buf *out)
{
    HM_TRY(hm_buf_append_fmt(out, err, "  signed: by %s and the vendor %s (%s)\n", trace->maker,
                             trace->site, trace->grade));
    if (trace->rc != HM_OK)
        return hm_buf_append_fmt(out, err, "  log: cannot tell: %s\n", trace->reason);
    if (trace->proof == NULL)
        return hm_buf_append_str(out, "  log: the site keeps none\n", err);
    HM_TRY(hm_buf_append_fmt(out, err, "  log: entry %llu of %llu in %s, counted by entry %llu\n",
                             (unsigned long long)trace->proof->where->release_index,
                             (unsigned long long)trace->subscription->log->standing.size,
                             trace->subscription->log->site_log->policy->logs[0].key->name,
                             (unsigned long long)trace->proof->where->snapshot_index));
    HM_TRY(hm_buf_append_str(out, "  witnesses: ", err));
    HM_TRY(hm_release_log_describe(&trace->subscription->log->standing, err, out));
    return hm_buf_append_byte(out, '\n', err);
}

void hm_identify_trace_write(struct hm_json_writer *writer, const struct hm_trace *trace)
{
    hm_json_writer_key(writer, "trace");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "site", trace->site);
    hm_json_writer_key_str(writer, "maker", trace->maker);
    hm_json_writer_key_str(writer, "grade", trace->grade);
    if (trace->rc != HM_OK) {
        hm_json_writer_key_str(writer, "code", hm_error_name(trace->rc));
        hm_json_writer_key_str(writer, "reason", trace->reason);
    } else {
        hm_customer_write_log(writer, trace->subscription);
    }
    if (trace->proof != NULL) {
        hm_json_writer_key(writer, "entry");
        hm_json_writer_u64(writer, trace->proof->where->release_index);
        hm_json_writer_key(writer, "snapshot_entry");
        hm_json_writer_u64(writer, trace->proof->where->snapshot_index);
    }
    hm_json_writer_object_end(writer);
}
