/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a client key's statements. See delivery_order.h. */
#include "customer/delivery_order.h"

#include "base/file.h"
#include "base/text.h"
#include "tlog/lines.h"

#define NOUN       "the order of deliveries"
#define FIRST_LINE "hallmark/delivery-order v1"

void hm_delivery_order_done(struct hm_delivery_order *order)
{
    hm_arena_done(&order->arena);
    *order = (struct hm_delivery_order)HM_DELIVERY_ORDER_INIT;
}

static bool is_none(const struct hm_delivery_place *place)
{
    return place->epoch == 0;
}

/* ---- the file ---- */

static enum hm_rc take_place(struct hm_lines *lines, const char *word,
                             struct hm_delivery_place *ret_place)
{
    static const struct hm_sha256 zero = {{0}};
    const char *what = "its word, and epoch, counter and hash of a statement";

    HM_TRY(hm_lines_take(lines, word, 3, false, what));
    HM_TRY(hm_lines_number(lines, 0, 0, what, &ret_place->epoch));
    HM_TRY(hm_lines_number(lines, 1, 0, what, &ret_place->counter));
    HM_TRY(hm_lines_digest(lines, 2, what, &ret_place->hash));
    if ((ret_place->epoch == 0) != (ret_place->counter == 0) ||
        (ret_place->epoch == 0 && !hm_digest_is_equal(&ret_place->hash, &zero)))
        return hm_lines_fail(lines, what);
    hm_lines_next(lines);
    return HM_OK;
}

static enum hm_rc take_pending(struct hm_lines *lines, struct hm_delivery_order *order)
{
    const char *what = "'pending KIND SLOT REQUEST'";

    HM_TRY(hm_lines_take(lines, "pending", 3, false, what));
    if (hm_bytes_is_str(lines->words[0], "request"))
        order->kind = HM_DELIVERY_PART_REQUEST;
    else if (hm_bytes_is_str(lines->words[0], "answer"))
        order->kind = HM_DELIVERY_PART_ANSWER;
    else
        return hm_lines_fail(lines, what);
    HM_TRY(hm_lines_digest(lines, 1, what, &order->slot));
    HM_TRY(hm_lines_digest(lines, 2, what, &order->request));
    hm_lines_next(lines);
    HM_TRY(hm_lines_take_quoted(lines, HM_DELIVERY_FILE_PART_SIZE_MAX, "'| TEXT' of the statement",
                                &order->arena, &order->note));
    order->has_pending = true;
    return HM_OK;
}

enum hm_rc hm_delivery_order_parse(struct hm_bytes raw, struct hm_err *err,
                                   struct hm_delivery_order *ret_order)
{
    _hm_done_(hm_delivery_order_done) struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;
    struct hm_lines lines;

    HM_TRY(hm_lines_check(raw, HM_DELIVERY_ORDER_SIZE_MAX, NOUN, err));
    hm_lines_init(&lines, raw, NOUN, err);
    if (!hm_bytes_is_str(lines.line, FIRST_LINE))
        return hm_lines_fail(&lines, "'" FIRST_LINE "'");
    hm_lines_next(&lines);
    HM_TRY(take_place(&lines, "last", &order.last));
    HM_TRY(take_place(&lines, "known", &order.known));
    if (lines.has_line)
        HM_TRY(take_pending(&lines, &order));
    if (lines.has_line)
        return hm_lines_fail(&lines, "the end");
    if (order.has_pending && is_none(&order.last))
        return hm_fail(err, HM_EFORMAT, NOUN " has a statement in no place");
    *ret_order = order;
    order = (struct hm_delivery_order)HM_DELIVERY_ORDER_INIT;
    return HM_OK;
}

enum hm_rc hm_delivery_order_read(const struct hm_dir *dir, struct hm_err *err,
                                  struct hm_delivery_order *ret_order)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DELIVERY_ORDER_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_dir_read(dir, HM_DELIVERY_ORDER_NAME, err, &raw));
    rc = hm_delivery_order_parse(hm_buf_bytes(&raw), err, ret_order);
    return rc == HM_OK ? HM_OK
                       : hm_error_prefix(err, rc, "'%s/" HM_DELIVERY_ORDER_NAME "'", dir->path);
}

static enum hm_rc write_place(struct hm_buf *text, const char *word,
                              const struct hm_delivery_place *place, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(place->hash.bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(text, err, "%s %llu %llu %s\n", word, (unsigned long long)place->epoch,
                             (unsigned long long)place->counter, hex);
}

enum hm_rc hm_delivery_order_write(const struct hm_delivery_order *order, const struct hm_dir *dir,
                                   struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_DELIVERY_ORDER_SIZE_MAX);
    char slot[HM_SHA256_HEX_SIZE], request[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_buf_append_str(&text, FIRST_LINE "\n", err));
    HM_TRY(write_place(&text, "last", &order->last, err));
    HM_TRY(write_place(&text, "known", &order->known, err));
    if (order->has_pending) {
        hm_text_hex(hm_bytes_make(order->slot.bytes, HM_SHA256_SIZE), slot);
        hm_text_hex(hm_bytes_make(order->request.bytes, HM_SHA256_SIZE), request);
        HM_TRY(hm_buf_append_fmt(&text, err, "pending %s %s %s\n",
                                 order->kind == HM_DELIVERY_PART_REQUEST ? "request" : "answer",
                                 slot, request));
        HM_TRY(hm_lines_write_quoted(order->note, err, &text));
    }
    return hm_file_replace(dir, HM_DELIVERY_ORDER_NAME, 0600, hm_buf_bytes(&text), err);
}

/* ---- places ---- */

struct hm_statement_event hm_delivery_order_next(const struct hm_delivery_order *order)
{
    return (struct hm_statement_event){.epoch = is_none(&order->last) ? 1 : order->last.epoch,
                                       .counter = order->last.counter + 1,
                                       .previous = order->last.hash};
}

enum hm_rc hm_delivery_order_check_head(const struct hm_delivery_order *order,
                                        const struct hm_delivery_place *head, struct hm_err *err)
{
    const struct hm_delivery_place *known = &order->known;

    if (head->epoch < known->epoch ||
        (head->epoch == known->epoch && head->counter < known->counter))
        return hm_fail(err, HM_EROLLBACK,
                       "the site's signed head goes back to statement %llu of epoch %llu, although "
                       "the site has answered statement %llu of epoch %llu: its ledger is an older "
                       "copy, or it lies; ask the site, and go on without statements until then "
                       "with 'hallmark trust policy SITE --deliveries never'",
                       (unsigned long long)head->counter, (unsigned long long)head->epoch,
                       (unsigned long long)known->counter, (unsigned long long)known->epoch);
    if (head->epoch == known->epoch && head->counter == known->counter &&
        !hm_digest_is_equal(&head->hash, &known->hash))
        return hm_fail(err, HM_EREFUSED,
                       "the site's signed head names another statement %llu of epoch %llu than the "
                       "one that the site has answered",
                       (unsigned long long)head->counter, (unsigned long long)head->epoch);
    return HM_OK;
}

enum hm_rc hm_delivery_order_follow(struct hm_delivery_order *order,
                                    const struct hm_delivery_place *head, struct hm_err *err)
{
    /* The place of the next statement is the first of the epoch behind the head's; an order that
     * was never begun needs none. */
    if (is_none(head) && is_none(&order->last))
        return HM_OK;
    if (is_none(head) || head->epoch >= HM_LINES_INDEX_MAX || order->last.epoch > head->epoch)
        return hm_fail(err, HM_EAGAIN, "the order of this key cannot go on");
    order->last =
        (struct hm_delivery_place){.epoch = head->epoch + 1, .counter = 0, .hash = head->hash};
    order->known = *head;
    order->has_pending = false;
    return HM_OK;
}
