/* SPDX-License-Identifier: Apache-2.0 */
/* YARA rules over an image (rules.h). */
#include "image/rules.h"

#include <time.h>
#include <yara.h>

#include "base/text.h"
#include "image/lint.h"

struct rules {
    struct hm_walk *walk;
    const struct hm_image *image;
    struct hm_findings *findings;
    YR_COMPILER *compiler;
    YR_RULES *compiled;
    YR_SCANNER *scanner;
    char why[HM_FINDING_TEXT_SIZE_MAX]; /* the first fault of the rules */
    uint32_t node, space;               /* what is scanned: a node, or (HM_IMAGE_NONE) a space */
    uint64_t start;                     /* of what is scanned, in its space */
    uint32_t cpu_s_max;
    enum hm_rc rc;
    struct hm_err *err;
};

static void rules_done(struct rules *rules)
{
    if (rules->scanner != NULL)
        yr_scanner_destroy(rules->scanner);
    if (rules->compiled != NULL)
        (void)yr_rules_destroy(rules->compiled); /* only frees */
    if (rules->compiler != NULL)
        yr_compiler_destroy(rules->compiler);
}

enum hm_rc hm_rules_start(void)
{
    return yr_initialize() == ERROR_SUCCESS ? HM_OK : HM_EINTERNAL;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static void on_message(int level, const char *file, int line, const YR_RULE *rule,
                       const char *message, void *ctx)
{
    struct rules *rules = ctx;

    (void)file; /* the namespace is said by who calls */
    (void)rule;
    if (level == YARA_ERROR_LEVEL_ERROR && rules->why[0] == '\0')
        (void)snprintf(rules->why, sizeof(rules->why), "line %d: %.300s", line, message);
}

static enum hm_rc refuse(struct rules *rules, const char *name)
{
    char why[HM_FINDING_TEXT_SIZE_MAX];

    (void)snprintf(why, sizeof(why), "'%.150s': %.300s", name,
                   rules->why[0] == '\0' ? "the rules cannot be compiled" : rules->why);
    rules->findings->rules_refused = true;
    return hm_finding_set_partial(rules->findings, why, rules->err);
}

/* The library takes texts that end with NUL. */
static enum hm_rc compile_file(struct rules *rules, struct hm_bytes name, struct hm_bytes text)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    char *space = hm_arena_strdup(&arena, name);
    char *source = hm_arena_strdup(&arena, text);

    if (space == NULL || source == NULL)
        return hm_error_nomem(rules->err);
    if (memchr(text.data, 0, text.size) != NULL) {
        (void)snprintf(rules->why, sizeof(rules->why), "it is no text");
        return refuse(rules, space);
    }
    if (yr_compiler_add_string(rules->compiler, source, space) > 0)
        return refuse(rules, space);
    return HM_OK;
}

static enum hm_rc compile(struct rules *rules, struct hm_bytes raw)
{
    static const char *const externals[] = {"filename", "filepath", "extension", "filetype",
                                            "owner"};
    struct hm_rd rd = hm_reader_make(raw);

    if (yr_compiler_create(&rules->compiler) != ERROR_SUCCESS)
        return hm_error_nomem(rules->err);
    yr_compiler_set_callback(rules->compiler, on_message, rules);
    yr_compiler_set_include_callback(rules->compiler, NULL, NULL, NULL);
    /* Public rules ask for these: an image's parts have none. */
    for (size_t i = 0; i < HM_ARRAY_COUNT(externals); i++) {
        if (yr_compiler_define_string_variable(rules->compiler, externals[i], "") != ERROR_SUCCESS)
            return hm_error_nomem(rules->err);
    }
    while (hm_reader_left(&rd) > 0) {
        struct hm_bytes name = hm_reader_take(&rd, hm_reader_le16(&rd));
        struct hm_bytes text = hm_reader_take(&rd, hm_reader_le32(&rd));

        if (hm_reader_failed(&rd))
            return hm_fail(rules->err, HM_EINTERNAL, "rules that are cut off");
        if (text.size == 0)
            continue;
        HM_TRY(compile_file(rules, name, text));
        if (rules->findings->rules_refused)
            return HM_OK;
    }
    if (yr_compiler_get_rules(rules->compiler, &rules->compiled) != ERROR_SUCCESS)
        return hm_error_nomem(rules->err);
    return HM_OK;
}

/* ---- scanning -------------------------------------------------------------------------------- */

/* What a rule says of itself, where it has a word for it. */
static const char *meta_text(const YR_RULE *rule, const char *name)
{
    const YR_META *meta;

    yr_rule_metas_foreach(rule, meta)
    {
        if (meta->type == META_TYPE_STRING && strcmp(meta->identifier, name) == 0)
            return meta->string;
    }
    return NULL;
}

static enum hm_finding_severity severity_of(const YR_RULE *rule)
{
    const char *text = meta_text(rule, "severity");
    enum hm_finding_severity severity;

    if (text == NULL || hm_finding_severity_parse(hm_bytes_str(text), &severity) != HM_OK)
        return HM_FINDING_HIGH;
    return severity;
}

/* Where its first string stands, in what is scanned; 0 for a rule without strings. */
static uint64_t first_match(YR_SCAN_CONTEXT *context, const YR_RULE *rule)
{
    uint64_t first = UINT64_MAX;
    const YR_STRING *string;

    yr_rule_strings_foreach(rule, string)
    {
        const void *at = context->matches[string->idx].head;

        while (at != NULL) {
            YR_MATCH match;
            uint64_t offset;

            memcpy(&match, at, sizeof(match)); /* the library keeps them at any address */
            offset = (uint64_t)(match.base + match.offset);
            if (!match.is_private && offset < first)
                first = offset;
            at = match.next;
        }
    }
    return first == UINT64_MAX ? 0 : first;
}

static enum hm_rc add_match(struct rules *rules, YR_SCAN_CONTEXT *context, const YR_RULE *rule)
{
    const char *description = meta_text(rule, "description");
    struct hm_finding finding = {.kind = HM_FINDING_RULE,
                                 .severity = severity_of(rule),
                                 .node = rules->node,
                                 .rule = hm_bytes_str(rule->identifier)};
    char detail[HM_FINDING_TEXT_SIZE_MAX];

    finding.offset = rules->start + first_match(context, rule);
    if (finding.node == HM_IMAGE_NONE)
        finding.node = hm_lint_node_at(rules->image, rules->space, finding.offset);
    (void)snprintf(detail, sizeof(detail), "%.100s%s%.380s", rule->ns->name,
                   description == NULL ? "" : ": ", description == NULL ? "" : description);
    finding.detail = hm_bytes_str(detail);
    return hm_lint_add(rules->walk, rules->findings, &finding, rules->err);
}

static int on_scan(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
    struct rules *rules = ctx;

    switch (message) {
    case CALLBACK_MSG_RULE_MATCHING:
        rules->rc = add_match(rules, context, data);
        break;
    case CALLBACK_MSG_TOO_MANY_MATCHES:
        rules->rc = hm_finding_set_partial(
            rules->findings, "a string of a rule matches too often: not all was scanned",
            rules->err);
        break;
    case CALLBACK_MSG_IMPORT_MODULE: {
        const YR_MODULE_IMPORT *import = data;

        /* These read files. */
        if (strcmp(import->module_name, "magic") != 0 && strcmp(import->module_name, "cuckoo") != 0)
            break;
        (void)snprintf(rules->why, sizeof(rules->why),
                       "a rule imports the module '%.40s', which a confined process cannot give",
                       import->module_name);
        return CALLBACK_ERROR;
    }
    default:
        break;
    }
    return rules->rc == HM_OK ? CALLBACK_CONTINUE : CALLBACK_ABORT;
}

static bool is_late(const struct rules *rules)
{
    struct timespec used;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
           used.tv_sec >= (time_t)rules->cpu_s_max;
}

static enum hm_rc scan(struct rules *rules, struct hm_bytes bytes)
{
    int rc;

    if (bytes.size == 0)
        return HM_OK;
    if (is_late(rules))
        return hm_finding_set_partial(
            rules->findings, "the rules took too long in all: not all was scanned", rules->err);
    rc = yr_scanner_scan_mem(rules->scanner, bytes.data, bytes.size);
    HM_TRY(rules->rc);
    switch (rc) {
    case ERROR_SUCCESS:
        return HM_OK;
    case ERROR_INSUFFICIENT_MEMORY:
        return hm_error_nomem(rules->err);
    case ERROR_SCAN_TIMEOUT:
        return hm_finding_set_partial(
            rules->findings, "a part took longer than 30 s: not all was scanned", rules->err);
    default:
        if (rules->why[0] != '\0')
            return refuse(rules, "rules");
        return hm_finding_set_partial(rules->findings, "the rules failed on a part", rules->err);
    }
}

static bool is_executable(enum hm_image_kind kind)
{
    return kind == HM_IMAGE_PE || kind == HM_IMAGE_TE || kind == HM_IMAGE_ROM_IMAGE;
}

/* A rule may ask for the first byte of a program, or for its size. A part that is a whole space is
 * scanned with that. */
static enum hm_rc scan_all(struct rules *rules)
{
    const struct hm_image *image = rules->image;

    rules->node = HM_IMAGE_NONE;
    for (rules->space = 0; rules->space < image->space_count; rules->space++)
        HM_TRY(scan(rules, hm_walk_space(rules->walk, rules->space)));
    for (uint32_t i = 0; i < image->node_count; i++) {
        const struct hm_image_node *node = &image->nodes[i];

        if (!is_executable(node->kind) || node->size == image->space_sizes[node->space])
            continue;
        rules->node = i;
        rules->space = node->space;
        rules->start = node->offset;
        HM_TRY(scan(rules, hm_walk_bytes(rules->walk, i)));
    }
    return HM_OK;
}

enum hm_rc hm_rules_run(struct hm_bytes raw, struct hm_walk *walk, uint32_t cpu_s_max,
                        struct hm_err *err, struct hm_findings *findings)
{
    _hm_done_(rules_done) struct rules rules = {.walk = walk,
                                                .image = hm_walk_image(walk),
                                                .findings = findings,
                                                .cpu_s_max = cpu_s_max,
                                                .err = err};

    if (raw.size == 0)
        return HM_OK;
    HM_TRY(compile(&rules, raw));
    if (findings->rules_refused)
        return HM_OK;
    if (yr_scanner_create(rules.compiled, &rules.scanner) != ERROR_SUCCESS)
        return hm_error_nomem(err);
    yr_scanner_set_callback(rules.scanner, on_scan, &rules);
    yr_scanner_set_timeout(rules.scanner, HM_RULES_PART_TIME_S_MAX);
    /* Its handlers of signals are neither allowed here nor needed. */
    yr_scanner_set_flags(rules.scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    return scan_all(&rules);
}
