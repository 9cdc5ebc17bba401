/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures for the site's logs (cosign.h). */
#include "site/cosign.h"

#include "base/file.h"
#include "base/text.h"
#include "tlog/witness_client.h"

#define SCHEMA "hallmark/witnesses/1"

/* ---- what is remembered ---------------------------------------------------------------------- */

static enum hm_rc read_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

static enum hm_rc read_count(struct hm_json *json, struct hm_err *err, uint64_t *ret_count)
{
    int64_t value;

    HM_TRY(hm_json_int(json, err, &value));
    if (value < 0)
        return hm_fail(err, HM_EFORMAT, "a negative number");
    *ret_count = (uint64_t)value;
    return HM_OK;
}

static enum hm_rc read_witness(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                               struct hm_cosign_witness *witness)
{
    struct hm_bytes key, span;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "vkey"))
            HM_TRY(read_text(json, arena, err, &witness->vkey));
        else if (hm_bytes_is_str(key, "failure"))
            HM_TRY(read_text(json, arena, err, &witness->failure));
        else if (hm_bytes_is_str(key, "size"))
            HM_TRY(read_count(json, err, &witness->size));
        else if (hm_bytes_is_str(key, "time"))
            HM_TRY(read_count(json, err, &witness->time_s));
        else
            HM_TRY(hm_json_skip(json, err, &span));
    }
    if (witness->vkey == NULL)
        return hm_fail(err, HM_EFORMAT, "a witness without its vkey");
    return HM_OK;
}

static enum hm_rc read_witnesses(struct hm_json *json, struct hm_err *err,
                                 struct hm_cosign_memory *memory)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (memory->count == HM_COSIGN_MEMORY_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d witnesses", HM_COSIGN_MEMORY_COUNT_MAX);
        HM_TRY(read_witness(json, &memory->arena, err, &memory->items[memory->count]));
        memory->count++;
    }
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_err *err, struct hm_cosign_memory *memory)
{
    const char *schema = NULL, *origin = NULL;
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    hm_json_init(&json, raw, &memory->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema"))
            HM_TRY(read_text(&json, &memory->arena, err, &schema));
        else if (hm_bytes_is_str(key, "log"))
            HM_TRY(read_text(&json, &memory->arena, err, &origin));
        else if (hm_bytes_is_str(key, "witnesses"))
            HM_TRY(read_witnesses(&json, err, memory));
        else
            HM_TRY(hm_json_skip(&json, err, &span));
    }
    HM_TRY(hm_json_end(&json, err));
    if (schema == NULL || strcmp(schema, SCHEMA) != 0)
        return hm_fail(err, HM_EFORMAT, "'schema' is not '" SCHEMA "'");
    if (origin == NULL || strlen(origin) >= sizeof(memory->origin))
        return hm_fail(err, HM_EFORMAT, "it does not say which log it is about");
    memcpy(memory->origin, origin, strlen(origin) + 1);
    return HM_OK;
}

enum hm_rc hm_cosign_memory_load(const struct hm_dir *private_dir, const char *origin,
                                 struct hm_err *err, struct hm_cosign_memory **ret_memory)
{
    _hm_free_(hm_cosign_memory_free) struct hm_cosign_memory *memory = calloc(1, sizeof(*memory));
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_COSIGN_FILE_SIZE_MAX);
    enum hm_rc rc;

    if (memory == NULL)
        return hm_error_nomem(err);
    memory->items =
        hm_arena_alloc(&memory->arena, HM_COSIGN_MEMORY_COUNT_MAX, sizeof(*memory->items));
    if (memory->items == NULL)
        return hm_error_nomem(err);
    rc = hm_dir_read(private_dir, HM_COSIGN_FILE, err, &raw);
    if (rc == HM_OK)
        rc = parse(hm_buf_bytes(&raw), err, memory);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return hm_error_prefix(err, rc, "'private/" HM_COSIGN_FILE "'");
    if (strcmp(memory->origin, origin) != 0) { /* sizes of another log say nothing of this one */
        memory->count = 0;
        (void)snprintf(memory->origin, sizeof(memory->origin), "%s", origin);
    }
    *ret_memory = hm_steal(&memory);
    return HM_OK;
}

void hm_cosign_memory_free(struct hm_cosign_memory *memory)
{
    if (memory == NULL)
        return;
    hm_arena_done(&memory->arena);
    free(memory);
}

const struct hm_cosign_witness *hm_cosign_memory_find(const struct hm_cosign_memory *memory,
                                                      const struct hm_note_key *key)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    if (hm_note_key_write(key, NULL, &vkey) != HM_OK)
        return NULL;
    for (size_t i = 0; i < memory->count; i++)
        if (strcmp(memory->items[i].vkey, hm_buf_str(&vkey)) == 0)
            return &memory->items[i];
    return NULL;
}

void hm_cosign_memory_json(const struct hm_cosign_memory *memory,
                           const struct hm_log_policy *policy, struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, "witnesses");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *witness = &policy->witnesses[i];
        const struct hm_cosign_witness *seen = hm_cosign_memory_find(memory, witness->key);

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "name", witness->name);
        if (witness->url != NULL)
            hm_json_writer_key_str(writer, "url", witness->url);
        if (seen != NULL && seen->time_s > 0) {
            hm_json_writer_key(writer, "size");
            hm_json_writer_u64(writer, seen->size);
            hm_json_writer_key(writer, "cosigned");
            hm_json_writer_time(writer, (int64_t)seen->time_s);
        }
        if (seen != NULL && seen->failure != NULL)
            hm_json_writer_key_str(writer, "failure", seen->failure);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
}

static enum hm_rc save(const struct hm_dir *private_dir, const struct hm_cosign_memory *memory,
                       struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_COSIGN_FILE_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "log", memory->origin);
    hm_json_writer_key(&writer, "witnesses");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < memory->count; i++) {
        const struct hm_cosign_witness *witness = &memory->items[i];

        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "vkey", witness->vkey);
        hm_json_writer_key(&writer, "size");
        hm_json_writer_u64(&writer, witness->size);
        hm_json_writer_key(&writer, "time");
        hm_json_writer_u64(&writer, witness->time_s);
        if (witness->failure != NULL)
            hm_json_writer_key_str(&writer, "failure", witness->failure);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(private_dir, HM_COSIGN_FILE, 0600, hm_buf_bytes(&raw), err);
}

/* The place of key, made where there is none. */
static enum hm_rc place_of(struct hm_cosign_memory *memory, const struct hm_note_key *key,
                           struct hm_err *err, struct hm_cosign_witness **ret_witness)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    const struct hm_cosign_witness *found = hm_cosign_memory_find(memory, key);

    if (found == NULL) {
        if (memory->count == HM_COSIGN_MEMORY_COUNT_MAX) { /* the oldest goes */
            memmove(memory->items, memory->items + 1, (memory->count - 1) * sizeof(*memory->items));
            memory->count--;
        }
        HM_TRY(hm_note_key_write(key, err, &vkey));
        memory->items[memory->count] = (struct hm_cosign_witness){
            .vkey = hm_arena_strdup(&memory->arena, hm_buf_bytes(&vkey))};
        if (memory->items[memory->count].vkey == NULL)
            return hm_error_nomem(err);
        found = &memory->items[memory->count++];
    }
    *ret_witness = &memory->items[found - memory->items];
    return HM_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static enum hm_rc prove(void *ctx, uint64_t old_size, uint64_t size, struct hm_err *err,
                        struct hm_merkle_proof *ret_proof)
{
    return hm_log_prove_consistency(ctx, old_size, size, err, ret_proof);
}

/* One round of asking. */
struct round {
    const struct hm_log_policy *policy;
    struct hm_log *log;
    uint64_t size; /* of the log */
    struct hm_cosign_memory *memory;
    uint64_t known_sizes[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    struct hm_witness_client_report *reports; /* a place for each witness */
    const char *name, *remedy;                /* of the log, for sentences */
};

static enum hm_rc remember(struct round *round, struct hm_err *err)
{
    for (size_t i = 0; i < round->policy->witness_count; i++) {
        const struct hm_witness_client_report *report = &round->reports[i];
        struct hm_cosign_witness *witness = NULL;

        HM_TRY(place_of(round->memory, round->policy->witnesses[i].key, err, &witness));
        if (report->size > 0) /* else it said nothing, and what it said before stands */
            witness->size = report->size;
        witness->failure = NULL;
        if (report->rc == HM_OK) {
            witness->time_s = report->time_s;
            continue;
        }
        witness->failure = hm_arena_strdup(&round->memory->arena, hm_bytes_str(report->text));
        if (witness->failure == NULL)
            return hm_error_nomem(err);
    }
    return HM_OK;
}

static enum hm_rc report_all(const struct round *round, struct hm_err *err, struct hm_buf *report)
{
    for (size_t i = 0; i < round->policy->witness_count; i++) {
        if (round->reports[i].rc == HM_OK)
            HM_TRY(hm_buf_append_fmt(report, err, "cosigned by witness '%s'\n",
                                     round->policy->witnesses[i].name));
        else
            HM_TRY(hm_buf_append_fmt(report, err, "WARNING: not cosigned: %s\n",
                                     round->reports[i].text));
    }
    return HM_OK;
}

/* Somebody signed a longer log with this key. */
static enum hm_rc check_seen(const struct round *round, struct hm_err *err)
{
    for (size_t i = 0; i < round->policy->witness_count; i++) {
        const struct hm_cosign_witness *witness =
            hm_cosign_memory_find(round->memory, round->policy->witnesses[i].key);

        if (witness != NULL && witness->size > round->size)
            return hm_fail(err, HM_EREFUSED,
                           "witness '%s' has seen %llu entries of %s, and this site "
                           "knows %llu: its 'private' is an older copy, or somebody else signs "
                           "with the log's key; nothing is signed until the newest 'private' is "
                           "back%s",
                           round->policy->witnesses[i].name, (unsigned long long)witness->size,
                           round->name, (unsigned long long)round->size, round->remedy);
    }
    return HM_OK;
}

static enum hm_rc fail_quorum(const struct round *round, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf quorum = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf failures = HM_BUF_INIT(65536);
    size_t count = 0;

    HM_TRY(hm_log_policy_describe(round->policy, err, &quorum));
    for (size_t i = 0; i < round->policy->witness_count; i++) {
        count += round->reports[i].rc == HM_OK;
        if (round->reports[i].rc != HM_OK)
            HM_TRY(hm_buf_append_fmt(&failures, err, "; %s", round->reports[i].text));
    }
    return hm_fail(err, HM_EAGAIN, "%zu of %zu witnesses cosigned %s, and the quorum is %s%s",
                   count, round->policy->witness_count, round->name, hm_buf_str(&quorum),
                   hm_buf_str(&failures));
}

static enum hm_rc ask(struct round *round, const struct hm_dir *private_dir,
                      struct hm_bytes checkpoint, const struct hm_cosign_options *options,
                      struct hm_err *err, struct hm_buf *report, struct hm_buf *ret_note)
{
    struct hm_witness_client_source source = {.consistency = prove, .ctx = round->log};
    struct hm_witness_client_options client = {.ca_file = options->ca_file,
                                               .deadline_ms = options->deadline_ms,
                                               .now_unix_s = options->now_unix_s};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    for (size_t i = 0; i < round->policy->witness_count; i++) {
        const struct hm_cosign_witness *witness =
            hm_cosign_memory_find(round->memory, round->policy->witnesses[i].key);

        round->known_sizes[i] = witness == NULL ? 0 : witness->size;
        if (round->known_sizes[i] > round->size)
            round->known_sizes[i] = round->size;
    }
    rc = hm_witness_client_gather(round->policy, checkpoint, &source, &client, round->known_sizes,
                                  round->reports, &why, ret_note);
    if (rc != HM_OK && rc != HM_ESIGNATURE) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    HM_TRY(remember(round, err));
    HM_TRY(save(private_dir, round->memory, err));
    HM_TRY(report_all(round, err, report));
    HM_TRY(check_seen(round, err));
    return rc == HM_OK ? HM_OK : fail_quorum(round, err);
}

static enum hm_rc ask_policy(const struct hm_dir *private_dir, struct hm_log *log,
                             const struct hm_log_policy *policy, struct hm_bytes checkpoint,
                             const struct hm_cosign_options *options, struct hm_err *err,
                             struct hm_buf *report, struct hm_buf *ret_note)
{
    _hm_free_(hm_cosign_memory_free) struct hm_cosign_memory *memory = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_log_head head;
    struct round round = {
        .policy = policy,
        .log = log,
        .name = options->log == NULL ? "the release log" : options->log,
        .remedy =
            options->log == NULL ? ", or the log is succeeded ('hallmark site rotate log')" : "",
    };

    hm_log_head(log, &head);
    round.size = head.size;
    HM_TRY(hm_cosign_memory_load(private_dir, policy->logs[0].key->name, err, &memory));
    round.memory = memory;
    round.reports = hm_arena_alloc(&arena, policy->witness_count, sizeof(*round.reports));
    if (round.reports == NULL)
        return hm_error_nomem(err);
    return ask(&round, private_dir, checkpoint, options, err, report, ret_note);
}

/* The lines of from that note lacks. */
static enum hm_rc merge(const struct hm_buf *from, struct hm_err *err, struct hm_buf *note)
{
    _hm_free_(hm_note_free) struct hm_note *more = NULL;
    _hm_free_(hm_note_free) struct hm_note *have = NULL;

    HM_TRY(hm_note_parse(hm_buf_bytes(from), err, &more));
    HM_TRY(hm_note_parse(hm_buf_bytes(note), err, &have));
    for (size_t i = 0; i < more->signature_count; i++) {
        const struct hm_note_signature *line = &more->signatures[i];
        bool found = false;

        for (size_t j = 0; j < have->signature_count && !found; j++)
            found = have->signatures[j].id == line->id &&
                    hm_bytes_is_equal(have->signatures[j].name, line->name);
        if (!found)
            HM_TRY(hm_buf_append(note, line->line, err));
    }
    return HM_OK;
}

enum hm_rc hm_cosign_gather(const struct hm_dir *private_dir, struct hm_log *log,
                            const struct hm_log_policy *policy, const struct hm_log_policy *before,
                            struct hm_bytes checkpoint, const struct hm_cosign_options *options,
                            struct hm_err *err, struct hm_buf *report, struct hm_buf *ret_note)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf old = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (policy->witness_count == 0)
        HM_TRY(hm_buf_append(&note, checkpoint, err));
    else
        HM_TRY(ask_policy(private_dir, log, policy, checkpoint, options, err, report, &note));
    if (before != NULL && before->witness_count > 0) {
        rc = ask_policy(private_dir, log, before, checkpoint, options, &why, report, &old);
        if (rc == HM_EAGAIN)
            HM_TRY(hm_buf_append_fmt(report, err,
                                     "WARNING: by the root before, %s; customers see the change "
                                     "once they have the new root\n",
                                     why.text));
        else if (rc != HM_OK && err != NULL)
            *err = why;
        if (rc != HM_OK && rc != HM_EAGAIN)
            return rc;
        HM_TRY(merge(&old, err, &note));
    }
    return hm_buf_append(ret_note, hm_buf_bytes(&note), err);
}
