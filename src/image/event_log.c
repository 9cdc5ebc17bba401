/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a measured boot, and the values it replays to (event_log.h). */
#include "image/event_log.h"

#include "base/reader.h"

#define SPEC_ID          "Spec ID Event03"
#define LOCALITY         "StartupLocality"
#define ALGORITHM_SHA256 0x000b
#define FIRST_CAPACITY   64
/* The largest digest that a TPM knows. */
#define DIGEST_SIZE_MAX 64

struct bank {
    uint16_t algorithm, size;
};

struct parser {
    struct hm_rd rd;
    struct bank banks[HM_EVENT_LOG_BANK_MAX];
    size_t bank_count;
    struct hm_event_log *log;
    size_t capacity;
    struct hm_digest *digest;
    struct hm_err *err;
};

static enum hm_rc broken(const struct parser *parser, const char *what)
{
    return hm_fail_at(parser->err, HM_EFORMAT, parser->rd.offset, "no event log: %s", what);
}

static enum hm_rc parse_spec(struct parser *parser, struct hm_bytes data)
{
    struct hm_rd rd = hm_reader_make(data);
    struct hm_bytes name = hm_reader_take(&rd, 16);
    bool has_sha256 = false;
    uint32_t count;

    (void)hm_reader_take(&rd, 8); /* platform, version, size of UINTN */
    count = hm_reader_le32(&rd);
    if (hm_reader_failed(&rd) || memcmp(name.data, SPEC_ID, sizeof(SPEC_ID)) != 0)
        return broken(parser, "it does not begin with 'Spec ID Event03'");
    if (count == 0 || count > HM_EVENT_LOG_BANK_MAX)
        return broken(parser, "an impossible count of digests");
    for (uint32_t i = 0; i < count; i++) {
        struct bank bank = {.algorithm = hm_reader_le16(&rd)};

        bank.size = hm_reader_le16(&rd);
        if (hm_reader_failed(&rd) || bank.size == 0 || bank.size > DIGEST_SIZE_MAX ||
            (bank.algorithm == ALGORITHM_SHA256 && bank.size != HM_SHA256_SIZE))
            return broken(parser, "a digest of an impossible size");
        for (size_t j = 0; j < parser->bank_count; j++) {
            if (parser->banks[j].algorithm == bank.algorithm)
                return broken(parser, "an algorithm is named twice");
        }
        has_sha256 = has_sha256 || bank.algorithm == ALGORITHM_SHA256;
        parser->banks[parser->bank_count++] = bank;
    }
    (void)hm_reader_take(&rd, hm_reader_u8(&rd));
    if (hm_reader_failed(&rd) || hm_reader_left(&rd) != 0)
        return broken(parser, "its first event has a wrong size");
    if (!has_sha256)
        return broken(parser, "it has no SHA-256 digests");
    return HM_OK;
}

static enum hm_rc parse_first(struct parser *parser)
{
    uint32_t pcr = hm_reader_le32(&parser->rd);
    uint32_t type = hm_reader_le32(&parser->rd);
    struct hm_bytes data;

    (void)hm_reader_take(&parser->rd, 20);
    data = hm_reader_take(&parser->rd, hm_reader_le32(&parser->rd));
    if (hm_reader_failed(&parser->rd) || pcr != 0 || type != HM_EVENT_NO_ACTION)
        return broken(parser, "it does not begin with 'Spec ID Event03'");
    return parse_spec(parser, data);
}

static uint16_t size_of(const struct parser *parser, uint16_t algorithm)
{
    for (size_t i = 0; i < parser->bank_count; i++) {
        if (parser->banks[i].algorithm == algorithm)
            return parser->banks[i].size;
    }
    return 0;
}

static enum hm_rc parse_digests(struct parser *parser, struct hm_event *event)
{
    uint32_t count = hm_reader_le32(&parser->rd);
    bool has_sha256 = false;

    if (hm_reader_failed(&parser->rd) || count > parser->bank_count)
        return broken(parser, "an event has more digests than the log");
    for (uint32_t i = 0; i < count; i++) {
        uint16_t algorithm = hm_reader_le16(&parser->rd);
        uint16_t size = size_of(parser, algorithm);
        struct hm_bytes digest = hm_reader_take(&parser->rd, size);

        if (hm_reader_failed(&parser->rd) || size == 0)
            return broken(parser, "an event has a digest that the log does not name");
        if (algorithm != ALGORITHM_SHA256)
            continue;
        if (has_sha256)
            return broken(parser, "an event has two SHA-256 digests");
        has_sha256 = true;
        memcpy(event->sha256.bytes, digest.data, HM_SHA256_SIZE);
    }
    return has_sha256 ? HM_OK : broken(parser, "an event has no SHA-256 digest");
}

/* The value of a PCR is the digest of what it was and what is measured. Who starts the TPM at
 * another locality begins PCR 0 with its number. */
static enum hm_rc extend(struct parser *parser, const struct hm_event *event)
{
    struct hm_sha256 *pcr = &parser->log->pcrs[event->pcr];

    if (event->type == HM_EVENT_NO_ACTION) {
        if (event->pcr == 0 && event->data.size == sizeof(LOCALITY) + 1 &&
            memcmp(event->data.data, LOCALITY, sizeof(LOCALITY)) == 0 &&
            (parser->log->measured & 1) == 0)
            pcr->bytes[HM_SHA256_SIZE - 1] = event->data.data[sizeof(LOCALITY)];
        return HM_OK;
    }
    parser->log->measured |= UINT32_C(1) << event->pcr;
    HM_TRY(
        hm_digest_update(parser->digest, hm_bytes_make(pcr->bytes, HM_SHA256_SIZE), parser->err));
    HM_TRY(hm_digest_update(parser->digest, hm_bytes_make(event->sha256.bytes, HM_SHA256_SIZE),
                            parser->err));
    return hm_digest_final(parser->digest, parser->err, pcr->bytes);
}

static enum hm_rc add(struct parser *parser, const struct hm_event *event)
{
    struct hm_event_log *log = parser->log;

    if (log->count == HM_EVENT_LOG_COUNT_MAX)
        return broken(parser, "more than 65536 events");
    if (log->count == parser->capacity) {
        size_t grown = parser->capacity == 0 ? FIRST_CAPACITY : 2 * parser->capacity;
        void *moved = hm_arena_grow(&log->arena, log->events, parser->capacity * sizeof(*event),
                                    grown * sizeof(*event));

        if (moved == NULL)
            return hm_error_nomem(parser->err);
        log->events = moved;
        parser->capacity = grown;
    }
    log->events[log->count++] = *event;
    return HM_OK;
}

static enum hm_rc parse_event(struct parser *parser)
{
    struct hm_event event = {.pcr = hm_reader_le32(&parser->rd)};

    event.type = hm_reader_le32(&parser->rd);
    HM_TRY(parse_digests(parser, &event));
    event.data = hm_reader_take(&parser->rd, hm_reader_le32(&parser->rd));
    if (hm_reader_failed(&parser->rd))
        return broken(parser, "an event is cut off");
    if (event.pcr >= HM_EVENT_LOG_PCR_MAX) {
        if (event.type != HM_EVENT_NO_ACTION)
            return broken(parser, "an event of a PCR that there is not");
        return HM_OK; /* said to nobody */
    }
    HM_TRY(extend(parser, &event));
    return add(parser, &event);
}

static enum hm_rc parse(struct parser *parser)
{
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, parser->err, &parser->digest));
    HM_TRY(parse_first(parser));
    while (hm_reader_left(&parser->rd) > 0)
        HM_TRY(parse_event(parser));
    return HM_OK;
}

enum hm_rc hm_event_log_parse(struct hm_bytes bytes, struct hm_err *err,
                              struct hm_event_log *ret_log)
{
    struct hm_event_log log = {.arena = HM_ARENA_INIT};
    struct parser parser = {.rd = hm_reader_make(bytes), .log = &log, .err = err};
    enum hm_rc rc;

    if (bytes.size > HM_EVENT_LOG_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "no event log: larger than %zu bytes",
                       HM_EVENT_LOG_SIZE_MAX);
    rc = parse(&parser);
    hm_digest_free(parser.digest);
    if (rc != HM_OK) {
        hm_event_log_done(&log);
        return rc;
    }
    *ret_log = log;
    return HM_OK;
}

void hm_event_log_done(struct hm_event_log *log)
{
    hm_arena_done(&log->arena);
    *log = (struct hm_event_log){.arena = HM_ARENA_INIT};
}

bool hm_event_log_is_option_rom(const struct hm_event *event)
{
    return event->pcr == 2 && (event->type == HM_EVENT_EFI_BOOT_SERVICES_APP ||
                               event->type == HM_EVENT_EFI_BOOT_SERVICES_DRIVER ||
                               event->type == HM_EVENT_EFI_RUNTIME_DRIVER);
}
