/* SPDX-License-Identifier: Apache-2.0 */
/* Where a release stands in a log: parse, write, free. See where.h. */
#include "tlog/where.h"

#include "base/num.h"
#include "tlog/merkle.h"

#define FIRST_LINE "hallmark/where v1"

/* The next line, without its newline; *rest goes behind it. */
static enum hm_rc take_line(struct hm_bytes *rest, struct hm_err *err, struct hm_bytes *ret_line)
{
    if (!hm_bytes_take_line(rest, ret_line))
        return hm_fail(err, HM_EFORMAT, "the file ends in the middle of a line");
    return HM_OK;
}

static enum hm_rc take_index(struct hm_bytes *rest, const char *start, struct hm_err *err,
                             uint64_t *ret_index)
{
    struct hm_bytes line = HM_BYTES_EMPTY;
    size_t skip = strlen(start);

    HM_TRY(take_line(rest, err, &line));
    if (!hm_bytes_has_prefix(line, hm_bytes_str(start)) ||
        hm_num_parse_u64((const char *)line.data + skip, line.size - skip, ret_index) != HM_OK ||
        *ret_index >= HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "expected the line '%sINDEX', below 2^63 - 1", start);
    return HM_OK;
}

static enum hm_rc take_empty_line(struct hm_bytes *rest, struct hm_err *err)
{
    struct hm_bytes line = HM_BYTES_EMPTY;

    HM_TRY(take_line(rest, err, &line));
    return line.size == 0 ? HM_OK : hm_fail(err, HM_EFORMAT, "expected an empty line");
}

/* Lines up to the empty one, which is left: no entry has one. */
static enum hm_rc take_entry(struct hm_bytes *rest, struct hm_err *err, struct hm_bytes *ret_entry)
{
    const uint8_t *end = rest->size == 0 ? NULL : memmem(rest->data, rest->size, "\n\n", 2);

    if (end == NULL)
        return hm_fail(err, HM_EFORMAT, "expected an entry and an empty line behind it");
    *ret_entry = hm_bytes_make(rest->data, (size_t)(end - rest->data) + 1);
    *rest = hm_bytes_make(end + 1, rest->size - ret_entry->size);
    return HM_OK;
}

static enum hm_rc check_entry(struct hm_bytes entry, struct hm_err *err)
{
    if (entry.size == 0 || entry.size > HM_ENTRY_SIZE_MAX || entry.data[entry.size - 1] != '\n' ||
        entry.data[0] == '\n' || memmem(entry.data, entry.size, "\n\n", 2) != NULL)
        return hm_fail(err, HM_EFORMAT, "what stands for an entry cannot be one");
    return HM_OK;
}

static enum hm_rc check(const struct hm_where *where, struct hm_err *err)
{
    HM_TRY(check_entry(where->release, err));
    HM_TRY(check_entry(where->snapshot, err));
    if (where->release_index >= where->snapshot_index ||
        where->snapshot_index >= HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the release does not stand in front of the snapshot");
    return HM_OK;
}

enum hm_rc hm_where_parse(struct hm_bytes raw, struct hm_err *err, struct hm_where **ret_where)
{
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    struct hm_bytes rest = HM_BYTES_EMPTY, line = HM_BYTES_EMPTY;

    if (raw.size > HM_WHERE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "longer than %d bytes", HM_WHERE_SIZE_MAX);
    where = calloc(1, sizeof(*where));
    if (where == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&where->arena, raw, err, &rest));
    HM_TRY(take_line(&rest, err, &line));
    if (!hm_bytes_is_str(line, FIRST_LINE))
        return hm_fail(err, HM_EFORMAT, "the first line is not '" FIRST_LINE "'");
    HM_TRY(take_index(&rest, "release ", err, &where->release_index));
    HM_TRY(take_index(&rest, "snapshot ", err, &where->snapshot_index));
    HM_TRY(take_empty_line(&rest, err));
    HM_TRY(take_entry(&rest, err, &where->release));
    HM_TRY(take_empty_line(&rest, err));
    where->snapshot = rest;
    HM_TRY(check(where, err));
    *ret_where = hm_steal(&where);
    return HM_OK;
}

enum hm_rc hm_where_write(const struct hm_where *where, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    struct hm_err why = HM_ERR_INIT;

    if (check(where, &why) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "%s", why.text);
    HM_TRY(hm_buf_append_fmt(&text, err, FIRST_LINE "\nrelease %llu\nsnapshot %llu\n\n",
                             (unsigned long long)where->release_index,
                             (unsigned long long)where->snapshot_index));
    HM_TRY(hm_buf_append(&text, where->release, err));
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    HM_TRY(hm_buf_append(&text, where->snapshot, err));
    return hm_buf_append(ret_buf, hm_buf_bytes(&text), err);
}

void hm_where_free(struct hm_where *where)
{
    if (where == NULL)
        return;
    hm_arena_done(&where->arena);
    free(where);
}
