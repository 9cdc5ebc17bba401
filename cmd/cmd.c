/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share (cmd.h). */
#include "cmd.h"

#include <stdarg.h>

#include "base/num.h"

#define WAIT_S_MAX 86400

static void print_help(FILE *out, const char *group, const struct hm_cmd *table)
{
    (void)fprintf(out, "usage: %s COMMAND [OPTION...]\n\n", group);
    for (const struct hm_cmd *cmd = table; cmd->name != NULL; cmd++)
        (void)fprintf(out, "  %-10s %s\n", cmd->name, cmd->summary);
    (void)fprintf(out, "\n'%s COMMAND --help' shows the options of one command.\n", group);
}

/* How many single-letter edits apart two short names are. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[32];
    size_t width = strlen(b);

    if (width + 1 > HM_ARRAY_COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            size_t other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

            diagonal = row[j + 1];
            row[j + 1] = replaced < other ? replaced : other;
        }
    }
    return row[width];
}

static const char *nearest(const struct hm_cmd *table, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 3; /* farther is no misspelling */

    for (const struct hm_cmd *cmd = table; cmd->name != NULL; cmd++) {
        size_t distance = edit_distance(name, cmd->name);

        if (distance < best_distance) {
            best = cmd->name;
            best_distance = distance;
        }
    }
    return best;
}

int hm_cmd_dispatch(const char *group, const struct hm_cmd *table, int argc, char **argv)
{
    const char *near_name;

    if (argc < 2) {
        print_help(stderr, group, table);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout, group, table);
        return fflush(stdout) == 0 ? 0 : 4;
    }
    for (const struct hm_cmd *cmd = table; cmd->name != NULL; cmd++)
        if (strcmp(argv[1], cmd->name) == 0)
            return cmd->run(argc - 1, argv + 1);
    near_name = nearest(table, argv[1]);
    if (near_name != NULL)
        return hm_cmd_usage(group, "'%s' is no command; did you mean '%s'?", argv[1], near_name);
    return hm_cmd_usage(group, "'%s' is no command", argv[1]);
}

int hm_cmd_fail(const struct hm_err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "hallmark: %s\n",
                  err->text[0] != '\0' ? err->text : hm_error_name(err->rc));
    return hm_error_exit_status(err->rc);
}

HM_PRINTF(2, 0)
static void print_sentence(const char *prefix, const char *format, va_list args)
{
    char text[HM_ERR_TEXT_MAX];
    struct hm_err escaped = HM_ERR_INIT;

    (void)vsnprintf(text, sizeof(text), format, args);
    (void)hm_fail(&escaped, HM_EUSAGE, "%s", text); /* arguments come from outside: escape them */
    (void)fflush(stdout);
    (void)fprintf(stderr, "hallmark: %s%s\n", prefix, escaped.text);
}

int hm_cmd_usage(const char *group, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_sentence("", format, args);
    va_end(args);
    (void)fprintf(stderr, "Try '%s --help'.\n", group);
    return hm_error_exit_status(HM_EUSAGE);
}

void hm_cmd_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_sentence("warning: ", format, args);
    va_end(args);
}

enum hm_rc hm_cmd_print(struct hm_bytes text, struct hm_err *err)
{
    if ((text.size > 0 && fwrite(text.data, 1, text.size, stdout) != text.size) ||
        fflush(stdout) != 0)
        return hm_fail(err, HM_EIO, "standard output: cannot be written");
    return HM_OK;
}

enum hm_rc hm_cmd_wait(const char *text, struct hm_err *err, uint32_t *ret_wait_ms)
{
    uint64_t seconds = 0;

    if (hm_num_parse_u64(text, strlen(text), &seconds) != HM_OK || seconds > WAIT_S_MAX)
        return hm_fail(err, HM_EUSAGE, "--wait takes seconds, 0 to %d, not '%s'", WAIT_S_MAX, text);
    *ret_wait_ms = (uint32_t)seconds * 1000;
    return HM_OK;
}

int hm_cmd_help(int option, const char *command, const char *usage, const char *more)
{
    if (option == '?') {
        (void)fprintf(stderr, "Try '%s --help'.\n", command);
        return 2;
    }
    if (option != 'h')
        return -1;
    (void)printf("%s%s--wait is how long another command is waited for, 30 seconds."
                 "\n--quiet prints nothing but warnings and failures.\n",
                 usage, more);
    return fflush(stdout) == 0 ? 0 : 4;
}
